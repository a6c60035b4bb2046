"""How far votes agree: shares, kappa and alpha.

Votes are 0 = a, 1 = b, -1 = none. Every measure is a formula over the sums of a table with one row for each triplet
(`resampling.Measure`), so its interval can resample clusters. A measure that is not defined (0/0) is NaN.
"""

import itertools

import numpy as np
from jaxtyping import Int

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
