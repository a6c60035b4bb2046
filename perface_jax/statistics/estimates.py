"""A value with its 95% interval."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

TAILS = (2.5, 97.5)  # percentiles at which a 95% interval ends


class Estimate(NamedTuple):
    """A value and its 95% interval; what does not exist is NaN."""

    value: float
    low: float
    high: float


UNKNOWN = Estimate(np.nan, np.nan, np.nan)


def percentile_interval(resampled: ArrayLike) -> tuple[float, float]:
    """The central 95% of the resampled values, NaN left out; (NaN, NaN) if none remains."""
    resampled = np.asarray(resampled, np.float64)
    resampled = resampled[~np.isnan(resampled)]
    low, high = np.percentile(resampled, TAILS) if resampled.size else (np.nan, np.nan)
    return float(low), float(high)


def percentile_estimate(value: float, resampled: ArrayLike) -> Estimate:
    """The value with `percentile_interval` of its bootstrap resamples; without an interval if the value is NaN."""
    return Estimate(float(value), *(UNKNOWN[1:] if np.isnan(value) else percentile_interval(resampled)))
