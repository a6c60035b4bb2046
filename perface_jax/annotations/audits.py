"""The audit: everything that can be learned about a file of votes without its pictures.

It only describes, and repairs nothing. Intervals are 95% and resample sources, because the triplets of one source share
their faces. Which rows belong to a source depends on the row order, which a file does not state. After an alarm it is
the order of the columns that agree, otherwise the named order under which the source explains most of the votes.
"""

import dataclasses
import itertools
import warnings
from typing import NamedTuple

import numpy as np

from perface_jax.annotations import annotator_quality
from perface_jax.annotations.annotator_checks import check_annotators, check_study
from perface_jax.annotations.audit_report import Audit
from perface_jax.annotations.audit_result import OrderAlarm, OrderGain, VoterAudit
from perface_jax.annotations.exclusions import exclusions
from perface_jax.annotations.labels import Labels, LabelWarning, dawid_skene, majority, mean_vote, unanimous
from perface_jax.annotations.lookups import best_constant, leave_one_out, variance_shares
from perface_jax.annotations.order_search import likely_order, search_orders
from perface_jax.annotations.orders import GridOrder, reorder
from perface_jax.annotations.votes import Votes, numbering_fault
from perface_jax.statistics import agreement
from perface_jax.statistics.estimates import Estimate
from perface_jax.statistics.resampling import MOST_CLUSTERS, resample

WINDOW = 100  # consecutive votes tested for straight-lining; a window of an eighth of all votes is also shown


class _Clusters(NamedTuple):
    """What intervals resample: source and target of each row, the row order that implies them, and the resamples."""

    order: GridOrder | None
    source: np.ndarray
    target: np.ndarray | None
    weights: np.ndarray


def audit(
    votes: Votes,
    *,
    grid: tuple[int, int] | None = (80, 80),
    seed: int = 0,
    permutations: int = 999,
    resamples: int = 1000,
) -> Audit:
    """Describe a file of votes and search it for faults; nothing is changed.

    Args:
      grid: (sources, targets); their product is the number of triplets. None if the triplets are not a grid; the audit
        then leaves out row orders and image-blind baselines, and resamples triplets (dealt into 1,000 groups if there
        are more).
      seed, permutations, resamples: for the search for row orders (rule: `order_search`) and for the intervals.

    Raises:
      ValueError: the grid does not fit the number of triplets, or ids leave a gap.
    """
    _check_grid(votes, grid)
    rows = _by_number(votes)
    note = _not_searched(rows, grid)
    alarms, gains = ((), ()) if note else _search(rows, grid, seed, permutations, resamples)
    moved = rows
    for alarm in alarms:
        moved = reorder(moved, alarm.column, alarm.order)
    clusters = _clusters(moved, grid, alarms, resamples, seed)
    labels, doubts = _labels(moved)
    checks = check_annotators(votes)
    return Audit(
        path=votes.path,
        triplets=len(votes.ids),
        votes=int(np.sum(votes.votes >= 0)),
        columns=votes.columns,
        grid=grid,
        order_alarms=alarms,
        order_gains=gains,
        order_note=note,
        source_order=clusters.order,
        as_read=_agreement(rows, clusters),
        moved=_agreement(moved, clusters) if alarms else None,
        changes=_changes(rows, moved) if alarms else {},
        kept={rule.name: rule.kept for rule in labels},
        label_doubts=doubts,
        lookups={} if clusters.target is None else _lookups(moved, clusters),
        variance={} if clusters.target is None else variance_shares(mean_vote(moved), clusters.source, clusters.target),
        voters=_voters(moved, alarms, clusters),
        copies=annotator_quality.copies(rows.columns, rows.votes, clusters.source),
        checks=checks,
        study=check_study(votes),
        exclusions=exclusions(votes, checks),
    )


def _by_number(votes: Votes) -> Votes:
    """The arrays that the audit needs, rows by triplet number."""
    row = votes.by_number()
    ids, annotator = tuple(votes.ids[i] for i in row), None if votes.annotator is None else votes.annotator[row]
    return dataclasses.replace(votes, ids=ids, votes=votes.votes[row], annotator=annotator, pictures=(), lines=())


def _check_grid(votes: Votes, grid: tuple[int, int] | None) -> None:
    if grid is not None and (min(grid) < 1 or grid[0] * grid[1] != len(votes.ids)):
        raise ValueError(
            f"{votes.path or 'votes'}: {len(votes.ids)} triplets do not fit a grid of {grid[0]} sources x {grid[1]} "
            f"targets = {grid[0] * grid[1]}; give the size of the grid, or None (--no-grid) if the triplets are not a "
            "whole grid: row orders and image-blind baselines then do not apply"
        )
    if grid is not None and (fault := numbering_fault(votes.ids)):
        raise ValueError(
            f"{votes.path or 'votes'}: {fault}. Row orders and image-blind baselines need the whole grid: give None "
            "(--no-grid) for a part of it, or for triplets of your own"
        )


def _not_searched(votes: Votes, grid) -> str:
    """Why row orders cannot be searched, or ""."""
    if grid is None:
        return "no grid was given"
    if min(grid) < 2:
        return "a grid with one source or one target has only one order"
    if len(votes.columns) < 2:
        return "the file has fewer than two answer columns"
    missing = int(np.sum(votes.votes < 0))
    return f"votes missing from the answer columns: {missing}" if missing else ""


def _search(votes: Votes, grid, seed: int, permutations: int, resamples: int):
    raised, rest = search_orders(votes.votes, *grid, seed=seed, permutations=permutations, resamples=resamples)
    gains = tuple(OrderGain(votes.columns[found.column], *found[1:]) for found in raised + rest)
    return tuple(OrderAlarm(g.column, g.order, g.p) for g in gains[: len(raised)]), gains


def _clusters(votes: Votes, grid, alarms, resamples: int, seed: int) -> _Clusters:
    if grid is None:
        order, target = None, None
        source = np.arange(len(votes.ids)) % MOST_CLUSTERS
    else:
        order = alarms[0].order.wanted if alarms else likely_order(mean_vote(votes), *grid)
        target, source = np.divmod(np.argsort(order.positions()), grid[0])
    return _Clusters(order, source, target, resample(int(source.max()) + 1, resamples, seed=seed))


def _agreement(rows: Votes, clusters: _Clusters) -> dict[str, Estimate]:
    votes, columns = rows.votes, rows.columns
    measures = {
        "unanimous": agreement.unanimous_share(votes),
        "pairs that agree": agreement.pairwise_agreement(votes),
    }
    for i, j in itertools.combinations(range(len(columns)), 2):
        measures[f"Cohen's kappa {columns[i]}, {columns[j]}"] = agreement.cohen_kappa(votes[:, [i, j]])
    if len(columns) > 1:
        measures["Cohen's kappa, mean"] = agreement.cohen_kappa(votes)
    measures["Fleiss' kappa"] = agreement.fleiss_kappa(votes)
    measures["Krippendorff's alpha"] = agreement.krippendorff_alpha(votes)
    measures["split-half reliability"] = agreement.split_half_reliability(votes)
    return {name: measure.estimate(clusters.source, clusters.weights) for name, measure in measures.items()}


def _changes(before: Votes, after: Votes) -> dict[str, int]:
    old, new = _unanimous(before).label, _unanimous(after).label
    return {
        "unanimous labels reversed": int(np.sum((old >= 0) & (new >= 0) & (old != new))),
        "unanimous labels lost": int(np.sum((old >= 0) & (new < 0))),
        "unanimous labels gained": int(np.sum((old < 0) & (new >= 0))),
        "majority labels changed": int(np.sum(majority(before).label != majority(after).label)),
    }


def _labels(votes: Votes) -> tuple[list[Labels], tuple[str, ...]]:
    """The labels by every rule, and the warnings of `dawid_skene`."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", LabelWarning)
        by_annotator = [] if votes.annotator is None else [dawid_skene(votes)]
    doubts = (str(one.message) for one in caught if issubclass(one.category, LabelWarning))
    return [majority(votes), _unanimous(votes), *by_annotator], tuple(doubts)


def _unanimous(votes: Votes) -> Labels:
    """Unanimous labels; of all votes if the file has two per triplet, else of at least three."""
    return unanimous(votes, min_votes=max(2, min(3, votes.votes.shape[1])))


def _lookups(votes: Votes, clusters: _Clusters) -> dict[tuple[str, str], Estimate]:
    truth, found = majority(votes).label, {}
    for labels in (majority(votes), _unanimous(votes)):
        measures = {
            "same source, other targets": leave_one_out(truth, labels.label, clusters.source),
            "same target, other sources": leave_one_out(truth, labels.label, clusters.target),  # pyright: ignore  # there is a grid
            "best constant": best_constant(labels.label),
        }
        for name, measure in measures.items():
            found[labels.name, name] = measure.estimate(clusters.source, clusters.weights)
    return found


def _voters(votes: Votes, alarms, clusters: _Clusters) -> tuple[VoterAudit, ...]:
    dummies = annotator_quality.missed_dummies(votes)
    if votes.annotator is not None:
        voters = annotator_quality.annotator_voters(votes.annotators, votes.votes, votes.annotator)
    else:
        change = {alarm.column: np.asarray(alarm.order) for alarm in alarms}
        voters = annotator_quality.column_voters(votes.columns, votes.votes, change)
    return tuple(_voter(voter, clusters, dummies.get(voter.name)) for voter in voters)


def _voter(voter: annotator_quality.Voter, clusters: _Clusters, dummies: tuple[int, int] | None) -> VoterAudit:
    source, weights, n = clusters.source, clusters.weights, len(voter.votes)
    lengths = [length for length in (WINDOW, n // 8) if WINDOW <= length <= n]
    return VoterAudit(
        name=voter.name,
        votes=n,
        share_of_b=annotator_quality.position_bias(voter, source, weights),
        sides_with_others=annotator_quality.agreement_with_unanimous_others(voter, source, weights),
        runs=tuple(annotator_quality.runs(voter, source)),
        windows=tuple(annotator_quality.window(voter, source, length) for length in dict.fromkeys(lengths)),
        dummies=dummies,
    )
