"""Any distribution of p: the nearest possible counts, and bounds that a finer grid and other searches do not exceed."""

import numpy as np
import scipy.stats

from perface_jax.statistics import mixtures
from perface_jax.statistics.mixtures import GRID, bounds, chances_by_share, nearest_mixture

RELEASE = np.array([1819, 1619, 1345, 1617])


def of(votes):
    return chances_by_share(np.arange(votes + 1), np.full(votes + 1, votes))


def test_the_probabilities_are_those_of_scipy():
    for votes in (1, 3, 40):
        expected = scipy.stats.binom.pmf(np.arange(votes + 1)[:, None], votes, GRID)
        np.testing.assert_allclose(of(votes), expected, rtol=1e-9, atol=1e-300)


def test_possible_counts_are_matched_and_impossible_ones_by_the_likeliest():
    np.testing.assert_allclose(of(3) @ nearest_mixture(of(3), RELEASE), RELEASE / 6400, atol=1e-9)
    counts = np.array([3, 10, 0, 2])
    chances, likelihood = of(3), counts / 15 @ np.log(of(3) @ nearest_mixture(of(3), counts))
    # Expectation maximization from many p, which never decreases the likelihood, comes no higher.
    weights = np.full(len(GRID), 1 / len(GRID))
    for _ in range(20_000):
        weights = weights * (counts / 15 @ (chances / (chances @ weights)[:, None]))
    best = counts / 15 @ np.log(chances @ weights)
    assert best - 1e-9 <= likelihood < best + 1e-4


def test_a_finer_grid_and_random_distributions_stay_within_the_bounds(monkeypatch):
    chances, function = of(3), np.maximum(GRID, 1 - GRID)
    one, share = np.ones_like(GRID), RELEASE / 6400
    lowest, highest = bounds(chances, share, nearest_mixture(chances, RELEASE), function, one)
    finer = np.linspace(0, 1, 4001)
    monkeypatch.setattr(mixtures, "GRID", finer)
    again = bounds(of(3), share, nearest_mixture(of(3), RELEASE), np.maximum(finer, 1 - finer), np.ones_like(finer))
    np.testing.assert_allclose(again, (lowest, highest), atol=1e-6)
    random = np.random.default_rng(0)
    for _ in range(20):  # others with the same counts: of random weights, the ones that are nearest in likelihood
        some = random.permutation(len(GRID))[:60]
        weights = nearest_mixture(chances[:, some], RELEASE)
        if np.abs(chances[:, some] @ weights - RELEASE / 6400).max() < 1e-7:
            assert lowest - 1e-6 <= weights @ function[some] <= highest + 1e-6


def test_bounds_of_a_ratio_and_of_counts_that_two_numbers_of_votes_contradict():
    # Single votes say 0.6, single votes again 0.5 (as other cells): every mean between is as near as the likeliest.
    cells = np.array([0, 1, 0, 1]), np.array([1, 1, 1, 1])
    chances, share = chances_by_share(*cells) / 2, np.array([0.2, 0.3, 0.25, 0.25])
    weights = nearest_mixture(chances_by_share(*cells), share)
    np.testing.assert_allclose(chances @ weights, [0.225, 0.275] * 2, atol=1e-6)
    found = bounds(chances, share, weights, GRID, np.ones_like(GRID))
    np.testing.assert_allclose(found, [0.5, 0.6], atol=1e-4)
    found = bounds(chances, share, weights, GRID, 2 * GRID)
    np.testing.assert_allclose(found, [0.5, 0.5], atol=1e-6)
