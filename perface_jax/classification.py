"""How well queries were classified into named groups: the numbers of the paper's Table 4, each with its interval.

Host functions, NumPy in float64. A confusion matrix has one row for each true class and one column for each chosen
class; a last column may count the queries that abstained. An abstention counts as wrong: it lowers recall and top-1 and
is assigned to no class. Intervals are 95% expanded percentile bootstraps over the queries. A number that does not exist
is NaN, and the row says why.

Known difference from the source: what the paper calls AUC is the balanced accuracy of the hard decision, and has that
name here; `ranking_auc` is the area under a curve.

Source: PerFace (ICIP 2025), section 4.5 and Table 4.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int
from numpy.typing import ArrayLike

from perface_jax.arrays import AnyArray
from perface_jax.statistics.estimates import Estimate, percentile_estimate
from perface_jax.statistics.resampling import divide, resample, sum_by


class ClassScores(NamedTuple):
    """The scores of each class that follow from counts alone; NaN where one does not exist.

    One versus rest: `accuracy` is (TP + TN) / queries, `balanced_accuracy` (TPR + TNR) / 2, the AUC of Table 4. A class
    without queries, or to which none is assigned, has no precision.
    """

    precision: Float64[np.ndarray, "*batch g"]
    recall: Float64[np.ndarray, "*batch g"]
    accuracy: Float64[np.ndarray, "*batch g"]
    balanced_accuracy: Float64[np.ndarray, "*batch g"]


class ClassRow(NamedTuple):
    """One class of a report; `note` says why numbers do not exist, and how many of its queries abstained."""

    name: str
    queries: int
    precision: Estimate
    recall: Estimate
    accuracy: Estimate
    balanced_accuracy: Estimate
    ranking_auc: Estimate
    note: str


class ClassificationReport(NamedTuple):
    """All classes of one task.

    Attributes:
      top1: share of the queries whose class was chosen.
      decided: share of the queries that did not abstain.
      top1_decided: share of right choices among these; NaN if there are none.
      confusion: true class by chosen class; the last column counts abstentions.
      note: how many abstained and how that affects the numbers; empty if none did.
    """

    rows: tuple[ClassRow, ...]
    top1: Estimate
    decided: Estimate
    top1_decided: Estimate
    confusion: Int[np.ndarray, "g g+1"]
    note: str


def confusion_scores(confusion: ArrayLike) -> ClassScores:
    """The scores of each class, from counts `[..., G, G]`, or `[..., G, G + 1]` with a last column of abstentions."""
    confusion = np.asarray(confusion, np.float64)
    classes = confusion.shape[-2] if confusion.ndim >= 2 else -1
    if confusion.shape[-1:] not in ((classes,), (classes + 1,)):
        raise ValueError(f"the confusion matrix has shape {confusion.shape}; wanted [..., G, G] or [..., G, G + 1]")
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    queries, chosen = confusion.sum(axis=-1), confusion.sum(axis=-2)[..., :classes]
    total = queries.sum(axis=-1, keepdims=True)
    right_elsewhere = total - queries - (chosen - right)
    recall = divide(right, queries)
    return ClassScores(
        precision=np.where(queries > 0, divide(right, chosen), np.nan),
        recall=recall,
        accuracy=divide(right + right_elsewhere, total),
        balanced_accuracy=(recall + divide(right_elsewhere, total - queries)) / 2,
    )


def classification_report(
    truth: Int[AnyArray, " q"],
    group: Int[AnyArray, " q"],
    distances: Float[AnyArray, "q g"],
    names: Sequence[str],
    *,
    seed: int = 0,
    resamples: int = 2000,
) -> ClassificationReport:
    """Precision, recall, accuracies and ranking AUC of each class, top-1 and the confusion matrix.

    The ranking AUC of a class orders the queries by the smallest distance to any OTHER group minus that to its own;
    ties count one half. It does not depend on abstention.

    Args:
      truth: the class of each query.
      group: the class chosen, -1 = abstained (`Classification.group`).
      distances: by which it was chosen (`Classification.distances`).
      names: of the classes, two or more.
      resamples: of the bootstrap; resamples x Q numbers are held at once.

    Raises:
      TypeError: truth or group is not integer.
      ValueError: shapes that do not fit, ids out of range, no queries, or distances that are NaN.
    """
    truth, group, distances = _checked(truth, group, distances, names)
    queries, classes = distances.shape
    weights = np.concatenate((np.ones((1, queries)), resample(queries, resamples, seed=seed)))  # first: as it is
    cell = truth * (classes + 1) + np.where(group < 0, classes, group)
    confusion = (weights @ np.eye(classes * (classes + 1))[cell]).reshape(-1, classes, classes + 1)
    margins = [np.delete(distances, i, axis=1).min(axis=1) - distances[:, i] for i in range(classes)]
    aucs = [_ranking_auc(margin, truth == i, weights) for i, margin in enumerate(margins)]
    columns = (*confusion_scores(confusion), np.stack(aucs, axis=-1))
    counts = np.rint(confusion[0]).astype(np.int64)
    rows = []
    for i, name in enumerate(names):
        estimates = (_estimate(column[:, i], queries) for column in columns)
        rows.append(ClassRow(name, int(counts[i].sum()), *estimates, note=_class_note(counts, i)))
    right, decided = np.trace(confusion, axis1=1, axis2=2), confusion[..., :-1].sum(axis=(1, 2))
    shares = (divide(right, queries), divide(decided, queries), divide(right, decided))
    estimates = (_estimate(share, queries) for share in shares)
    return ClassificationReport(tuple(rows), *estimates, confusion=counts, note=_note(counts))


def _checked(truth, group, distances, names) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    truth, group, distances = np.asarray(truth), np.asarray(group), np.asarray(distances, np.float64)
    if not np.issubdtype(truth.dtype, np.integer) or not np.issubdtype(group.dtype, np.integer):
        raise TypeError(f"truth is {truth.dtype}, group {group.dtype}; wanted integers")
    if truth.ndim != 1 or truth.size == 0 or distances.shape != (len(truth), len(names)) or group.shape != truth.shape:
        raise ValueError(
            f"truth {truth.shape}, group {group.shape}, distances {distances.shape} and {len(names)} names do not fit;"
            " wanted [Q], [Q], [Q, G] and G, with one query or more"
        )
    if truth.min() < 0 or group.min() < -1 or max(truth.max(), group.max()) >= len(names) or len(names) < 2:
        raise ValueError(
            f"truth is {truth.min()} to {truth.max()}, group {group.min()} to {group.max()}; wanted 0 to G - 1,"
            f" -1 for abstained, and two or more classes, here {len(names)}"
        )
    if np.isnan(distances).any():
        bad = ", ".join(names[i] for i in np.flatnonzero(np.isnan(distances).any(axis=0)))
        raise ValueError(f"distances to {bad} are NaN: the group has fewer than two members, or a vector has NaN")
    return truth, group, distances


def _ranking_auc(score: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The area under the curve for each weighting of the queries: `[Q], [Q], [R, Q] -> [R]`."""
    values, place = np.unique(score, return_inverse=True)
    of_class, others = (sum_by(weights.T * kind[:, None], place, len(values)) for kind in (positive, ~positive))
    below = np.cumsum(others, axis=0) - others / 2
    return divide((of_class * below).sum(axis=0), of_class.sum(axis=0) * others.sum(axis=0))


def _estimate(values: np.ndarray, queries: int) -> Estimate:
    """The first value with the interval of the others."""
    return percentile_estimate(values[0], values[1:], clusters=queries)


def _class_note(counts: np.ndarray, index: int) -> str:
    queries, notes = counts[index].sum(), []
    if queries == 0:
        notes.append("no query of this class: only the accuracy exists")
    elif counts[:, index].sum() == 0:
        notes.append("no query assigned to this class: no precision")
    if queries == counts.sum():
        notes.append("all queries are of this class: no balanced accuracy and no ranking AUC")
    if counts[index, -1]:
        notes.append(f"{counts[index, -1]} of its {queries} queries abstained and count as wrong")
    return "; ".join(notes)


def _note(counts: np.ndarray) -> str:
    abstained, queries = counts[:, -1].sum(), counts.sum()
    if abstained == queries:
        return f"all {queries} queries abstained and count as wrong: no accuracy among the decided"
    return f"{abstained} of {queries} queries abstained and count as wrong" if abstained else ""
