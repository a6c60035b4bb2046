import jax
import numpy as np

from perface_jax.selection.cosines import cosines
from perface_jax.similarity import unit

COSINES = jax.jit(cosines)
RANDOM = np.random.default_rng(0)
QUERIES, CANDIDATES = unit(RANDOM.normal(size=(3, 8))), RANDOM.normal(size=(50, 8)).astype(np.float32)


def by_numpy(candidates):
    candidates = np.float64(candidates)
    length = np.linalg.norm(candidates, axis=1, keepdims=True)
    return candidates / np.where(length == 0, 1, length) @ np.float64(QUERIES).T


def test_cosines_are_those_of_float64_whatever_the_lengths():
    for candidates in (CANDIDATES, unit(CANDIDATES), CANDIDATES * 1e-30, CANDIDATES * 1e30):
        found = COSINES(QUERIES, candidates)
        assert found.shape == (50, 3)
        np.testing.assert_allclose(found, by_numpy(candidates), atol=3e-7)


def test_a_zero_among_vectors_of_length_one_has_cosine_0():
    candidates = np.array(unit(CANDIDATES))
    candidates[7] = 0
    found = COSINES(QUERIES, candidates)
    np.testing.assert_array_equal(found[7], 0)
    np.testing.assert_allclose(found, by_numpy(candidates), atol=3e-7)


def test_lengths_that_are_one_up_to_rounding_are_divided_by():
    # Without the division the shorter of two vectors of one direction would seem less similar.
    candidates = np.float32([[0.9999, 0], [1, 0], [1.0001, 0]])
    np.testing.assert_array_equal(COSINES(np.float32([[1, 0]]), candidates), np.ones((3, 1)))
