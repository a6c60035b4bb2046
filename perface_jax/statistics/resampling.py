"""The cluster bootstrap of any formula over sums.

All triplets of one source share its three faces, and all pictures of a person that person. They are not independent: an
interval that resamples them one by one is far too narrow. So a `Measure` is a formula over the SUMS of a table with one
row for each triplet or picture. The sums are taken per cluster once, and a resample is a weighting of the clusters.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from perface_jax.statistics.estimates import Estimate, percentile_estimate

MOST_CLUSTERS = 1000  # where each row could be a cluster: they are dealt into so many, to keep the resampling small


class Measure(NamedTuple):
    """A formula over the sums of a table.

    Attributes:
      table: float64 [T, K], what each row adds.
      formula: the sums [..., K] -> the measure [...]; NaN where it is not defined (0/0).
    """

    table: np.ndarray
    formula: Callable[[np.ndarray], np.ndarray]

    def value(self) -> float:
        """The measure over all rows."""
        return float(self.formula(self.table.sum(axis=0)))

    def resampled(self, cluster: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """The measure under each weighting of the clusters [resamples]; arguments as for `estimate`."""
        return self.formula(weights @ sum_by(self.table, cluster, weights.shape[1]))

    def estimate(self, cluster: np.ndarray, weights: np.ndarray) -> Estimate:
        """The measure with its percentile interval; resamples in which it is not defined are left out.

        Args:
          cluster: int [T], the cluster of each row, from 0.
          weights: float [resamples, clusters], from `resample`.
        """
        return percentile_estimate(self.value(), self.resampled(cluster, weights))


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
    return Measure(table, lambda sums: divide(sums[..., 0], sums[..., 1]))


def divide(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x / y; NaN where y is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.asarray(y) == 0, np.nan, np.true_divide(x, y))
