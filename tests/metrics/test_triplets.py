"""Scores of triplets and their accuracy, worked by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax import metrics
from perface_jax.metrics import triplets

REFERENCE = jnp.array([[1.0, 0.0]] * 4)
POSITIVE = jnp.array([[1.0, 0.1], [0.0, 1.0], [2.0, 2.0], [1.0, 1.0]])
NEGATIVE = jnp.array([[1.0, 0.5], [1.0, 1.0], [2.0, 2.0], [0.0, 3.0]])  # right, wrong, tie, right


def test_each_triplet_is_right_wrong_or_half_a_tie():
    np.testing.assert_array_equal(metrics.triplet_scores(REFERENCE, POSITIVE, NEGATIVE), [1, 0, 0.5, 1])


def test_the_accuracy_is_their_mean():
    assert metrics.triplet_accuracy(REFERENCE, POSITIVE, NEGATIVE) == 0.625


def test_masked_triplets_do_not_count():
    kept = jnp.array([True, False, True, False])
    assert metrics.triplet_accuracy(REFERENCE, POSITIVE, NEGATIVE, where=kept) == 0.75


def test_a_mask_of_another_shape_is_refused_with_both_shapes():
    with pytest.raises(ValueError, match=r"\(1,\), the triplets \(4,\)"):
        metrics.triplet_accuracy(REFERENCE, POSITIVE, NEGATIVE, where=jnp.ones(1, bool))


def test_a_nan_embedding_is_neither_right_nor_wrong():
    broken = POSITIVE.at[0, 0].set(jnp.nan)
    assert jnp.isnan(metrics.triplet_accuracy(REFERENCE, broken, NEGATIVE))
    kept = jnp.array([False, True, True, True])
    assert metrics.triplet_accuracy(REFERENCE, broken, NEGATIVE, where=kept) == 0.5  # (0 + 1/2 + 1) / 3


def test_many_half_precision_triplets_are_counted(key):
    embeddings = jax.random.normal(next(key), (3, 70_000, 4)).astype(jnp.float16)
    np.testing.assert_allclose(metrics.triplet_accuracy(*embeddings), 0.5, atol=0.01)


def test_a_constant_model_scores_one_half():
    same = jnp.ones((5, 3))
    assert metrics.triplet_accuracy(same, same, same) == 0.5


def test_it_runs_under_jit_and_vmap():
    stacked = jax.tree.map(lambda x: jnp.stack([x, x[::-1]]), (REFERENCE, POSITIVE, NEGATIVE))
    np.testing.assert_array_equal(jax.jit(jax.vmap(metrics.triplet_accuracy))(*stacked), [0.625, 0.625])


def test_there_is_one_accuracy_and_one_mask_for_each_leading_index():
    stacked = jax.tree.map(lambda x: jnp.stack([x, x]), (REFERENCE, POSITIVE, NEGATIVE))
    kept = jnp.array([[True] * 4, [True, False, True, False]])
    np.testing.assert_array_equal(metrics.triplet_accuracy(*stacked, where=kept), [0.625, 0.75])
    np.testing.assert_array_equal(jax.jit(metrics.triplet_accuracy)(*stacked, where=kept), [0.625, 0.75])


def test_a_single_triplet_has_a_score_and_no_accuracy():
    with pytest.raises(ValueError, match=r"wants triplets \[..., T, D\], got one of shape \(2,\); see triplet_scores"):
        metrics.triplet_accuracy(REFERENCE[0], POSITIVE[0], NEGATIVE[0])


def test_the_soft_score_is_the_share_of_those_who_agree():
    difference = jnp.array([0.3, -0.001, 0.0, -2.0, jnp.nan, 0.1])
    share = jnp.array([0.75, 0.75, 0.75, 0.0, 1.0, jnp.nan])
    wanted = [0.75, 0.25, 0.5, 1.0, np.nan, np.nan]
    np.testing.assert_array_equal(metrics.soft_scores(difference, share), wanted)
    rows = jnp.stack([difference, -difference]), jnp.stack([share, share])
    other = [0.25, 0.75, 0.5, 0.0, np.nan, np.nan]
    np.testing.assert_array_equal(jax.jit(jax.vmap(metrics.soft_scores))(*rows), [wanted, other])
    np.testing.assert_array_equal(metrics.soft_scores(*rows), [wanted, other])


def test_with_unanimous_votes_the_soft_score_is_the_triplet_score():
    difference = jnp.array([0.2, -0.2, 0.0])
    expected = metrics.pair_scores(difference, jnp.zeros(3))
    np.testing.assert_array_equal(metrics.soft_scores(difference, jnp.ones(3)), expected)
    np.testing.assert_array_equal(metrics.soft_scores(-difference, jnp.zeros(3)), expected)


def test_soft_scores_of_other_shapes_and_dtypes_are_refused():
    with pytest.raises(ValueError, match=r"difference \(3,\), share \(1,\)"):
        metrics.soft_scores(jnp.ones(3), jnp.ones(1))
    with pytest.raises(TypeError, match="shares are int32"):
        metrics.soft_scores(jnp.ones(3), jnp.ones(3, int))
    with pytest.raises(TypeError, match="similarities are int32"):
        metrics.soft_scores(jnp.ones(3, int), jnp.ones(3))


# Angles of three pictures: pairs (y, z), (x, z), (x, y) are 80, 90 and 10 degrees apart: x and y are the most alike.
ODD = [jnp.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))], jnp.float32) for angle in (0, 10, 90)]


def test_the_odd_one_out_is_right_where_the_other_two_are_most_alike():
    x, y, z = (jnp.stack([row] * 3) for row in ODD)
    np.testing.assert_array_equal(metrics.odd_one_out_scores(x, y, z, jnp.array([0, 1, 2])), [0, 0, 1])
    np.testing.assert_array_equal(metrics.odd_one_out_scores(z, x, y, jnp.array([0, 1, 2])), [1, 0, 0])
    np.testing.assert_array_equal(metrics.odd_one_out_scores(y, z, x, jnp.array([0, 1, 2])), [0, 1, 0])


def test_pairs_that_tie_share_the_point():
    # y = z: (x, y) and (x, z) tie below (y, z).   x = y = z: all three tie.   x opposite to y = z.
    x, y = jnp.array([1.0, 0.0]), jnp.array([0.6, 0.8])
    assert [metrics.odd_one_out_scores(x, y, y, jnp.array(odd)).item() for odd in range(3)] == [1, 0, 0]
    np.testing.assert_allclose(metrics.odd_one_out_scores(x, x, x, jnp.array(1)), 1 / 3, rtol=1e-6)
    # (x, z) and (y, z) are at right angles, x opposite to y: two pairs tie for the most alike.
    z = jnp.array([0.0, 1.0])
    assert [metrics.odd_one_out_scores(x, -x, z, jnp.array(odd)).item() for odd in range(3)] == [0.5, 0.5, 0]


def test_an_odd_one_out_of_range_or_a_nan_vector_has_no_score():
    x, y, z = ODD
    for odd in (-1, 3):
        assert jnp.isnan(metrics.odd_one_out_scores(x, y, z, jnp.array(odd)))
    assert jnp.isnan(metrics.odd_one_out_scores(x * jnp.nan, y, z, jnp.array(0)))


def test_odd_ones_run_under_jit_and_vmap():
    x, y, z = (jnp.stack([row] * 6).reshape(2, 3, 2) for row in ODD)
    odd = jnp.array([[0, 1, 2], [2, 2, 0]], jnp.int8)
    np.testing.assert_array_equal(jax.jit(jax.vmap(metrics.odd_one_out_scores))(x, y, z, odd), [[0, 0, 1], [1, 1, 0]])


def test_odd_ones_of_other_shapes_and_dtypes_are_refused():
    x, y, z = (jnp.stack([row] * 3) for row in ODD)
    with pytest.raises(ValueError, match=r"`odd` has shape \(2,\), the triplets \(3,\)"):
        metrics.odd_one_out_scores(x, y, z, jnp.zeros(2, int))
    with pytest.raises(TypeError, match="odd ones are float32"):
        metrics.odd_one_out_scores(x, y, z, jnp.zeros(3))


def test_scores_keep_double_precision():
    with jax.enable_x64(True):
        x = np.eye(3)
        assert metrics.triplet_scores(x, x, 1 - x).dtype == np.float64
        assert metrics.soft_scores(np.ones(3), np.ones(3, np.float32)).dtype == np.float64
        assert metrics.odd_one_out_scores(x, x, x, np.zeros(3, int)).dtype == np.float64


def test_many_triplets_in_host_memory_are_scored_in_blocks(monkeypatch):
    arrays = np.random.default_rng(0).normal(size=(3, 10, 8)).astype(np.float32)
    wanted = jax.jit(metrics.triplet_scores)(*arrays)  # traced: in one piece
    monkeypatch.setattr(triplets, "BLOCK", 4)
    np.testing.assert_array_equal(metrics.triplet_scores(*arrays), wanted)
    np.testing.assert_array_equal(metrics.triplet_scores(*jnp.asarray(arrays)), wanted)
    assert metrics.triplet_scores(*arrays[:, :0]).shape == (0,)
