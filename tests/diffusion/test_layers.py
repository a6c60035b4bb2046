"""Repeated pixels."""

import jax.numpy as jnp
import numpy as np
import torch

from perface_jax.diffusion.layers import repeated, tokens


def test_pixels_are_repeated_as_in_pytorch():
    x = np.arange(2 * 3 * 5, dtype=np.float32).reshape(1, 2, 3, 5)
    for size in ((4, 6), (3, 5), (2, 6)):
        wanted = torch.nn.functional.interpolate(torch.tensor(np.moveaxis(x, -1, 1)), size, mode="nearest")
        np.testing.assert_array_equal(np.moveaxis(repeated(jnp.asarray(x), size), -1, 1), wanted)


def test_pixels_in_one_row():
    assert tokens(jnp.zeros((2, 3, 4, 5))).shape == (2, 12, 5)
