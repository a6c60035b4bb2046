"""The distance of two pictures: that of their embeddings, and the right derivative in the pixels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import perface_jax
from perface_jax.network.model import iresnet
from tests.golden import formula

MODEL = iresnet(layers=(1, 1, 1, 1), width=4, image_size=16, embedding_size=8)
VARIABLES = formula.variables(MODEL)
PICTURES = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), np.uint8)
distance = perface_jax.perceptual_distance(MODEL, VARIABLES)


def test_it_is_one_minus_the_similarity_of_embeddings_and_batch_axes_broadcast():
    vectors = perface_jax.embed(MODEL, VARIABLES, PICTURES)
    a, b = PICTURES[:2, None], PICTURES[2:]
    wanted = 1 - perface_jax.similarity(vectors[:2, None], vectors[2:])
    found = distance(a, b)
    assert (found.shape, found.dtype) == ((2, 3), np.float32)
    np.testing.assert_allclose(found, wanted, atol=2e-6)
    np.testing.assert_allclose(distance(a[0, 0].astype(np.float32), jnp.asarray(b)), wanted[0], atol=2e-6)


def test_equal_pictures_have_distance_and_gradient_zero_and_half_precision_is_widened():
    x = PICTURES[:1].astype(np.float32)
    step = jax.jit(jax.value_and_grad(lambda a, b: distance(a, b).sum()))
    value, gradient = step(x, x)
    assert 0 <= value < 1e-12
    np.testing.assert_allclose(gradient, 0, atol=1e-7)
    value, gradient = step(x, PICTURES[1:2].astype(np.float32))
    half, other = step(jnp.asarray(x, jnp.bfloat16), PICTURES[1:2].astype(np.float32))
    assert (half, other.dtype) == (value, jnp.bfloat16)
    assert np.abs(gradient).max() > 1e-4
    np.testing.assert_allclose(other.astype(np.float32), gradient, rtol=1e-2)


def test_under_jit_a_known_picture_is_checked_and_needs_no_tracing():
    x, face = (jax.ShapeDtypeStruct((16, 16, 3), np.float32), jnp.asarray(PICTURES[1], jnp.float32))
    assert jax.eval_shape(jax.jit(lambda pixels: distance(pixels, face)), x).shape == ()
    dark = face / 255
    with pytest.raises(ValueError, match=r"looks like 0\.\.1"):
        jax.eval_shape(jax.jit(lambda pixels: distance(pixels, dark)), x)


def test_an_embedding_of_length_zero_has_distance_one():
    nothing = jax.tree.map(np.zeros_like, VARIABLES)
    assert perface_jax.perceptual_distance(MODEL, nothing)(PICTURES[0], PICTURES[1]) == 1


@pytest.mark.slow
def test_the_gradient_in_the_pixels_agrees_with_differences_in_float64():
    with jax.enable_x64(True):
        model = MODEL.clone(dtype=jnp.float64, param_dtype=jnp.float64)
        variables = jax.tree.map(lambda x: np.asarray(x, np.float64), VARIABLES)
        exact = perface_jax.perceptual_distance(model, variables)
        a, b = PICTURES[:2].astype(np.float64) * 0.9 + 5
        assert exact(a, b).dtype == np.float64
        check_grads(exact, (a, b), order=1, modes=["rev"], eps=1e-4, rtol=1e-6, atol=1e-9)
        plain = perface_jax.perceptual_distance(model.clone(kernels="xla"), variables)
        check_grads(plain, (a, b), order=1, modes=["fwd"], eps=1e-4, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (PICTURES / np.float32(255), PICTURES, "looks like 0..1: first x = 255"),
        (PICTURES[:, :8], PICTURES, r"wanted uint8 or floating RGB \[..., 16, 16, 3\]"),
        (PICTURES[:0], PICTURES, r"saw shape \[0, 16, 16, 3\], wanted at least one picture"),
        (PICTURES[:2], PICTURES[:3], r"saw \[2\] and \[3\] pictures, .* every a with every b"),
    ],
)
def test_other_pictures_are_refused(a, b, message):
    with pytest.raises(ValueError, match=message):
        distance(a, b)
