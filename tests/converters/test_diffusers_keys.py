"""Keys and layouts of the diffusion anonymizer's checkpoints."""

import numpy as np
import pytest

from converters import diffusers_keys
from perface_jax.diffusion import networks
from tests.diffusion import small


@pytest.mark.slow
@pytest.mark.parametrize("name", networks.NAMES)
@pytest.mark.parametrize("size", ["small", "real"])
def test_every_key_is_used_or_without_effect(name, size):
    keys = small.read_keys(size, name)
    tensors = diffusers_keys.tensors_of(small.made("float32", size), name)
    assert {key: tuple(shape) for key, shape in keys.items() if key in tensors} == {
        key: tensor.torch_shape for key, tensor in tensors.items()
    }
    idle = keys.keys() - tensors.keys()
    if name not in networks.REFERENCES:
        assert not idle
        return
    never = {key for key in idle if ".attn2.to_q." in key or ".attn2.to_k." in key or "blocks.0.norm2." in key}
    late = sum(int(np.prod(keys[key])) for key in idle - {key for key in never if not _is_late(key)})
    assert size == "small" or late == 14_803_204  # behind the last state


def _is_late(key):
    return key.startswith("up_blocks.3.attentions")


def encoder_tensors():
    return {key: np.zeros(shape, np.float32) for key, shape in small.read_keys("small", networks.ENCODER).items()}


def test_the_text_half_of_clip_is_named_and_not_used():
    beside = {
        "text_model.final_layer_norm.weight": np.ones(2, np.float32),
        "logit_scale": np.float32(1),
        "vision_model.embeddings.position_ids": np.arange(3),
        "visual_projection.weight": np.ones((2, 2), np.float32),
    }
    found = diffusers_keys.fill(small.made("float32"), networks.ENCODER, encoder_tensors() | beside)
    assert found.dropped == tuple(sorted(beside))


def test_missing_unexpected_and_misshapen_tensors_are_named():
    tensors = encoder_tensors()
    del tensors["vision_model.post_layernorm.bias"]
    tensors |= {"vision_model.post_layernorm.weight": np.ones(3, np.float32), "other": np.ones(1, np.float32)}
    with pytest.raises(ValueError, match="image_encoder") as error:
        diffusers_keys.fill(small.made("float32"), networks.ENCODER, tensors)
    said = str(error.value)
    assert "- vision_model.post_layernorm.bias" in said
    assert "+ vision_model.post_layernorm.weight [3]" in said
    assert "+ other" in said


def test_old_names_and_layouts_of_the_autoencoder_are_taken():
    keys = small.read_keys("small", networks.PICTURES)
    old = {new: name for name, new in diffusers_keys.OLD_ATTENTION.items()}
    tensors = {}
    for i, (key, shape) in enumerate(keys.items()):
        array = np.full(shape, i, np.float32)
        for new, name in old.items():
            if f"attentions.0.{new}." in key:
                key, array = key.replace(f".{new}.", f".{name}."), array[..., None, None] if array.ndim == 2 else array
        tensors[key] = array
    assert any(".proj_attn." in key for key in tensors)
    found = diffusers_keys.fill(small.made("float32"), networks.PICTURES, tensors)
    wanted = list(keys).index("encoder.mid_block.attentions.0.to_out.0.weight")
    assert found.params["encoder"]["mid_block"]["attentions_0"]["to_out_0"]["kernel"][0, 0] == wanted
