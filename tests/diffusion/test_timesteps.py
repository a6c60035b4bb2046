"""Waves of timesteps."""

import jax.numpy as jnp
import numpy as np

from perface_jax.diffusion.timesteps import waves
from tests.diffusion import small
from tests.diffusion.test_unet import WAVES


def test_waves_are_those_of_the_original_to_one_rounding():
    found = waves(jnp.array(WAVES), 32)
    np.testing.assert_allclose(found, small.golden()["unet/time_proj_32"], rtol=0, atol=6e-8)


def test_cosines_come_first_and_the_first_wave_is_the_fastest():
    found = np.asarray(waves(jnp.array([0, 2]), 4))
    np.testing.assert_allclose(found[0], [1, 1, 0, 0])
    np.testing.assert_allclose(found[1], [np.cos(2), np.cos(0.02), np.sin(2), np.sin(0.02)], rtol=1e-6)
