"""The terms of the anonymizer's loss, by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax import fidelity
from perface_jax.generator import losses


def test_reconstruction_counts_what_is_not_the_face():
    original, painted = np.zeros((2, 2, 2, 3)), np.full((2, 2, 2, 3), 51.0)
    mask = np.array([[[1, 1], [0, 0.5]], [[1, 1], [1, 1]]])
    np.testing.assert_allclose(losses.reconstruction(original, painted, mask), [0.2, 0], atol=1e-7)


def test_hinge_losses_are_zero_beyond_their_margin():
    real, fake = np.array([2.0, 0.25, -1]), np.array([-3.0, 0.5, 1])
    np.testing.assert_allclose(losses.discriminator_hinge(real, fake), [0, 0.75 + 1.5, 2 + 2])
    np.testing.assert_allclose(losses.generator_hinge(fake), [3, -0.5, -1])


def test_r1_is_half_the_squared_slope_on_the_scale_of_the_networks():
    weights = np.array([1.0, -2.0, 3.0], np.float32)

    def judge(pictures):  # of the inside scale -1..1: a slope of `weights` at every one of four pixels
        return jnp.einsum("bhwc,c->b", pictures / 127.5 - 1, weights)

    np.testing.assert_allclose(losses.r1_penalty(judge, np.full((2, 2, 2, 3), 9.0)), [28, 28], rtol=1e-6)


def test_privacy_is_the_cosine_above_epsilon_and_flat_below():
    x, y = np.array([[1.0, 0], [1, 0], [1, 0]]), np.array([[2.0, 0], [0.6, 0.8], [-1, 0]])
    np.testing.assert_allclose(losses.privacy(x, y, epsilon=0.7), [1, 0.7, 0.7], rtol=1e-6)
    slopes = jax.grad(lambda y: losses.privacy(x, y, epsilon=0.5).sum())(y)
    assert np.abs(slopes[1]).max() > 0.1
    np.testing.assert_array_equal(slopes[2], 0)


def test_the_weights_of_the_regions_are_percept_faces():
    assert tuple(fidelity.PERCEPTFACE) == (0.192, 0.223, 0.183, 0.229, 0.174)


def test_judgments_are_floating():
    with pytest.raises(TypeError, match="judgments are int"):
        losses.generator_hinge(np.array([1]))
