"""From a slope and a background to the probability that people call a pair more alike than a random one.

    p(c) = mean over pairs c' of different people of sigma(k (c - c'))

The log-odds of p are tabulated at 101 cosines and interpolated linearly; beyond the background they are nearly
straight.
Their variance is `(d log-odds / d k)^2 V(k)` plus that of the background, as if the two were independent. The latter is
the cluster-robust one of a mean over pairs, of `sigma(k (c - c'))`, by its projection (`background.projected`). The
ends are `+- t`, with the fewer degrees of freedom of the two.

Source: the delta method; for the projection see there.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64
from scipy.special import expit, stdtrit

from perface_jax.similarity_scale.background import Pairs, projected
from perface_jax.similarity_scale.robust import robust_errors
from perface_jax.similarity_scale.slope import Slope
from perface_jax.statistics.estimates import LEVEL

KNOTS = 101
LARGEST = 40.0  # log-odds of a single pair, beyond which nothing changes


class Curve(NamedTuple):
    """Log-odds of p at some cosines, ascending from -1 to 1, with the ends of their 95% intervals."""

    cosine: Float64[np.ndarray, " q"]
    log_odds: Float64[np.ndarray, " q"]
    low: Float64[np.ndarray, " q"]
    high: Float64[np.ndarray, " q"]


def curve(pairs: Pairs, slope: Slope) -> Curve:
    """The table of p for this background and this slope; low and high are NaN with a single person."""
    inner = np.linspace(min(pairs.cosine.min(), slope.lowest), max(pairs.cosine.max(), slope.highest), KNOTS - 2)
    knots = np.unique(np.concatenate([[-1], inner.clip(-1, 1), [1]]))
    log_odds, by_slope, scores = (np.stack(part) for part in zip(*(_at(pairs, slope, c) for c in knots), strict=True))
    error, degrees, _ = robust_errors(scores, *pairs.clusters)
    degrees = min(degrees, slope.degrees)
    half = stdtrit(degrees, (1 + LEVEL) / 2) * np.hypot(error, by_slope * slope.error)
    return Curve(*(part.round(6) for part in (knots, log_odds, log_odds - half, log_odds + half)))


def _at(pairs, slope, cosine):
    """Log-odds at a cosine, their derivative in k, and how much each picture moves them."""
    difference = cosine - pairs.cosine
    exponent = (slope.value.value * difference).clip(-LARGEST, LARGEST)
    sign = 1 if exponent.sum() < 0 else -1  # the smaller of p and 1 - p is exact
    smaller = expit(sign * exponent)
    mean = smaller.mean()
    bend = mean * (1 - mean)
    derivative = np.mean(difference * smaller * expit(-sign * exponent)) / bend
    return sign * np.log(mean / (1 - mean)), derivative, sign * projected(pairs, smaller) / bend
