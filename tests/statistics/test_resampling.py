"""The bootstrap of formulas over sums: by hand, against the textbook, and against the one that JAX traces."""

import jax
import numpy as np
import pytest

from perface_jax.statistics.cluster_bootstrap import bootstrap_means, cluster_sums, weighted_means
from perface_jax.statistics.resampling import divide, ratio, resample, sum_by


def test_sums_by_hand():
    table = np.array([[1, 10], [2, 20], [4, 40]])
    np.testing.assert_array_equal(sum_by(table, np.array([2, 0, 2]), 4), [[2, 20], [0, 0], [5, 50], [0, 0]])


def test_a_resample_by_hand():
    # clusters: (1 + 2) of 2 rows, 4 of 1 row; weights 1 and 1, 2 and 0, 0 and 2
    measure, weights = ratio(np.array([1, 2, 4]), np.ones(3)), np.array([[1, 1], [2, 0], [0, 2.0]])
    np.testing.assert_allclose(measure.resampled(np.array([0, 0, 1]), weights), [7 / 3, 6 / 4, 8 / 2])
    assert measure.value() == pytest.approx(7 / 3)


def test_every_resample_draws_as_many_clusters_as_there_are():
    weights = resample(7, 300, seed=3)
    assert (weights.sum(axis=1) == 7).all()
    np.testing.assert_allclose(weights.mean(axis=0), 1, atol=0.2)
    np.testing.assert_array_equal(weights, resample(7, 300, seed=3))


def test_zero_over_zero_is_nan():
    np.testing.assert_array_equal(divide(np.array([1, 0, 3]), np.array([2, 0, 0])), [0.5, np.nan, np.nan])


def test_the_interval_of_a_mean_of_clusters_is_the_textbook_one():
    """100 clusters of 20 equal values: the standard error is that of 100 numbers, not of 2,000."""
    rng = np.random.default_rng(5)
    means = rng.normal(size=100)
    cluster = np.repeat(np.arange(100), 20)
    found = ratio(means[cluster], np.ones(2000)).estimate(cluster, resample(100, 4000, seed=1))
    error = means.std() / 10
    assert found.value == pytest.approx(means.mean())
    assert found.low == pytest.approx(means.mean() - 1.96 * error, abs=0.1 * error)
    assert found.high == pytest.approx(means.mean() + 1.96 * error, abs=0.1 * error)


def _scores():
    random = np.random.default_rng(6)
    cluster = np.append(np.arange(12), random.integers(0, 12, 60))
    return (cluster / 12 + random.random(72)).astype(np.float32), cluster


def test_with_the_same_weights_it_gives_the_same_means_as_the_bootstrap_that_jax_traces():
    scores, cluster = _scores()
    weights = resample(12, 50)
    traced = weighted_means(*cluster_sums(scores, cluster, sizes=(12,)), weights.T.astype(np.float32))
    np.testing.assert_allclose(traced, ratio(scores, np.ones(72)).resampled(cluster, weights), rtol=1e-6)


def test_with_draws_of_their_own_the_two_have_the_same_distribution():
    scores, cluster = _scores()
    ours = ratio(scores, np.ones(72)).resampled(cluster, resample(12, 20_000))
    traced = bootstrap_means(jax.random.key(0), scores, cluster, resamples=20_000)
    ends = (2.5, 25, 50, 75, 97.5)
    np.testing.assert_allclose(np.percentile(traced, ends), np.percentile(ours, ends), atol=0.05 * np.std(ours))
