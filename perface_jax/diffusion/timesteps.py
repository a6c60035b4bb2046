"""Sines and cosines of a timestep."""

import functools

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float32, Int

from perface_jax.arrays import AnyArray, Array

LONGEST = 10000.0  # period of the slowest wave, over 2 pi
STEPS = 1000  # timesteps that networks are trained for


def waves(t: Int[AnyArray, " b"], width: int) -> Float32[Array, "b {width}"]:
    """[cos(t f), sin(t f)] with f_i = LONGEST^(-i / half), i = 0 .. half - 1, half = width / 2.

    In float32, whatever the network computes in, as the weights were trained. Rows of a table of the host, because
    accelerators round sines of large numbers differently. Timesteps from 0 to STEPS - 1.
    """
    return jnp.asarray(_table(width))[t]


@functools.cache
def _table(width):
    """Arguments in float32, as PyTorch rounds them; waves exact up to one rounding."""
    half = width // 2
    exponents = np.float32(-np.log(LONGEST)) * np.arange(half, dtype=np.float32) / np.float32(half)
    frequencies = np.exp(exponents.astype(np.float64)).astype(np.float32)
    angles = (np.arange(STEPS, dtype=np.float32)[:, None] * frequencies[None]).astype(np.float64)
    return np.concatenate([np.cos(angles), np.sin(angles)], -1).astype(np.float32)
