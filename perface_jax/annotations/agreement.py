"""How far people agree: measures on votes, each with an interval that resamples clusters.

All triplets of one source share its three faces, so they are not independent: an interval that resamples triplets is
far too narrow. Every measure here is a formula over SUMS of a table with one row a triplet; the sums are taken per
cluster once, and a bootstrap resample is a weighting of the clusters.

`votes` is int [T, V], 0 = a, 1 = b, -1 = none. A measure that is not defined (0/0) is NaN.
"""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

MOST_CLUSTERS = 1000  # where each triplet could be one: they are dealt into so many, to keep the resampling small


class Estimate(NamedTuple):
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float


class Measure(NamedTuple):
    """A formula over the sums of a table.

    Attributes:
      table: float64 [T, K], what each triplet adds.
      formula: the sums [..., K] -> the measure [...].
    """

    table: np.ndarray
    formula: Callable[[np.ndarray], np.ndarray]

    def value(self) -> float:
        """The measure over all triplets."""
        return float(self.formula(self.table.sum(axis=0)))

    def estimate(self, cluster: np.ndarray, weights: np.ndarray) -> Estimate:
        """The measure with its percentile interval.

        Args:
          cluster: int [T], the cluster of each triplet.
          weights: float [resamples, clusters], from `resample`.
        """
        values = self.formula(weights @ sum_by(self.table, cluster, weights.shape[1]))
        values = values[np.isfinite(values)]
        low, high = np.percentile(values, (2.5, 97.5)) if len(values) else (np.nan, np.nan)
        return Estimate(self.value(), float(low), float(high))


def resample(clusters: int, resamples: int, *, seed: int = 0) -> np.ndarray:
    """How often each cluster is drawn in each bootstrap resample: float64 [resamples, clusters]."""
    counts = np.random.default_rng(seed).multinomial(clusters, np.full(clusters, 1 / clusters), size=resamples)
    return counts.astype(np.float64)


def sum_by(table: np.ndarray, cluster: np.ndarray, clusters: int) -> np.ndarray:
    """Sums of the rows of a table per cluster: [T, K] -> [clusters, K]."""
    return np.stack([np.bincount(cluster, column, clusters) for column in np.transpose(table)], axis=1)


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> Measure:
    """sum(numerator) / sum(denominator), both [T]."""
    table = np.stack((numerator, denominator), axis=1).astype(np.float64)
    return Measure(table, lambda sums: _divide(sums[..., 0], sums[..., 1]))


def share_of_b(votes: np.ndarray) -> Measure:
    """The share of the votes given that are b."""
    return ratio(np.sum(votes == 1, axis=1), np.sum(votes >= 0, axis=1))


def unanimous_share(votes: np.ndarray) -> Measure:
    """The share of the triplets with two or more votes whose votes are all the same."""
    a, b, given = _counts(votes)
    return ratio((given >= 2) & ((a == 0) | (b == 0)), given >= 2)


def pairwise_agreement(votes: np.ndarray) -> Measure:
    """The share of the pairs of votes on one triplet that are the same."""
    a, b, given = _counts(votes)
    return ratio((a * (a - 1) + b * (b - 1)) / 2, given * (given - 1) / 2)


def cohen_kappa(votes: np.ndarray) -> Measure:
    """Cohen's kappa, (p_o - p_e) / (1 - p_e), p_e from the shares of each column; the mean over all pairs of columns.

    A pair is compared on the triplets where both voted.

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
        observed, expected = _divide(same, n), _divide(x * y + (n - x) * (n - y), n * n)
        return np.mean(_divide(observed - expected, 1 - expected), axis=-1)

    return Measure(np.concatenate(tables, axis=1).astype(np.float64), formula)


def fleiss_kappa(votes: np.ndarray) -> Measure:
    """Fleiss' kappa; NaN unless every triplet has the same number of votes, which it is defined for.

    Source: Fleiss, Psychological Bulletin 76 (1971).
    """
    a, b, given = _counts(votes)
    pairs = given * (given - 1) if given.min() == given.max() else np.full(len(given), np.nan)
    agreement = _divide(a * (a - 1) + b * (b - 1), pairs)

    def formula(sums):
        n, agreement, a, b = np.moveaxis(sums, -1, 0)
        expected = _divide(a * a + b * b, (a + b) ** 2)
        return _divide(_divide(agreement, n) - expected, 1 - expected)

    return Measure(np.stack((np.ones(len(a)), agreement, a, b), axis=1), formula)


def krippendorff_alpha(votes: np.ndarray) -> Measure:
    """Krippendorff's alpha for nominal data, 1 - D_o / D_e; triplets with fewer than two votes do not count.

    Source: Krippendorff, Computing Krippendorff's Alpha-Reliability (2011).
    """
    a, b, given = _counts(votes)
    paired = given >= 2
    disagreement = _divide(2 * a * b, np.where(paired, given - 1, np.nan))
    table = np.stack((np.where(paired, disagreement, 0), a * paired, b * paired), axis=1)

    def formula(sums):
        disagreement, a, b = np.moveaxis(sums, -1, 0)
        n = a + b
        return 1 - _divide(_divide(disagreement, n), _divide(2 * a * b, n * (n - 1)))

    return Measure(table, formula)


def _counts(votes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Votes for a, for b, and given, each float64 [T]."""
    a, b = (np.sum(votes == letter, axis=1).astype(np.float64) for letter in (0, 1))
    return a, b, a + b


def _divide(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.asarray(y) == 0, np.nan, np.true_divide(x, y))
