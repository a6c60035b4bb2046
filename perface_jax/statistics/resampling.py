"""The cluster bootstrap of any formula over sums.

The triplets of one source share its three faces, and the pictures of one person show the same face. An interval that
resamples triplets or pictures one by one is far too narrow. A `Measure` is therefore a formula over the SUMS of a table
with one row for each triplet or picture. The sums per cluster are computed once; a resample is a weighting of the
clusters.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int, Shaped
from numpy.typing import ArrayLike

from perface_jax.statistics.estimates import Estimate, percentile_estimate

MOST_CLUSTERS = 1000  # if each row could be a cluster, rows are dealt into this many, which bounds the memory

Cluster = Int[np.ndarray, " t"]  # the cluster of each row, numbered from 0
Weights = Float[np.ndarray, "resamples clusters"]  # how often each cluster is drawn, from `resample`


class Measure(NamedTuple):
    """What each row adds to the sums, and a formula: sums [..., K] -> measure [...], NaN where undefined (0/0)."""

    table: Float64[np.ndarray, "t k"]
    formula: Callable[[np.ndarray], np.ndarray]

    def value(self) -> float:
        """The measure over all rows."""
        return float(self.formula(self.table.sum(axis=0)))

    def resampled(self, cluster: Cluster, weights: Weights) -> Float[np.ndarray, " resamples"]:
        """The measure under each weighting of the clusters."""
        return self.formula(weights @ sum_by(self.table, cluster, weights.shape[1]))

    def estimate(self, cluster: Cluster, weights: Weights) -> Estimate:
        """The measure with its expanded percentile interval; resamples in which it is undefined are left out.

        Only clusters with a row count; with one of them there is no interval.
        """
        return percentile_estimate(self.value(), self.resampled(cluster, weights), clusters=len(np.unique(cluster)))


def resample(clusters: int, resamples: int, *, seed: int = 0) -> Float64[np.ndarray, "resamples clusters"]:
    """How often each cluster is drawn in each bootstrap resample."""
    counts = np.random.default_rng(seed).multinomial(clusters, np.full(clusters, 1 / clusters), size=resamples)
    return counts.astype(np.float64)


def sum_by(table: Shaped[np.ndarray, "t k"], cluster: Cluster, clusters: int) -> Float64[np.ndarray, "clusters k"]:
    """Sums of the rows of a table per cluster."""
    return np.stack([np.bincount(cluster, column, clusters) for column in np.transpose(table)], axis=1)


def ratio(numerator: Shaped[np.ndarray, " t"], denominator: Shaped[np.ndarray, " t"]) -> Measure:
    """sum(numerator) / sum(denominator)."""
    table = np.stack((numerator, denominator), axis=1).astype(np.float64)
    return Measure(table, lambda sums: divide(sums[..., 0], sums[..., 1]))


def divide(x: ArrayLike, y: ArrayLike) -> Float[np.ndarray, "..."]:
    """x / y in float64, broadcast; NaN where y is 0."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(y == 0, np.nan, x / y)
