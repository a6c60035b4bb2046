"""Ids of clusters: what is accepted, and how they are numbered."""

import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax.statistics.cluster_ids import checked, groups, numbered


def test_names_are_numbered_in_sorted_order_and_integers_stay():
    np.testing.assert_array_equal(numbered(np.array(["b", "a", "b"])), [1, 0, 1])
    np.testing.assert_array_equal(numbered(["b", "a", "b"]), [1, 0, 1])

    np.testing.assert_array_equal(numbered(np.array([7, -1, 7])), [7, -1, 7])
    np.testing.assert_array_equal(numbered(jnp.array([3, 1])), [3, 1])


def test_integers_that_do_not_fit_are_numbered_and_unknown_ones_stay_unknown():
    np.testing.assert_array_equal(numbered(np.array([2**40, -5, 2**33, -1, 2**40])), [1, -1, 0, -1, 1])


def test_other_ids_are_refused_with_what_to_do():
    with pytest.raises(TypeError, match="clusters are float64; wanted integers, or names in a NumPy array"):
        numbered(np.array([0.5]))
    with pytest.raises(TypeError, match="clusters cannot be sorted .*; wanted integers, or names of one type"):
        numbered(np.array(["a", 1], object))
    with pytest.raises(ValueError, match="3 clusterings; wanted the source of each triplet, its target, or both"):
        checked(np.ones(2, np.float32), [np.zeros(2, int)] * 3, None)
    with pytest.raises(ValueError, match=r"clusters have shape \(3,\), scores \(4, 2\)"):
        checked(np.ones((4, 2), np.float32), [np.zeros(3, int)], None)


def test_combinations_of_ids_are_counted_among_the_triplets_that_count():
    source, target = jnp.array([5, 5, 900, 5, 900]), jnp.array([1, 2, 1, 1, 2])
    kept = jnp.array([True, True, True, True, False])
    number, count = groups((source, target), kept)
    assert count == 3
    assert number[0] == number[3]
    assert len(set(np.asarray(number[:3]))) == 3
