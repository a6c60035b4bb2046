"""Means and shares over clusters, with their intervals."""

import numpy as np
from jaxtyping import Shaped

from perface_jax.statistics.estimates import Estimate
from perface_jax.statistics.resampling import Cluster, Weights, ratio


def share_of(values: Shaped[np.ndarray, " t"], cluster: Cluster, weights: Weights) -> Estimate:
    """The mean of values from 0 to 1 with its 95% interval.

    Where all values are 0, or all are 1, every resample repeats them and the bootstrap has no width. The interval is
    then that of Clopper and Pearson with as many trials as clusters, [0, 1 - 0.025^(1/S)] or [0.025^(1/S), 1].

    With a single cluster, the ends of the interval are NaN.

    Source: Clopper & Pearson, Biometrika 26 (1934).
    """
    clusters = weights.shape[1]
    if clusters > 1 and np.all(values == 0):
        return Estimate(0.0, 0.0, 1 - 0.025 ** (1 / clusters))
    if clusters > 1 and np.all(values == 1):
        return Estimate(1.0, 0.025 ** (1 / clusters), 1.0)
    return mean_of(values, cluster, weights)


def mean_of(values: Shaped[np.ndarray, " t"], cluster: Cluster, weights: Weights) -> Estimate:
    """The mean of any values with its percentile interval; arguments as for `share_of`."""
    measure = ratio(values, np.ones(len(values)))
    if weights.shape[1] < 2:
        return Estimate(measure.value(), np.nan, np.nan)
    return measure.estimate(cluster, weights)
