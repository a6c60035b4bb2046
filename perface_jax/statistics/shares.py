"""Means and shares over clusters, with their intervals."""

from statistics import NormalDist

import numpy as np
from jaxtyping import Shaped

from perface_jax.statistics.effective_size import effective_size, spread_of
from perface_jax.statistics.estimates import LEVEL, Estimate
from perface_jax.statistics.resampling import Cluster, Weights, ratio, sum_by

TAIL = (1 - LEVEL) / 2


def share_of(values: Shaped[np.ndarray, " t"], cluster: Cluster, weights: Weights | None = None) -> Estimate:
    """The mean of values from 0 to 1 with its 95% interval: that of Clopper and Pearson for the `effective_size`.

    If each value is a cluster of its own and 0 or 1, the interval is theirs: exact, at least 95% for every share. With
    several values per cluster it is wider, as their correlation requires. If all values are 0, or all are 1, there are
    as many trials as clusters: [0, 1 - 0.025^(1/S)] or [0.025^(1/S), 1].

    With a single cluster, the ends of the interval are NaN. `weights` (draws of the clusters) had an effect in
    version 0.1 only, and may be left out.

    Source: Clopper & Pearson, Biometrika 26 (1934); Korn & Graubard, Survey Methodology 24 (1998).
    """
    from scipy.special import betaincinv  # takes a while to import

    values = np.asarray(values, np.float64)
    share, size = float(np.mean(values)), _effective_size(values, cluster)
    right, wrong = share * size, size - share * size
    low = 0.0 if share <= 0 else float(betaincinv(right, wrong + 1, TAIL))
    high = 1.0 if share >= 1 else float(betaincinv(right + 1, wrong, 1 - TAIL))
    return Estimate(share, *((np.nan, np.nan) if np.isnan(size) else (low, high)))


def mean_of(values: Shaped[np.ndarray, " t"], cluster: Cluster, weights: Weights) -> Estimate:
    """The mean of any values with its expanded percentile interval over draws of the clusters (`resampling`)."""
    return ratio(values, np.ones(len(values))).estimate(cluster, weights)


def wilson(share: float, size: float) -> tuple[float, float]:
    """Wilson's 95% interval of a share of independent answers.

        >>> from perface_jax.statistics.shares import wilson
        >>> [round(end, 3) for end in wilson(0.8, 10)]
        [0.49, 0.943]

    Source: Wilson, Journal of the American Statistical Association 22 (1927).
    """
    z = NormalDist().inv_cdf(1 - TAIL)
    center, half = share + z * z / (2 * size), z * (share * (1 - share) / size + z * z / (4 * size * size)) ** 0.5
    scale = 1 + z * z / size
    return max((center - half) / scale, 0.0), min((center + half) / scale, 1.0)


def _effective_size(values, cluster) -> float:
    """The effective size of values from 0 to 1; NaN for a single cluster."""
    from scipy.special import stdtrit

    count, number = len(values), np.unique(cluster, return_inverse=True)[1]
    clusters, mean = int(number.max()) + 1, np.mean(values)
    if clusters < 2:
        return np.nan
    errors, successes, residuals = sum_by(np.stack([1 - values, values, values - mean], axis=1), number, clusters).T
    spread = min(spread_of(x.sum(), np.sum(x * x), least=1e-300) for x in (errors, successes))
    variance = (
        max(np.sum(residuals**2), count * np.var(values)) / count**2
    )  # clustering never makes a mean more certain
    if variance < 1e-15:  # all values are the same, up to rounding
        return float(clusters)
    estimated = mean * (1 - mean) / variance
    few = min(stdtrit(max(estimated - 1, 1), 1 - TAIL) / stdtrit(clusters - 1, 1 - TAIL), 1)
    return float(effective_size(estimated * few**2, clusters, spread))
