"""Face verification: do two pictures show one person? Scores of pairs from their similarities, for any recognizer.

A pair is accepted (matched as one person) if its similarity is GREATER than the threshold; an equal similarity is
rejected. `similarity` is higher for more similar pictures, on any scale; `same` is the truth. There is no grid of
thresholds: every similarity at which a decision changes is considered. NumPy, in float64.

TypeError if `same` is not boolean; ValueError for a shape other than `[P]`, similarities that are not finite, or pairs
of only one kind.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float64, Num

from perface_jax.arrays import AnyArray


class Roc(NamedTuple):
    """The rates at every threshold that changes a decision, from the highest to the lowest.

    Thresholds are the different similarities, and -inf, which accepts all. The rates are the shares of the pairs of two
    persons, and of one person, above each threshold.
    """

    threshold: Float64[np.ndarray, " t"]
    false_accept_rate: Float64[np.ndarray, " t"]
    true_accept_rate: Float64[np.ndarray, " t"]


def verification_accuracy(
    similarity: Num[AnyArray, " p"], same: Bool[AnyArray, " p"], *, folds: int = 10
) -> tuple[float, float]:
    """Accuracy on each fold of the pairs, at the threshold that is best on all other folds.

    The pairs are cut into 2 to P consecutive folds, of equal length up to one pair. The best threshold lies halfway
    between two neighboring similarities; of several equally good ones, the lowest is used. Pairs must be ordered so
    that every fold has both kinds (`verification_pairs`).

    Returns:
      (mean, standard deviation) of the accuracies of the folds (n - 1). LFW's standard error divides by sqrt(folds).

    Source: Huang et al. (2007), "Labeled Faces in the Wild", View 2. Their folds have no person in common; here the
    caller must ensure that.
    """
    similarity, same = _pairs(similarity, same)
    if not 2 <= folds <= len(same):
        raise ValueError(f"folds is {folds}, expected 2 to {len(same)}, the number of pairs")
    fold = np.repeat(np.arange(folds), [len(part) for part in np.array_split(same, folds)])
    thresholds = [_best_threshold(similarity[fold != i], same[fold != i]) for i in range(folds)]
    accuracies = [np.mean((similarity[fold == i] > thresholds[i]) == same[fold == i]) for i in range(folds)]
    return float(np.mean(accuracies)), float(np.std(accuracies, ddof=1))


def threshold_at(similarity: Num[AnyArray, " p"], same: Bool[AnyArray, " p"], *, false_accept_rate: float) -> float:
    """The lowest threshold at which at most this share of the pairs of two persons is accepted.

    The rate is from 0 to 1 (ValueError otherwise); with n pairs of two persons only multiples of 1 / n are possible.
    The threshold is the similarity of one of these pairs, or -inf if all may be accepted.
    """
    similarity, same = _pairs(similarity, same)
    if not 0 <= false_accept_rate <= 1:
        raise ValueError(f"false_accept_rate is {false_accept_rate}, expected 0 to 1")
    different = np.sort(similarity[~same])[::-1]
    return lowest_threshold(different, np.arange(1, len(different) + 1), false_accept_rate=false_accept_rate)


def lowest_threshold(
    different: Float[np.ndarray, " p"], accepted: Num[np.ndarray, " _"], *, false_accept_rate: float
) -> float:
    """As `threshold_at`, for pairs of two persons in descending order, which may have weights.

    `accepted` has the cumulative weights `[P]`, or `[P + 1]` with the weight of all pairs at the end if `different`
    lacks the least similar pairs.
    """
    allowed = np.searchsorted(accepted / accepted[-1], false_accept_rate, side="right")
    return float(different[allowed]) if allowed < len(different) else -np.inf


def true_accept_rate(similarity: Num[AnyArray, " p"], same: Bool[AnyArray, " p"], *, false_accept_rate: float) -> float:
    """Share of the pairs of one person accepted at the threshold that `threshold_at` returns for these arguments.

    Two of three pairs of one person are more similar than every pair of two persons:

        >>> import numpy as np
        >>> from perface_jax.verification import equal_error_rate, true_accept_rate
        >>> similarity = np.array([0.9, 0.8, 0.6, 0.5, 0.3, 0.1])
        >>> same = np.array([True, True, False, True, False, False])
        >>> round(true_accept_rate(similarity, same, false_accept_rate=0), 3)
        0.667
        >>> round(equal_error_rate(similarity, same), 3)
        0.333
    """
    threshold = threshold_at(similarity, same, false_accept_rate=false_accept_rate)
    return float(np.mean(np.asarray(similarity, np.float64)[np.asarray(same)] > threshold))


def roc(similarity: Num[AnyArray, " p"], same: Bool[AnyArray, " p"]) -> Roc:
    """The exact receiver operating characteristic: one point for every set of pairs that a threshold can accept."""
    similarity, same = _pairs(similarity, same)
    threshold = np.append(np.unique(similarity)[::-1], -np.inf)
    different, alike = np.sort(similarity[~same]), np.sort(similarity[same])
    return Roc(threshold, _share_above(different, threshold), _share_above(alike, threshold))


def equal_error_rate(similarity: Num[AnyArray, " p"], same: Bool[AnyArray, " p"]) -> float:
    """The error rate at which both kinds of pairs are misjudged equally often: false accept = 1 - true accept."""
    curve = roc(similarity, same)
    return crossing(curve.false_accept_rate, 1 - curve.true_accept_rate)


def crossing(rising: Float[np.ndarray, " t"], falling: Float[np.ndarray, " t"]) -> float:
    """The height at which two piecewise linear curves meet; the first rises from below."""
    above = rising - falling
    after = int(np.argmax(above >= 0))
    if after == 0:
        return float(rising[0])
    way = above[after - 1] / (above[after - 1] - above[after])
    return float(rising[after - 1] + way * (rising[after] - rising[after - 1]))


def _best_threshold(similarity: np.ndarray, same: np.ndarray) -> float:
    order = np.argsort(similarity)
    values, same = np.concatenate([[-np.inf], similarity[order], [np.inf]]), same[order]
    # right[i]: decisions that are right when the i lowest are rejected
    right = np.concatenate([[0], np.cumsum(~same)]) + same.sum() - np.concatenate([[0], np.cumsum(same)])
    right = np.where(values[:-1] < values[1:], right, -1)  # equal similarities cannot be separated
    low, high = values[right.argmax() :][:2]
    middle = low / 2 + high / 2
    return middle if middle < high else low  # if rounding would reject the higher one, or nothing lies above


def _share_above(ascending: np.ndarray, threshold: np.ndarray) -> np.ndarray:
    """Share of the sorted similarities `[P]` that are above each threshold `[T]`."""
    return (len(ascending) - np.searchsorted(ascending, threshold, side="right")) / len(ascending)


def _pairs(similarity, same) -> tuple[np.ndarray, np.ndarray]:
    similarity, same = np.asarray(similarity, np.float64), np.asarray(same)
    if same.dtype != bool:
        raise TypeError(f"same is {same.dtype}, expected bool: True where a pair shows one person")
    if similarity.ndim != 1 or similarity.shape != same.shape:
        raise ValueError(f"wanted one similarity and one truth per pair, [P], got {similarity.shape} and {same.shape}")
    if not np.isfinite(similarity).all():
        raise ValueError(f"{(~np.isfinite(similarity)).sum()} of {len(similarity)} similarities are not finite")
    if same.all() or not same.any():
        raise ValueError(f"{same.sum()} of {len(same)} pairs show one person; wanted pairs of both kinds")
    return similarity, same
