"""Counting votes, with NumPy and with JAX."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax.statistics.votes import agreeing_pairs, count_votes

VOTES = np.array([[0, 0, 0, -1, -1], [1, 1, -1, 0, 1], [-1, -1, 1, -1, -1], [-1, -1, -1, -1, -1]], np.int8)


@pytest.mark.parametrize("array", [np.asarray, jnp.asarray])
def test_votes_and_pairs_by_hand(array):
    np.testing.assert_array_equal(count_votes(array(VOTES)), [[3, 1, 0, 0], [0, 3, 1, 0]])
    # 3:0 agree in all 3 * 2 pairs, 1:3 in 3 * 2 of 4 * 3
    np.testing.assert_array_equal(agreeing_pairs(array(VOTES)), [[6, 6, 0, 0], [6, 12, 0, 0]])


def test_numpy_votes_stay_numpy_arrays_and_traced_ones_are_counted():
    assert isinstance(count_votes(VOTES)[0], np.ndarray)
    np.testing.assert_array_equal(jax.jit(count_votes)(VOTES[None])[1], [[0, 3, 1, 0]])
