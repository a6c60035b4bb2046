"""Networks small enough to run in a test: two resolutions, random parameters."""

import functools

import jax.numpy as jnp
import numpy as np

from perface_jax.diffusion import FaceAnonymizer, networks

SIZE = 32


@functools.cache
def made(dtype="float32"):
    return networks.untrained(jnp.dtype(dtype))


@functools.cache
def params():
    return networks.random_params(made())


def anonymizer(**options):
    return FaceAnonymizer(
        made(), options.pop("params", None) or params(), **{"size": SIZE, "steps": 2, "batch": 2, **options}
    )


def faces(count):
    return np.random.default_rng(0).integers(0, 256, (count, 24, 24, 3), dtype=np.uint8)
