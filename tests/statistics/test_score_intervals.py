"""Intervals of means of scores from 0 to 1: against SciPy where triplets are independent, and at the ends."""

import jax
import numpy as np
from scipy.stats import binomtest

from perface_jax import metrics


def test_of_independent_right_and_wrong_answers_it_is_wilsons_and_rises_with_them():
    right = (np.arange(20) < np.arange(21)[:, None]).astype(np.float32)
    low, high = metrics.score_interval(right, np.arange(20))
    expected = [binomtest(k, 20).proportion_ci(method="wilson") for k in range(21)]
    np.testing.assert_allclose(np.stack([low, high], axis=1), expected, atol=1e-6)
    assert (np.diff(low) > 0).all()
    assert (np.diff(high) > 0).all()
    assert low[0] == 0
    assert high[20] == 1


def test_it_rises_with_the_right_answers_of_sources_too():
    for each in (2, 3):
        source = np.repeat(np.arange(20), each)
        right = (np.arange(20 * each) < np.arange(20 * each + 1)[:, None]).astype(np.float32)
        low, high = metrics.score_interval(right, source)
        assert (np.diff(low) > -1e-6).all()
        assert (np.diff(high) > -1e-6).all()


def test_without_an_error_it_counts_clusters_of_two_clusterings_the_fewer():
    source, target = (grid.reshape(-1) for grid in np.mgrid[:30, :12])
    ones = np.ones(360, np.float32)
    for clusters, count in (((source,), 30), ((source, target), 12)):
        expected = binomtest(count, count).proportion_ci(method="wilson")
        np.testing.assert_allclose(metrics.score_interval(ones, *clusters), expected, atol=1e-6)
        np.testing.assert_allclose(metrics.score_interval(1 - ones, *clusters), [0, 1 - expected.low], atol=1e-6)


def test_far_from_the_ends_it_is_the_robust_interval():
    random = np.random.default_rng(0)
    source, target = (grid.reshape(-1) for grid in np.mgrid[:100, :90])
    p = 0.5 + 0.2 * random.normal(size=100)[source]
    scores = (random.random(9000) < p).astype(np.float32)
    robust, found = (np.array(f(scores, source, target)) for f in (metrics.robust_interval, metrics.score_interval))
    np.testing.assert_allclose(found, robust, atol=0.05 * np.ptp(robust))


def test_it_has_no_ends_where_there_is_no_variance_to_know():
    ones, one = np.ones(6, np.float32), np.zeros(6, int)
    assert np.isnan(metrics.score_interval(ones, one)).all()
    assert np.isnan(metrics.score_interval(ones, np.arange(6), one)).all()
    assert np.isnan(metrics.score_interval(np.where(one == 0, np.nan, ones).astype(np.float32), np.arange(6))).all()


def test_it_runs_under_jit_with_names_as_constants():
    names = np.array(["a", "b", "c", "d"])
    scores = np.array([1, 0, 1, 1], np.float32)
    traced = jax.jit(lambda x: metrics.score_interval(x, names))(scores)
    np.testing.assert_allclose(traced, metrics.score_interval(scores, names), rtol=1e-6)
