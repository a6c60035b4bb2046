"""Winograd's convolution against XLA's, and how few digits it loses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax import winograd

LAYOUT = ("NHWC", "HWIO", "NHWC")


def both(dtype, shape, features):
    """The same convolution by Winograd and by XLA in float64, of rows that differ."""
    random = np.random.default_rng(0)
    x, kernel = random.normal(size=shape), random.normal(size=(3, 3, shape[-1], features))
    with jax.enable_x64(True):
        wanted = jax.lax.conv_general_dilated(
            jnp.array(x), jnp.array(kernel), (1, 1), ((1, 1), (1, 1)), dimension_numbers=LAYOUT
        )
        found = winograd.convolve(jnp.array(x, dtype), jnp.array(winograd.transform(kernel), dtype))
    return np.asarray(found, np.float64), np.asarray(wanted)


@pytest.mark.parametrize("shape", [(2, 4, 6, 3), (1, 2, 2, 5), (3, 14, 14, 2)])
def test_it_is_the_convolution(shape):
    found, wanted = both(np.float64, shape, 4)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-13 * np.abs(wanted).max())


def test_float32_loses_next_to_no_digits():
    found, wanted = both(np.float32, (2, 14, 14, 256), 16)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-6 * np.abs(wanted).max())  # measured: 7e-7


def test_it_is_chosen_for_many_channels_and_small_even_pictures_only():
    wide, narrow = np.zeros((3, 3, 128, 256)), np.zeros((3, 3, 64, 128))
    assert winograd.suits(wide, 28)
    assert not any((winograd.suits(wide, 56), winograd.suits(wide, 7), winograd.suits(narrow, 28)))
