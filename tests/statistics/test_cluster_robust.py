"""Two-way cluster-robust intervals: by hand, against statsmodels. Coverage: `test_coverage.py`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import t

from perface_jax import metrics

# Sources 0 0 1 1, targets 0 1 0 1, scores 1 1 0 1: the mean is 3/4, the residuals 1/4, 1/4, -3/4, 1/4.
SCORES, SOURCE, TARGET = jnp.array([1.0, 1.0, 0.0, 1.0]), jnp.array([0, 0, 1, 1]), jnp.array([0, 1, 0, 1])


def test_a_table_by_hand():
    # Sums of sources 1/2, -1/2; of targets -1/2, 1/2: 2 * (1/2) / 16 = 1/16 each. Cells: 4/3 * (12/16) / 16 = 1/16.
    found = metrics.robust_mean(SCORES, SOURCE, TARGET)
    np.testing.assert_allclose(found, [3 / 4, np.sqrt(1 / 16), 1], rtol=1e-6)
    np.testing.assert_allclose(
        metrics.robust_interval(SCORES, SOURCE, TARGET), 0.75 + 0.25 * t.ppf([0.025, 0.975], 1), rtol=1e-5
    )


def _holes(seed, count=300):
    """Scores that vary by source and by target, some cells empty and some taken several times."""
    random = np.random.default_rng(seed)
    source, target = random.integers(0, 17, count), random.integers(0, 11, count)
    return random.normal(size=17)[source] + random.normal(size=11)[target] + random.normal(size=count), source, target


def _theirs(scores, *clusters):
    """Standard error by statsmodels."""
    together = np.stack(clusters, axis=1) if len(clusters) > 1 else clusters[0]
    model = sm.OLS(scores, np.ones(len(scores)))
    return model.fit(cov_type="cluster", cov_kwds={"groups": together}).bse[0]


def test_standard_errors_are_those_of_statsmodels():
    with jax.enable_x64(True):
        for seed in range(3):
            scores, source, target = _holes(seed)
            one, other = (metrics.robust_mean(scores, ids).error for ids in (source, target))
            np.testing.assert_allclose([one, other], [_theirs(scores, source), _theirs(scores, target)], rtol=1e-6)
            both = metrics.robust_mean(scores, source, target)
            np.testing.assert_allclose(both.error, max(one, other, _theirs(scores, source, target)), rtol=1e-6)
            assert both.degrees == 10


def test_it_is_never_below_the_larger_one_way_variance():
    # +1 and -1 in a chessboard: the residuals of every source and every target add up to 0, so V would be negative.
    source, target = (grid.reshape(-1) for grid in np.mgrid[:6, :6])
    board = (1.0 - 2 * ((source + target) % 2)).astype(np.float32)
    np.testing.assert_allclose(metrics.robust_mean(board, source, target).error, 0, atol=1e-6)
    scores = board + np.linspace(0, 1, 6, dtype=np.float32)[source]
    one_way = metrics.robust_mean(scores, source).error
    np.testing.assert_allclose(metrics.robust_mean(scores, source, target).error, one_way, rtol=1e-5)


def test_a_triplet_that_is_masked_or_whose_id_is_unknown_does_not_count():
    scores, source, target = (x[:60] for x in _holes(4))
    expected = metrics.robust_mean(scores.astype(np.float32), source, target)
    more = np.append(scores, [np.nan, 9.0]).astype(np.float32)
    ids = np.append(source, [3, -1]), np.append(target, [3, 2])
    found = metrics.robust_mean(more, *ids, where=np.arange(62) != 60)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_ids_may_be_names_or_large():
    expected = metrics.robust_mean(SCORES, SOURCE, TARGET)
    names, large = np.array(["ann", "bob"])[np.asarray(SOURCE)], np.asarray(TARGET, np.int64) + 2**40
    np.testing.assert_array_equal(metrics.robust_mean(SCORES, names, large), expected)


def test_there_is_no_interval_with_fewer_than_two_clusters_or_with_nan():
    one = jnp.zeros(4, int)
    assert np.isnan(metrics.robust_interval(SCORES, SOURCE, one)).all()
    assert np.isnan(metrics.robust_interval(SCORES, SOURCE, where=SOURCE == 0)).all()
    assert np.isnan(metrics.robust_interval(SCORES, SOURCE, where=jnp.zeros(4, bool))).all()
    assert np.isnan(metrics.robust_interval(SCORES.at[0].set(jnp.nan), SOURCE)).all()
    assert metrics.robust_mean(SCORES, SOURCE, one).mean == 0.75


def test_it_runs_under_jit_and_vmap_and_with_leading_dimensions():
    scores, source, target = (np.stack([x[:60], x[60:120]]) for x in _holes(5))
    scores = scores.astype(np.float32)
    together = jax.jit(jax.vmap(metrics.robust_interval))(scores, source, target)
    for i in range(2):
        alone = metrics.robust_interval(scores[i], source[i], target[i])
        np.testing.assert_allclose([end[i] for end in together], alone, rtol=1e-5)
    models = metrics.robust_interval(scores, source[0], target[0])
    np.testing.assert_allclose([end[0] for end in models], [end[0] for end in together], rtol=1e-5)


def test_a_million_scores_are_not_rounded_away():
    scores = np.full(10**6, 0.7, np.float32)
    scores[::2] = 0.1
    found = metrics.robust_mean(scores, np.arange(10**6) // 1000)
    np.testing.assert_allclose(found.mean, 0.4, rtol=1e-6)
    assert found.error < 1e-6  # all sources have the same mean


def test_arrays_it_cannot_use_are_refused():
    with pytest.raises(TypeError, match="scores are int32"):
        metrics.robust_mean(SOURCE, SOURCE)
    with pytest.raises(ValueError, match="0 clusterings; wanted the source"):
        metrics.robust_interval(SCORES)
