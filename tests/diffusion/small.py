"""The small networks with their formula weights, and the golden values."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np

from converters import diffusers_keys
from perface_jax.diffusion import networks, settings
from tests.diffusion import formula


def read_settings(size):
    configs = json.loads((formula.GOLDEN / "configs.json").read_text())[size]
    return settings.Settings(
        settings.read_unet(configs["unet"]),
        settings.read_vae(configs["vae"]),
        settings.read_encoder(configs["image_encoder"]),
        settings.read_schedule(configs["scheduler"]),
    )


def read_keys(size, name):
    file = {networks.PICTURES: "vae", networks.ENCODER: "image_encoder"}.get(name, "unet")
    return json.loads((formula.GOLDEN / f"keys_{file}.json").read_text())[size]


def made(dtype="float64", size="small"):
    return networks.Networks(read_settings(size), jnp.dtype(dtype))


@functools.cache
def filled(name):
    return diffusers_keys.fill(made(), name, formula.state_dict(name, read_keys("small", name)))


def params(*names, dtype="float64"):
    """Of these networks, or of all."""
    return {
        name: jax.tree.map(lambda x: jnp.asarray(x, dtype), filled(name).params) for name in names or networks.NAMES
    }


@functools.cache
def golden():
    return dict(np.load(formula.GOLDEN / "small.npz"))


def latents(name, shape, dtype="float64"):
    """Standard normal [b, c, h, w] by name, as [b, h, w, c]."""
    return jnp.asarray(formula.nhwc(formula.normal(name, shape)), dtype)


def tokens(name, shape, dtype="float64"):
    return jnp.asarray(formula.normal(name, shape), dtype)


def pictures(name, shape, dtype="float64"):
    return jnp.asarray(formula.nhwc(formula.picture(name, shape)), dtype)
