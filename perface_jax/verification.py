"""One person or two? Scores of pairs of pictures from their similarities, for recognizers and for machine matching.

A pair is accepted, taken for one person, where its similarity is GREATER than the threshold; one that equals it is
rejected. `similarity` is floating `[P]`, higher = more alike, on any scale; `same` is boolean `[P]`, what is true. No
grid of thresholds is searched: the similarities themselves say where a decision changes. NumPy, in float64.
"""

from typing import NamedTuple

import numpy as np


class Roc(NamedTuple):
    """What is accepted at every threshold that changes a decision, from the highest to the lowest, float64 `[T]`.

    Attributes:
      threshold: the different similarities, and -inf, which accepts all.
      false_accept_rate: share of the pairs of two persons above it, 0 to 1.
      true_accept_rate: share of the pairs of one person above it, 0 to 1.
    """

    threshold: np.ndarray
    false_accept_rate: np.ndarray
    true_accept_rate: np.ndarray


def verification_accuracy(similarity: np.ndarray, same: np.ndarray, *, folds: int = 10) -> tuple[float, float]:
    """Share of right decisions on each stretch of pairs, under the threshold that is best on all others.

    The pairs are cut into `folds` consecutive stretches, of equal length up to one pair. The best threshold lies half
    way between two neighboring similarities; of several that are equally good, the lowest counts.

    Args:
      similarity: floating `[P]`, in an order in which every stretch holds both kinds (`verification_pairs`).
      same: bool `[P]`.
      folds: number of stretches, 2 to P.

    Returns:
      (mean, standard deviation) of the accuracies of the folds, with n - 1; LFW's standard error is that / sqrt(folds).

    Raises:
      TypeError: `same` is not boolean.
      ValueError: other shapes, NaN, pairs of one kind only, or a number of folds out of range.

    Source: Huang et al. (2007), "Labeled Faces in the Wild", View 2. Their folds have no person in common, which is up
    to whoever makes the pairs.
    """
    similarity, same = _pairs(similarity, same)
    if not 2 <= folds <= len(same):
        raise ValueError(f"folds is {folds}, expected 2 to {len(same)}, the number of pairs")
    fold = np.repeat(np.arange(folds), [len(part) for part in np.array_split(same, folds)])
    accuracies = [
        np.mean((similarity[fold == i] > _best_threshold(similarity[fold != i], same[fold != i])) == same[fold == i])
        for i in range(folds)
    ]
    return float(np.mean(accuracies)), float(np.std(accuracies, ddof=1))


def threshold_at(similarity: np.ndarray, same: np.ndarray, *, false_accept_rate: float) -> float:
    """The lowest threshold under which at most this share of the pairs of two persons is accepted.

    Args:
      similarity: floating `[P]`.
      same: bool `[P]`.
      false_accept_rate: 0 to 1; with n pairs of two persons only multiples of 1 / n can be reached.

    Returns:
      the similarity of one of those pairs, or -inf where all of them may be accepted.

    Raises:
      TypeError, ValueError: as for `verification_accuracy`, or a rate outside of 0 to 1.
    """
    similarity, same = _pairs(similarity, same)
    if not 0 <= false_accept_rate <= 1:
        raise ValueError(f"false_accept_rate is {false_accept_rate}, expected 0 to 1")
    different = np.sort(similarity[~same])[::-1]
    return lowest_threshold(different, np.arange(1, len(different) + 1), false_accept_rate=false_accept_rate)


def lowest_threshold(different: np.ndarray, accepted: np.ndarray, *, false_accept_rate: float) -> float:
    """As `threshold_at`, for pairs of two persons that are sorted and may have weights.

    Args:
      different: floating `[P]`, descending.
      accepted: `[P]`, the weight of each and all before it; or `[P + 1]`, whose last entry is the weight of all pairs,
        where those that are least alike were left out of `different`.
      false_accept_rate: 0 to 1.

    Returns:
      one of them, or -inf where all of them may be accepted.
    """
    allowed = np.searchsorted(accepted / accepted[-1], false_accept_rate, side="right")
    return float(different[allowed]) if allowed < len(different) else -np.inf


def true_accept_rate(similarity: np.ndarray, same: np.ndarray, *, false_accept_rate: float) -> float:
    """Share of the pairs of one person that `threshold_at` this false accept rate accepts; arguments as there."""
    threshold = threshold_at(similarity, same, false_accept_rate=false_accept_rate)
    return float(np.mean(np.asarray(similarity)[np.asarray(same)] > threshold))


def roc(similarity: np.ndarray, same: np.ndarray) -> Roc:
    """The receiver operating characteristic, without a grid: one point for every set of pairs that can be accepted.

    Args:
      similarity: floating `[P]`.
      same: bool `[P]`.

    Raises:
      TypeError, ValueError: as for `verification_accuracy`.
    """
    similarity, same = _pairs(similarity, same)
    threshold = np.append(np.unique(similarity)[::-1], -np.inf)
    different, alike = np.sort(similarity[~same]), np.sort(similarity[same])
    return Roc(threshold, _share_above(different, threshold), _share_above(alike, threshold))


def equal_error_rate(similarity: np.ndarray, same: np.ndarray) -> float:
    """The error rate where as large a share of either kind is mistaken: false accept rate = 1 - true accept rate.

    Args:
      similarity: floating `[P]`.
      same: bool `[P]`.

    Raises:
      TypeError, ValueError: as for `verification_accuracy`.
    """
    curve = roc(similarity, same)
    return crossing(curve.false_accept_rate, 1 - curve.true_accept_rate)


def crossing(rising: np.ndarray, falling: np.ndarray) -> float:
    """The height at which two curves `[T]` meet, straight between their points; the first rises from below."""
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
    right = np.where(values[:-1] < values[1:], right, -1)  # equal similarities cannot be told apart
    low, high = values[right.argmax() :][:2]
    middle = low / 2 + high / 2
    return middle if middle < high else low  # where rounding would reject the higher one, or nothing lies above


def _share_above(ascending: np.ndarray, threshold: np.ndarray) -> np.ndarray:
    """Share of the sorted similarities `[P]` that are above each threshold `[T]`."""
    return (len(ascending) - np.searchsorted(ascending, threshold, side="right")) / len(ascending)


def _pairs(similarity, same) -> tuple[np.ndarray, np.ndarray]:
    similarity, same = np.asarray(similarity, np.float64), np.asarray(same)
    if same.dtype != bool:
        raise TypeError(f"same is {same.dtype}, expected bool: True where a pair shows one person")
    if similarity.ndim != 1 or similarity.shape != same.shape:
        raise ValueError(f"one similarity and one truth a pair, [P], got {similarity.shape} and {same.shape}")
    if not np.isfinite(similarity).all():
        raise ValueError(f"{(~np.isfinite(similarity)).sum()} of {len(similarity)} similarities are no finite numbers")
    if same.all() or not same.any():
        raise ValueError(f"{same.sum()} of {len(same)} pairs show one person, expected pairs of both kinds")
    return similarity, same
