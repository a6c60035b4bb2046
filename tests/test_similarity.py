"""Cosine and length: by hand, against SciPy, and at the places where the plain quotient breaks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.distance import cosine

from perface_jax.similarity import length, pairwise_similarity, similarity


def test_vectors_of_any_length_give_the_cosine_of_their_angle():
    # (3, 4) against (8, 6): (24 + 24) / (5 * 10)
    np.testing.assert_allclose(similarity(jnp.array([3.0, 4.0]), jnp.array([8.0, 6.0])), 0.96, rtol=1e-6)


def test_it_agrees_with_scipy_and_broadcasts_leading_dimensions(key):
    x, y = jax.random.normal(next(key), (5, 1, 7)), jax.random.normal(next(key), (1, 3, 7))
    scores = similarity(x, y)
    wanted = [[1 - cosine(a[0], b) for b in np.asarray(y[0])] for a in np.asarray(x)]
    assert scores.shape == (5, 3)
    np.testing.assert_allclose(scores, wanted, atol=1e-6)
    np.testing.assert_allclose(jax.jit(pairwise_similarity)(x[:, 0], y[0]), wanted, atol=1e-6)


@pytest.mark.parametrize(
    "every_pair",
    [
        pairwise_similarity,
        lambda x, y: similarity(x[:, None], y[None]),
        lambda x, y: jax.vmap(lambda one: similarity(one, y))(x),
        jax.vmap(jax.vmap(similarity, (None, 0)), (0, None)),
    ],
)
def test_every_pair_takes_the_memory_of_the_results(every_pair):
    shapes = jax.ShapeDtypeStruct((2500, 512), jnp.float32), jax.ShapeDtypeStruct((2000, 512), jnp.float32)
    rows = [one.aval.size for one in jax.make_jaxpr(every_pair)(*shapes).eqns for one in one.outvars]
    assert max(rows) <= 2500 * 2000  # not times 512


def test_every_pair_of_a_batch_and_of_zero_vectors():
    @jax.jit  # one program in place of many small ones
    def values(x, y):
        return pairwise_similarity(x, y), jax.grad(lambda x: pairwise_similarity(x, y).sum())(x)

    x = np.stack([np.eye(3, dtype=np.float32), np.zeros((3, 3), np.float32)])
    value, gradient = values(x, 2 * x[:1, :2])
    np.testing.assert_array_equal(value, [np.eye(3)[:, :2], np.zeros((3, 2))])
    np.testing.assert_array_equal(gradient[1], np.zeros((3, 3)))


def test_it_runs_under_jit_and_vmap(key):
    x, y = jax.random.normal(next(key), (2, 5, 7))
    np.testing.assert_allclose(jax.jit(jax.vmap(similarity))(x, y), similarity(x, y), atol=1e-6)


def test_a_zero_vector_has_similarity_zero_and_a_zero_gradient():
    zero, other = jnp.zeros(3), jnp.array([1.0, 2.0, 2.0])
    value, (by_zero, by_other) = jax.value_and_grad(similarity, (0, 1))(zero, other)
    assert value == 0
    np.testing.assert_array_equal(by_zero, [0, 0, 0])
    np.testing.assert_array_equal(by_other, [0, 0, 0])


def test_the_gradient_is_that_of_the_formula():
    # d cos / dx = y / (|x| |y|) - cos * x / |x|^2, at x = (1, 0), y = (1, 1): (0, 1 / sqrt 2)
    gradient = jax.grad(similarity)(jnp.array([1.0, 0.0]), jnp.array([1.0, 1.0]))
    np.testing.assert_allclose(gradient, [0, 0.5**0.5], atol=1e-6)


@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_tiny_and_huge_vectors_keep_their_angle(scale):
    x = jnp.array([3.0, 4.0]) * scale
    np.testing.assert_allclose(similarity(x, jnp.array([8.0, 6.0])), 0.96, rtol=1e-6)
    assert jnp.isfinite(jax.grad(similarity)(x, jnp.array([8.0, 6.0]))).all()


def test_length_is_euclidean_with_gradient_zero_at_zero():
    np.testing.assert_allclose(length(jnp.array([[3.0, 4.0], [0.0, 0.0]])), [5, 0])
    np.testing.assert_array_equal(jax.grad(length)(jnp.zeros(2)), [0, 0])


def test_different_last_axes_are_refused_with_both_shapes():
    with pytest.raises(ValueError, match=r"\(2, 3\) and \(2, 4\)"):
        similarity(jnp.ones((2, 3)), jnp.ones((2, 4)))
    with pytest.raises(ValueError, match=r"wants \[..., N, D\] and \[..., M, D\], got \(2, 3\) and \(4,\)"):
        pairwise_similarity(jnp.ones((2, 3)), jnp.ones(4))
