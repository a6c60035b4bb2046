"""Agreement of votes: shares, kappa, alpha, and the reliability of the share of a.

Votes are 0 = a, 1 = b, -1 = none. Every measure is a formula over the sums of a table with one row for each triplet
(`resampling.Measure`), so its interval can resample clusters. An undefined measure (0/0) is NaN.
"""

import itertools
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from perface_jax.statistics.resampling import Measure, divide, ratio
from perface_jax.statistics.votes import agreeing_pairs, count_votes


def share_of_b(votes: Int[np.ndarray, "t v"]) -> Measure:
    """The share of b among the votes given."""
    a, b = count_votes(votes)
    return ratio(b, a + b)


def unanimous_share(votes: Int[np.ndarray, "t v"]) -> Measure:
    """The share of unanimous triplets among those with two or more votes."""
    a, b = count_votes(votes)
    return ratio((a + b >= 2) & ((a == 0) | (b == 0)), a + b >= 2)


def pairwise_agreement(votes: Int[np.ndarray, "t v"]) -> Measure:
    """The share of the pairs of votes on one triplet that are the same: `metrics.vote_agreement`, weighted by pairs."""
    return ratio(*agreeing_pairs(votes))


def cohen_kappa(votes: Int[np.ndarray, "t v"]) -> Measure:
    """Cohen's kappa (p_o - p_e) / (1 - p_e), with p_e from the shares of each column; the mean over pairs of columns.

    Two columns are compared on the triplets where both have a vote. ValueError with fewer than two columns.

    Source: Cohen, Educational and Psychological Measurement 20 (1960).
    """
    tables = []
    for x, y in itertools.combinations(np.transpose(votes), 2):
        both = (x >= 0) & (y >= 0)
        tables.append(np.stack((both, both * (x == 1), both * (y == 1), both * (x == y)), axis=1))
    if not tables:
        raise ValueError(f"kappa needs two columns of votes, got {votes.shape}")

    def formula(sums):
        n, x, y, same = np.moveaxis(sums.reshape(*sums.shape[:-1], -1, 4), -1, 0)
        observed, expected = divide(same, n), divide(x * y + (n - x) * (n - y), n * n)
        return np.mean(divide(observed - expected, 1 - expected), axis=-1)

    return Measure(np.concatenate(tables, axis=1).astype(np.float64), formula)


def fleiss_kappa(votes: Int[np.ndarray, "t v"]) -> Measure:
    """Fleiss' kappa; NaN unless all triplets have the same number of votes.

    Source: Fleiss, Psychological Bulletin 76 (1971).
    """
    a, b = count_votes(votes)
    same, pairs = agreeing_pairs(votes)
    agreement = divide(same, pairs if pairs.min() == pairs.max() else np.full(len(pairs), np.nan))

    def formula(sums):
        n, agreement, a, b = np.moveaxis(sums, -1, 0)
        expected = divide(a * a + b * b, (a + b) ** 2)
        return divide(divide(agreement, n) - expected, 1 - expected)

    return Measure(np.stack((np.ones(len(a)), agreement, a, b), axis=1), formula)


def krippendorff_alpha(votes: Int[np.ndarray, "t v"]) -> Measure:
    """Krippendorff's alpha for nominal data, 1 - D_o / D_e; triplets with fewer than two votes are left out.

    Source: Krippendorff, Computing Krippendorff's Alpha-Reliability (2011).
    """
    a, b = count_votes(votes)
    paired = a + b >= 2
    disagreement = divide(2 * a * b, np.where(paired, a + b - 1, np.nan))
    table = np.stack((np.where(paired, disagreement, 0), a * paired, b * paired), axis=1)

    def formula(sums):
        disagreement, a, b = np.moveaxis(sums, -1, 0)
        n = a + b
        return 1 - divide(divide(disagreement, n), divide(2 * a * b, n * (n - 1)))

    return Measure(table, formula)


def split_half_reliability(votes: Int[np.ndarray, "t v"]) -> Measure:
    """The reliability of a triplet's share of a: its correlation, over triplets, with the share of as many other votes.

    The n votes on a triplet are split at random into two halves of `n // 2`; with an odd n one vote is left out. Three
    votes give halves of one vote. The shares of the halves are correlated over triplets, and the Spearman-Brown formula
    steps up to all n votes: `k r / (1 + (k - 1) r)` with k = n / (n // 2), which is 2 for even n. Where triplets differ
    in n, k is the mean of 1 / (n // 2) over the mean of 1 / n.

    Variances and covariance of the halves are averaged over ALL splits, in closed form: no seed, and no noise of the
    splits. The reliability is the share of the variance of the observed shares that is due to differences between
    triplets. Its square root is the highest correlation with these shares that a model can be expected to reach.

    Triplets with fewer than two votes are left out. NaN if all votes are the same; below 0 if votes agree less than by
    chance.

    Source: Spearman, Brown, British Journal of Psychology 3 (1910).
    """
    a, b = count_votes(votes)
    kept = a + b >= 2
    n, a = np.where(kept, a + b, 2), a * kept
    both = divide(a * (a - 1), n * (n - 1))  # two different votes are for a
    square = divide(a, n) / (n // 2) + (1 - 1 / (n // 2)) * both  # of the share of one half
    columns = (np.ones(len(n)), divide(a, n), both, square, 1 / (n // 2), 1 / n)
    table = np.where(kept[:, None], np.stack(columns, axis=1), 0)

    def formula(sums):
        triplets, share, both, square, of_half, of_all = np.moveaxis(sums, -1, 0)
        squared_mean = divide(share, triplets) ** 2
        correlation = divide(divide(both, triplets) - squared_mean, divide(square, triplets) - squared_mean)
        return spearman_brown(correlation, divide(of_half, of_all))

    return Measure(table, formula)


def spearman_brown(reliability: Float[Any, "*batch"], times: Float[Any, "*batch"]) -> Float[Any, "*batch"]:
    """The reliability of `times` as many votes: `times r / (1 + (times - 1) r)`."""
    reliability, times = np.asarray(reliability, np.float64), np.asarray(times, np.float64)
    return divide(times * reliability, 1 + (times - 1) * reliability)
