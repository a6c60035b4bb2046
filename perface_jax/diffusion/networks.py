"""The five networks as one: their modules and their parameters by name."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from perface_jax import precision
from perface_jax.diffusion.clip_encoder import ImageEncoder
from perface_jax.diffusion.settings import EncoderSettings, Settings, UNetSettings, VAESettings
from perface_jax.diffusion.unet import UNet
from perface_jax.diffusion.vae import VAE

UNET, SOURCE, CONDITIONING = "unet", "referencenet", "conditioning_referencenet"
PICTURES, ENCODER = "vae", "image_encoder"
NAMES = (UNET, SOURCE, CONDITIONING, PICTURES, ENCODER)
REFERENCES = (SOURCE, CONDITIONING)
Params = dict[str, Any]  # name of a network -> its parameters


class Networks(NamedTuple):
    """The modules. `dtype` is that of the UNets and of their parameters; the two others are at least float32."""

    settings: Settings = Settings()
    dtype: Any = jnp.dtype(jnp.float32)

    @property
    def wide(self) -> Any:
        """The dtype of pictures, latents, autoencoder and image encoder."""
        return precision.wide(self.dtype)

    @property
    def unet(self) -> UNet:
        """The denoiser, and both ReferenceNets, which have parameters of their own."""
        return UNet(settings=self.settings.unet, dtype=self.dtype, param_dtype=self.dtype)

    @property
    def vae(self) -> VAE:
        """The autoencoder."""
        return VAE(settings=self.settings.vae, dtype=self.wide, param_dtype=self.wide)

    @property
    def encoder(self) -> ImageEncoder:
        """The image encoder."""
        return ImageEncoder(settings=self.settings.encoder, dtype=self.wide, param_dtype=self.wide)


def run(module: nn.Module, params: Any, *arguments: Any, method: str | None = None) -> Any:
    """What a module, or a method of it, computes with its parameters."""
    return module.apply({"params": params}, *arguments, method=method)


@functools.cache
def abstract_params(networks: Networks, name: str) -> Any:
    """Shapes and dtypes of the parameters of a network, without those that have no effect."""
    settings, key, given = networks.settings, jax.random.key(0), networks
    networks = networks._replace(dtype=jnp.dtype(jnp.float32))  # shapes do not depend on it
    if name == ENCODER:
        made = _shapes(networks.encoder.init, key, (1, settings.encoder.size, settings.encoder.size, 3))
    elif name == PICTURES:
        made = _shapes(networks.vae.init, key, (1, settings.vae.factor * 4, settings.vae.factor * 4, 3))
    elif name in REFERENCES:
        shapes = (1, 16, 16, settings.unet.latents), (1, 1, settings.unet.context)
        made = _shapes(functools.partial(networks.unet.init, method="states"), key, *shapes)
    elif name == UNET:
        shapes = (1, 16, 16, settings.unet.latents), (1, 2, settings.unet.context)
        made = _shapes(functools.partial(networks.unet.init, method=_denoise), key, *shapes)
    else:
        raise ValueError(f"saw the network {name!r}, wanted one of {', '.join(NAMES)}")
    dtype = given.wide if name in (ENCODER, PICTURES) else given.dtype
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, dtype), made["params"])


def untrained(dtype: Any = jnp.float32) -> Networks:
    """Small networks of two resolutions, to try a program without weights: their faces are noise."""
    unet = UNetSettings((16, 32), (2, 4), (True, False), (False, True), layers=1, groups=4, context=16)
    encoder = EncoderSettings(width=16, hidden=32, layers=1, heads=2, size=28)
    return Networks(Settings(unet, VAESettings((8, 16, 16, 16), layers=1, groups=4), encoder), jnp.dtype(dtype))


def random_params(networks: Networks, seed: int = 0) -> Params:
    """Random parameters of all networks, for tests and to try a program."""
    random = np.random.default_rng(seed)

    def draw(path, leaf):
        if len(leaf.shape) == 1:
            return jnp.full(leaf.shape, float(path[-1].key == "scale"), leaf.dtype)
        spread = max(leaf.size // leaf.shape[-1], 1) ** -0.5
        return jnp.asarray((spread * random.standard_normal(leaf.shape)).astype(leaf.dtype))

    return {name: jax.tree.map_with_path(draw, abstract_params(networks, name)) for name in NAMES}


def _denoise(unet, x, embeddings):
    """All parameters of the denoiser are used."""
    return unet(x, jnp.zeros(len(x), jnp.int32), unet.remember(None, embeddings))


def _shapes(init, key, *shapes):
    return jax.eval_shape(init, key, *(jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes))
