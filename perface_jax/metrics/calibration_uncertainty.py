"""How much a calibration error, and the bins of a reliability diagram, vary by chance.

The few votes in a bin never match their probability exactly, so even a perfect model has a calibration error above 0.
Compare an error with those of a perfect model that makes the same predictions. Arguments are those of `calibration`
for one row of triplets; everything here runs on the host, in float64.
"""

from typing import NamedTuple

import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Float, Float64, Int, Num, Shaped

from perface_jax.arrays import AnyArray
from perface_jax.metrics.calibration import Logistic
from perface_jax.statistics.arguments import mask, same_shape
from perface_jax.statistics.shares import share_of

FINE = 1000  # predictions are rounded to one in so many and drawn together, which bounds the work
ROUNDING = 1e-6  # tolerance between an error in float32 and one in float64


class CalibrationReference(NamedTuple):
    """A calibration error, and what it would be for a perfect model.

    Attributes:
      error: the measured error.
      expected: the mean error of the perfect model; `error - expected` is the excess.
      limit: its 95th percentile.
      p: the share of these errors that are at least as large. The measured one is counted, so p is never 0.
    """

    error: float
    expected: float
    limit: float
    p: float


def perfect_errors(
    difference: Float[AnyArray, " t"],
    votes: Num[AnyArray, " t"],
    logistic: Logistic,
    *,
    where: Shaped[AnyArray, " t"] | None = None,
    bins: int = 10,
    draws: int = 1000,
    seed: int = 0,
) -> Float64[np.ndarray, " draws"]:
    """Calibration errors of a perfect model with these predictions: a parametric bootstrap.

    Each draw replaces the votes of every triplet by as many independent draws with the predicted probability. A model
    whose predictions are right on average can still have larger errors than these: if it predicts one value for
    triplets on which people differ, the votes on a triplet, and those of a source, vary together. A small p therefore
    says that the predictions are not the vote shares of the triplets, but not why.

    NaN without votes, and if a prediction that counts is NaN.

    Source: Broecker & Smith, Weather and Forecasting 22 (2007), consistency resampling; Efron & Tibshirani (1993).
    """
    kept, predicted, place = _binned(difference, votes, logistic, where, bins)
    votes = np.asarray(votes, np.float64)[kept]
    if not votes.sum() > 0 or np.isnan(predicted).any():
        return np.full(draws, np.nan)
    cell, member = np.unique(place * (FINE + 1) + np.floor(predicted * FINE).astype(int), return_inverse=True)
    total, expected = np.bincount(member, votes), np.bincount(member, votes * predicted)
    drawn = np.random.default_rng(seed).binomial(total.astype(int), expected / total, size=(draws, len(cell)))
    in_bin = cell[:, None] // (FINE + 1) == np.arange(bins)
    return np.abs((drawn - expected) @ in_bin).sum(axis=1) / votes.sum()


def calibration_reference(error: Float[ArrayLike, ""], errors: Float[np.ndarray, " draws"]) -> CalibrationReference:
    """Compares a measured calibration error with `perfect_errors`; NaN if either is."""
    error = float(np.asarray(error))
    if np.isnan(error) or np.isnan(errors).any():
        return CalibrationReference(error, np.nan, np.nan, np.nan)
    p = (1 + np.sum(errors >= error - ROUNDING)) / (1 + len(errors))
    return CalibrationReference(error, float(np.mean(errors)), float(np.percentile(errors, 95)), float(p))


def reliability_intervals(
    difference: Float[AnyArray, " t"],
    votes_for_a: Num[AnyArray, " t"],
    votes: Num[AnyArray, " t"],
    logistic: Logistic,
    source: Int[AnyArray, " t"],
    *,
    where: Shaped[AnyArray, " t"] | None = None,
    bins: int = 10,
) -> tuple[Float64[np.ndarray, " bins"], Float64[np.ndarray, " bins"]]:
    """The 95% interval of the observed share of a in each bin, (low, high), by `statistics.shares.share_of`.

    The votes of a source count as one cluster. NaN for an empty bin, and if all votes of a bin are from one source.
    """
    kept, _, place = _binned(difference, votes, logistic, where, bins)
    same_shape(votes=votes, votes_for_a=votes_for_a, source=source)
    for_a, given = (np.asarray(x)[kept].astype(int) for x in (votes_for_a, votes))
    ends = np.full((2, bins), np.nan)
    for one in np.unique(place):
        here = place == one
        times = np.concatenate([for_a[here], given[here] - for_a[here]])
        values = np.repeat(np.repeat([1, 0], here.sum()), times)  # one for each vote
        cluster = np.repeat(np.tile(np.asarray(source)[kept][here], 2), times)
        ends[:, one] = share_of(values, np.unique(cluster, return_inverse=True)[1])[1:]
    return ends[0], ends[1]


def _binned(difference, votes, logistic, where, bins):
    """Which triplets count, and of those the predicted share of a and the bin."""
    from scipy.special import expit

    same_shape(difference=difference, votes=votes)
    if np.ndim(difference) != 1 or any(np.ndim(x) for x in logistic):
        shapes = np.shape(difference), *map(np.shape, logistic)
        raise ValueError(f"difference, slope and intercept have shapes {shapes}; wanted one row: [T], () and ()")
    kept = np.asarray(mask(where, np.shape(difference))) & (np.asarray(votes) > 0)
    slope, intercept = (np.float64(x) for x in logistic)
    predicted = expit(slope * np.asarray(difference, np.float64)[kept] + intercept)
    return kept, predicted, np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], predicted)
