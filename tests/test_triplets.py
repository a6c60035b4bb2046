"""Triplet accuracy and its interval over clusters, by hand and against a plain simulation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax import metrics

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


def test_an_embedding_that_is_no_number_is_neither_right_nor_wrong():
    broken = POSITIVE.at[0, 0].set(jnp.nan)
    assert jnp.isnan(metrics.triplet_accuracy(REFERENCE, broken, NEGATIVE))
    kept = jnp.array([False, True, True, True])
    assert metrics.triplet_accuracy(REFERENCE, broken, NEGATIVE, where=kept) == 0.5  # (0 + 1/2 + 1) / 3


def test_many_half_precision_triplets_are_counted(key):
    embeddings = jax.random.normal(next(key), (3, 70_000, 4)).astype(jnp.float16)
    np.testing.assert_allclose(metrics.triplet_accuracy(*embeddings), 0.5, atol=0.01)


def test_a_model_that_gives_every_picture_the_same_vector_scores_one_half():
    same = jnp.ones((5, 3))
    assert metrics.triplet_accuracy(same, same, same) == 0.5


def test_it_runs_under_jit_and_vmap():
    stacked = jax.tree.map(lambda x: jnp.stack([x, x[::-1]]), (REFERENCE, POSITIVE, NEGATIVE))
    np.testing.assert_array_equal(jax.jit(jax.vmap(metrics.triplet_accuracy))(*stacked), [0.625, 0.625])


def test_clusters_that_are_all_alike_give_a_wide_interval_and_independent_triplets_a_narrow_one(key):
    scores = jnp.repeat(jnp.array([1.0, 0, 1, 0, 1, 1, 0, 1, 1, 1]), 20)
    by_source = metrics.cluster_interval(next(key), scores, jnp.repeat(jnp.arange(10), 20))
    by_triplet = metrics.cluster_interval(next(key), scores, jnp.arange(200))
    # 10 clusters with mean .7: sd of the mean sqrt(.21 / 10) = .145; 200 triplets: .0324
    np.testing.assert_allclose(by_source, [0.4, 1.0], atol=0.06)
    np.testing.assert_allclose(by_triplet, [0.7 - 1.96 * 0.0324, 0.7 + 1.96 * 0.0324], atol=0.01)


def test_clusters_of_unequal_size_weigh_by_their_triplets(key):
    # Two clusters, 9 right and 1 wrong. A draw is AA = 1 (1/4), AB = 9/10 (1/2) or BB = 0 (1/4).
    scores, clusters = jnp.array([1.0] * 9 + [0.0]), jnp.array([3] * 9 + [5])
    np.testing.assert_allclose(metrics.cluster_interval(next(key), scores, clusters, level=0.4), [0.9, 0.9], rtol=1e-6)
    np.testing.assert_allclose(metrics.cluster_interval(next(key), scores, clusters, level=0.9), [0, 1], rtol=1e-6)
