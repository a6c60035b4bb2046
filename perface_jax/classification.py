"""How well queries were classified into named groups: the numbers of the paper's Table 4, with intervals.

Host functions, NumPy in float64. A confusion matrix has one row for each true class and one column for each chosen
class; a last column may count the queries that abstained. An abstention counts as wrong: it lowers recall and top-1 and
is assigned to no class. Intervals are 95% expanded percentile bootstraps over the queries and, given the choices under
drawn members (`Drawn`), over the members of the groups too. Intervals of shares of queries contain Wilson's, so that 20
right of 20 are not [1, 1]. An undefined number is NaN, and the row says why.

Known difference from the source: the paper's AUC is the balanced accuracy of the hard decision, and is called so here;
`ranking_auc` is the area under a curve.

Source: PerFace (ICIP 2025), section 4.5 and Table 4.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int
from numpy.typing import ArrayLike

from perface_jax.arrays import AnyArray
from perface_jax.statistics.estimates import Estimate, percentile_estimate
from perface_jax.statistics.resampling import divide, resample
from perface_jax.statistics.shares import wilson

ROUNDING = 1e-12  # a difference of two shares that are equal


class ClassScores(NamedTuple):
    """The scores of each class that follow from counts alone; NaN where undefined.

    One versus rest: `accuracy` is (TP + TN) / queries, `balanced_accuracy` (TPR + TNR) / 2, the AUC of Table 4. A class
    without queries, or to which none is assigned, has no precision.
    """

    precision: Float64[np.ndarray, "*batch g"]
    recall: Float64[np.ndarray, "*batch g"]
    accuracy: Float64[np.ndarray, "*batch g"]
    balanced_accuracy: Float64[np.ndarray, "*batch g"]


class ClassRow(NamedTuple):
    """One class of a report; `note` says why numbers are undefined, and how many of its queries abstained."""

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


class Drawn(NamedTuple):
    """The choices for the same queries under other draws of the members, such as those of a bootstrap.

    `members` is the size of the smallest group: the smaller, the more an interval is expanded.
    """

    group: Int[np.ndarray, "r q"]
    distances: Float[np.ndarray, "r q g"]
    members: int


class Gain(NamedTuple):
    """The top-1 of one model minus that of another on the same queries, with a two-sided p-value."""

    gain: Estimate
    p: float


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
    drawn: Drawn | None = None,
    seed: int = 0,
    resamples: int = 2000,
) -> ClassificationReport:
    """Precision, recall, accuracies and ranking AUC of each class, top-1 and the confusion matrix.

    The ranking AUC of a class orders the queries by the smallest distance to any OTHER group minus that to its own;
    ties count one half. It does not depend on abstention.

    Args:
      truth: the class of each query.
      group: the class chosen, -1 = abstained (`Classification.group`).
      distances: the distances that decided it (`Classification.distances`).
      names: of the classes, two or more.
      drawn: the choices under other members; intervals then draw queries and members. None: members are fixed.
      resamples: of the bootstrap, which holds resamples x Q numbers at once; with `drawn`, as many as it has.

    Raises:
      TypeError, ValueError: classes that are not integers or out of range, and distances that are NaN.
    """
    truth, group, distances = _checked(truth, group, distances, names)
    weights, clusters = _weights(len(truth), drawn, seed, resamples)
    confusion = _confusions(truth, _choices(group, drawn), weights, len(names))
    columns = (*confusion_scores(confusion), _aucs(distances, drawn, truth, weights))
    counts = np.rint(confusion[0]).astype(np.int64)
    rows = []
    for i, name in enumerate(names):
        estimates = [_within(_estimate(column[:, i], clusters, move=drawn is not None)) for column in columns]
        sizes = counts[:, i].sum(), counts[i].sum(), len(truth)  # of precision, recall and accuracy
        estimates[:3] = map(_as_share, estimates[:3], sizes)
        rows.append(ClassRow(name, int(counts[i].sum()), *estimates, note=_class_note(counts, i)))
    right, decided = np.trace(confusion, axis1=1, axis2=2), confusion[..., :-1].sum(axis=(1, 2))
    shares = (divide(right, len(truth)), divide(decided, len(truth)), divide(right, decided))
    estimates = (_within(_estimate(share, clusters, move=drawn is not None)) for share in shares)
    estimates = map(_as_share, estimates, (len(truth), len(truth), counts[:, :-1].sum()))
    return ClassificationReport(tuple(rows), *estimates, confusion=counts, note=_note(counts))


def top1_gain(
    truth: Int[AnyArray, " q"],
    first: Int[AnyArray, " q"],
    second: Int[AnyArray, " q"],
    *,
    drawn: tuple[Drawn, Drawn] | None = None,
    seed: int = 0,
    resamples: int = 2000,
) -> Gain:
    """Top-1 of the first choices minus that of the second, on the same queries: is one model better than another?

    A paired bootstrap: both have the same draws of queries and, with `drawn`, of members.
    `p = min(1, 2 (1 + min(#(d* <= 0), #(d* >= 0))) / (1 + resamples))` over the differences d*, as in
    `statistics.paired_bootstrap`; an abstention counts as wrong.

    Source: Efron & Tibshirani (1993), chapters 13 and 16.
    """
    truth = np.asarray(truth)
    weights, clusters = _weights(len(truth), drawn and drawn[0], seed, resamples)
    choices = [_choices(np.asarray(group), drawn and drawn[i]) for i, group in enumerate((first, second))]
    right = [(weights * (choice == truth)).sum(axis=1) / len(truth) for choice in choices]
    difference = right[0] - right[1]
    moved = difference[1:] + (0 if drawn is None else difference[0] - difference[1:].mean())  # as in `_estimate`
    tail = min(np.sum(moved <= ROUNDING), np.sum(moved >= -ROUNDING))
    gain = _estimate(difference, clusters, move=drawn is not None)
    return Gain(gain, float(min(1, 2 * (1 + tail) / len(difference))))


def _weights(queries, drawn, seed, resamples) -> tuple[np.ndarray, int]:
    """How often each query is drawn, `[1 + R, Q]` (first row: once each), and the smallest number of units drawn."""
    resamples = resamples if drawn is None else len(drawn.group)
    weights = np.concatenate((np.ones((1, queries)), resample(queries, resamples, seed=seed)))
    return weights, queries if drawn is None else min(queries, drawn.members)


def _choices(group, drawn) -> np.ndarray:
    """The group of each query, with the members themselves and in each draw of them: `[1 or 1 + R, Q]`."""
    return group[None] if drawn is None else np.concatenate([group[None], drawn.group])


def _confusions(truth, choices, weights, classes) -> np.ndarray:
    """The matrix of each weighting, `[1 + R, G, G + 1]`."""
    cells = classes * (classes + 1)
    cell = truth * (classes + 1) + np.where(choices < 0, classes, choices)
    cell = cell + np.arange(len(weights))[:, None] * cells
    return np.bincount(cell.ravel(), weights.ravel(), len(weights) * cells).reshape(-1, classes, classes + 1)


def _aucs(distances, drawn, truth, weights) -> np.ndarray:
    """The ranking AUC of each class, for each weighting of the queries and its draw of members: `[1 + R, G]`."""
    every = distances[None]
    if drawn is not None:  # a group that a draw left without two members is far from everything
        every = np.concatenate([every, np.where(np.isnan(drawn.distances), np.inf, drawn.distances)])
    classes = range(distances.shape[1])
    return np.stack([_ranking_auc(_margin(every, i), truth == i, weights) for i in classes], axis=-1)


def _margin(distances, i) -> np.ndarray:
    """How much nearer each query is to group i than to any other: `[..., Q, G] -> [..., Q]`."""
    own, others = distances[..., i], np.delete(distances, i, axis=-1).min(axis=-1)
    return np.subtract(others, own, where=others != own, out=np.zeros(own.shape))


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
        rows = np.flatnonzero(np.isnan(distances).any(axis=1))
        raise ValueError(
            f"distances to {bad} are NaN, those of {len(rows)} queries, the first in row {rows[0]}: the group has fewer"
            " than two members, or a vector has NaN; groups.check_distances names the faces"
        )
    return truth, group, distances


def _ranking_auc(score: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The area under the curve for each weighting of the queries: `[1 or R, Q], [Q], [R, Q] -> [R]`."""
    order = np.argsort(score, axis=1)
    new = np.diff(np.take_along_axis(score, order, axis=1), axis=1) != 0
    start = np.pad(np.where(new, np.arange(1, score.shape[1]), 0), ((0, 0), (1, 0)))
    stop = np.pad(
        np.where(new, np.arange(1, score.shape[1]), score.shape[1]), ((0, 0), (0, 1)), constant_values=score.shape[1]
    )
    first = np.maximum.accumulate(start, axis=1)  # of the scores equal to each
    end = np.minimum.accumulate(stop[:, ::-1], axis=1)[:, ::-1]
    order, first, end = (np.broadcast_to(x, weights.shape) for x in (order, first, end))
    weights, positive = np.take_along_axis(weights, order, axis=1), positive[order]
    others = np.pad(np.cumsum(weights * ~positive, axis=1), ((0, 0), (1, 0)))
    below = (np.take_along_axis(others, first, axis=1) + np.take_along_axis(others, end, axis=1)) / 2
    of_class = (weights * positive).sum(axis=1)
    return divide((weights * positive * below).sum(axis=1), of_class * others[:, -1])


def _estimate(values: np.ndarray, clusters: int, *, move: bool) -> Estimate:
    """The first value with the interval of the others.

    Drawn members repeat, so a group is as uncertain as one of half its size. This artifact lowers the score. The draws
    are therefore moved so that they center on the value of the members themselves.
    """
    others = values[1:]
    if move and not np.isnan(others).all():
        others = others + (values[0] - np.nanmean(others))
    return percentile_estimate(values[0], others, clusters=clusters)


def _within(found: Estimate) -> Estimate:
    """Clips moved draws to [0, 1], the range of the scores."""
    return Estimate(found.value, *np.clip(found[1:], 0, 1).tolist())


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


def _as_share(found: Estimate, queries) -> Estimate:
    """Widens the interval to contain Wilson's: no resample has an error that the data does not have."""
    if np.isnan(found).any():
        return found
    low, high = wilson(found.value, float(queries))
    return Estimate(found.value, min(found.low, low), max(found.high, high))
