"""Variance components of crossed sources and targets."""

import numpy as np
import pytest

from perface_jax.statistics.variance_components import VarianceComponents, variance_components


def _scores(source, target, *, seed, variances=(0.5, 0.3, 1.0)):
    random, (of_source, of_target, rest) = np.random.default_rng(seed), np.sqrt(variances)
    effects = of_source * random.normal(size=source.max() + 1)[source]
    effects += of_target * random.normal(size=target.max() + 1)[target]
    return 3 + effects + rest * random.normal(size=source.shape)


def test_a_complete_crossing_is_the_analysis_of_variance():
    source, target = (grid.reshape(-1) for grid in np.mgrid[:7, :5])
    scores = _scores(source, target, seed=0)
    grid = scores.reshape(7, 5)
    rows, columns = grid.mean(axis=1, keepdims=True), grid.mean(axis=0, keepdims=True)
    rest = np.sum((grid - rows - columns + grid.mean()) ** 2) / 24
    by_source, by_target = 5 * np.var(rows, ddof=1), 7 * np.var(columns, ddof=1)
    expected = ((by_source - rest) / 5, (by_target - rest) / 7, rest)
    assert variance_components(scores, source, target) == pytest.approx(expected)


def test_any_crossing_recovers_what_went_in():
    random, found = np.random.default_rng(1), []
    for seed in range(100):
        source, target = random.integers(0, 40, 500), random.integers(0, 12, 500)
        names = np.array([f"s{i}" for i in range(40)])[source]
        found.append(variance_components(_scores(source, target, seed=seed), names, target))
    np.testing.assert_allclose(np.mean(found, axis=0), (0.5, 0.3, 1.0), atol=0.05)


def test_shares_add_up_and_negative_ones_count_as_none():
    assert VarianceComponents(1.0, -0.5, 3.0).shares() == (0.25, 0, 0.75)
    assert np.isnan(VarianceComponents(0.0, 0.0, 0.0).shares()).all()


def test_what_cannot_be_told_apart_is_nan():
    ids, scores = np.arange(6), np.random.default_rng(2).normal(size=6)
    assert np.isnan(variance_components(scores, ids, 0 * ids)).all()
    assert np.isnan(variance_components(scores, ids // 2, ids // 2)).all()
    assert np.isnan(variance_components(scores[:0], ids[:0], ids[:0])).all()
