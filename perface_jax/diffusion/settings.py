"""The sizes of the five networks and the noise schedule, as the `config.json` files of the checkpoints name them.

Only what changes a result is kept. A value that these networks do not have is refused, because it would be computed
wrongly without a word.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

CROSS, PLAIN = "CrossAttn", ""
FIXED = {  # of a UNet: what is built in
    "flip_sin_to_cos": True, "freq_shift": 0, "act_fn": "silu", "use_linear_projection": True, "only_cross_attention":
    False, "dual_cross_attention": False, "resnet_time_scale_shift": "default", "time_embedding_type": "positional",
    "conv_in_kernel": 3, "conv_out_kernel": 3, "downsample_padding": 1, "mid_block_scale_factor": 1,
    "transformer_layers_per_block": 1, "class_embed_type": None, "addition_embed_type": None, "num_class_embeds": None,
    "encoder_hid_dim": None, "time_cond_proj_dim": None, "timestep_post_act": None, "center_input_sample": False,
    "cross_attention_norm": None, "time_embedding_dim": None, "time_embedding_act_fn": None, "dropout": 0.0,
    "resnet_out_scale_factor": 1.0, "resnet_skip_time_act": False, "mid_block_type": "UNetMidBlock2DCrossAttn",
    "class_embeddings_concat": False, "attention_type": "default",
}  # fmt: skip
FIXED_VAE = {"act_fn": "silu"}
FIXED_ENCODER = {"hidden_act": "quick_gelu", "num_channels": 3, "attention_dropout": 0.0}
FIXED_SCHEDULE = {
    "beta_schedule": "scaled_linear", "trained_betas": None, "prediction_type": "v_prediction", "thresholding": False,
    "timestep_spacing": "leading", "rescale_betas_zero_snr": False, "clip_sample": False,
    "variance_type": "fixed_small",
}  # fmt: skip
UNET_NAMES = {  # of our fields, those in the files
    "channels": "block_out_channels", "layers": "layers_per_block", "groups": "norm_num_groups", "epsilon": "norm_eps",
    "context": "cross_attention_dim", "latents": "in_channels",
}  # fmt: skip
VAE_NAMES = {
    "channels": "block_out_channels", "layers": "layers_per_block", "groups": "norm_num_groups",
    "latents": "latent_channels", "scale": "scaling_factor",
}  # fmt: skip
ENCODER_NAMES = {
    "width": "hidden_size", "hidden": "intermediate_size", "layers": "num_hidden_layers",
    "heads": "num_attention_heads", "patch": "patch_size", "size": "image_size", "epsilon": "layer_norm_eps",
}  # fmt: skip
SCHEDULE_NAMES = {
    "steps": "num_train_timesteps", "first_beta": "beta_start", "last_beta": "beta_end", "offset": "steps_offset",
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class UNetSettings:
    """A denoising network, or a ReferenceNet: Stable Diffusion 2.1's by default."""

    channels: tuple[int, ...] = (320, 640, 1280, 1280)
    heads: tuple[int, ...] = (5, 10, 20, 20)
    down_attention: tuple[bool, ...] = (True, True, True, False)
    up_attention: tuple[bool, ...] = (False, True, True, True)
    layers: int = 2  # of a down block; an up block has one more
    groups: int = 32
    epsilon: float = 1e-5
    context: int = 1024  # channels of an image embedding
    latents: int = 4  # channels in and out


@dataclasses.dataclass(frozen=True)
class VAESettings:
    """The autoencoder between pictures and latents."""

    channels: tuple[int, ...] = (128, 256, 512, 512)
    layers: int = 2
    groups: int = 32
    latents: int = 4
    scale: float = 0.18215  # latents are multiplied by it

    @property
    def factor(self) -> int:
        """Pixels of a picture per latent, along a side."""
        return 2 ** (len(self.channels) - 1)


@dataclasses.dataclass(frozen=True)
class EncoderSettings:
    """The vision transformer of CLIP: ViT-L/14 by default."""

    width: int = 1024
    hidden: int = 4096  # of its MLPs
    layers: int = 24
    heads: int = 16
    patch: int = 14
    size: int = 224  # side of its pictures
    epsilon: float = 1e-5


@dataclasses.dataclass(frozen=True)
class ScheduleSettings:
    """The noise schedule."""

    steps: int = 1000  # of training
    first_beta: float = 0.00085
    last_beta: float = 0.012
    offset: int = 1


@dataclasses.dataclass(frozen=True)
class Settings:
    """All five networks and the schedule. The three UNets have the same sizes."""

    unet: UNetSettings = UNetSettings()
    vae: VAESettings = VAESettings()
    encoder: EncoderSettings = EncoderSettings()
    schedule: ScheduleSettings = ScheduleSettings()


def read_unet(config: Mapping[str, Any]) -> UNetSettings:
    """From `unet/config.json`. ValueError: a value that this network does not have; fields left out are SD-2.1's."""
    _refuse("unet", config, FIXED)
    found = _named(UNetSettings(), UNET_NAMES, config)
    heads = config.get("num_attention_heads") or config.get("attention_head_dim") or found.heads
    return dataclasses.replace(
        found,
        heads=(heads,) * len(found.channels) if isinstance(heads, int) else tuple(heads),
        down_attention=_attention(config, "down_block_types", found.down_attention),
        up_attention=_attention(config, "up_block_types", found.up_attention),
    )


def read_vae(config: Mapping[str, Any]) -> VAESettings:
    """From `vae/config.json`, as `read_unet`."""
    _refuse("vae", config, FIXED_VAE)
    return _named(VAESettings(), VAE_NAMES, config)


def read_encoder(config: Mapping[str, Any]) -> EncoderSettings:
    """From the `config.json` of CLIP, whole or of its vision part, as `read_unet`."""
    config = config.get("vision_config") or config
    _refuse("image_encoder", config, FIXED_ENCODER)
    return _named(EncoderSettings(), ENCODER_NAMES, config)


def read_schedule(config: Mapping[str, Any]) -> ScheduleSettings:
    """From `scheduler/scheduler_config.json`, as `read_unet`."""
    _refuse("scheduler", config, FIXED_SCHEDULE)
    return _named(ScheduleSettings(), SCHEDULE_NAMES, config)


def to_record(settings: Settings) -> dict[str, Any]:
    """As JSON holds it; `from_record` reads it."""
    return dataclasses.asdict(settings)


def from_record(record: Mapping[str, Any]) -> Settings:
    """From `to_record`. TypeError, ValueError: a field is missing or unknown."""
    kinds: dict[str, Any] = {field.name: type(field.default) for field in dataclasses.fields(Settings)}
    if kinds.keys() != record.keys():
        raise ValueError(f"saw the parts {sorted(record)}, wanted {sorted(kinds)}")
    return Settings(**{name: kind(**_tuples(record[name])) for name, kind in kinds.items()})


def _named(like, names, config):
    """`like` with what the file says under its own names."""
    return dataclasses.replace(
        like, **_tuples({field: config[name] for field, name in names.items() if name in config})
    )


def _tuples(record):
    return {name: tuple(value) if isinstance(value, list) else value for name, value in record.items()}


def _attention(config, name, default):
    kinds = config.get(name)
    return default if kinds is None else tuple(kind.startswith(CROSS) for kind in kinds)


def _refuse(part, config, fixed):
    for name, value in fixed.items():
        if config.get(name, value) != value:
            raise ValueError(f"{name} of the {part} is {config[name]!r}; this library computes {value!r} only")
