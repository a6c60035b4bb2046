"""Shares whose logit is normal: their means and covariances, and the logit parameters that give these.

    p = 1 / (1 + exp(-(mu + sd z))),  z standard normal

Expectations are sums over Gauss-Hermite nodes.
"""

import functools

import numpy as np
from jaxtyping import Float64

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(41)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
HIGHEST = 12.0  # of a location or a standard deviation, logit


@functools.lru_cache(maxsize=256)
def location(mean: float, deviation: float) -> float:
    """The mu for which the mean of p is `mean`, in (0, 1)."""
    return _solve(lambda mu: float(WEIGHTS @ _logistic(mu + deviation * NODES)) - mean, -HIGHEST, HIGHEST)


def covariance(mean: float, deviation: float, shared: float) -> float:
    """The covariance of two p whose logits have the same mean and deviation, and covariance `shared`."""
    mu, rest = location(mean, deviation), np.sqrt(max(deviation**2 - shared, 0.0))
    given = _logistic(mu + np.sqrt(shared) * NODES[:, None] + rest * NODES) @ WEIGHTS
    return float(WEIGHTS @ given**2 - mean**2)


def total_variance(mean: float, variance: float) -> float:
    """The variance of the logit for which p has this mean and variance; 0 unless the variance is positive."""
    return _solve(lambda v: covariance(mean, np.sqrt(v), v) - variance, 0.0, HIGHEST**2)


def shared_variance(mean: float, deviation: float, wanted: float) -> float:
    """The covariance of two logits for which their p have the covariance `wanted`; in [0, deviation^2]."""
    return _solve(lambda v: covariance(mean, deviation, v) - wanted, 0.0, deviation**2)


def _solve(function, low: float, high: float) -> float:
    """The root of an increasing function; an end of the range if it has no root inside."""
    if not function(low) < 0:  # also of NaN
        return low
    if function(high) <= 0:
        return high
    from scipy.optimize import brentq  # takes a while to import

    return float(brentq(function, low, high, xtol=1e-9))  # pyright: ignore[reportArgumentType]


def _logistic(x: Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
    return 1 / (1 + np.exp(-x))
