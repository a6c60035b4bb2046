"""The audit: everything that can be found out about a file of votes without its pictures.

It finds and describes; it repairs nothing. Intervals are 95 % and resample sources, because the triplets of one source
share their faces. Which rows belong to a source depends on the row order, which a file does not state: after an alarm
it is the order of the columns that agree, else the named order under which the source explains most of the votes.
"""

import dataclasses
import enum
import math
from typing import NamedTuple

import numpy as np

from perface_jax.annotations import habits
from perface_jax.annotations.agreement import (
    Estimate,
    cohen_kappa,
    fleiss_kappa,
    krippendorff_alpha,
    pairwise_agreement,
    resample,
    unanimous_share,
)
from perface_jax.annotations.audit_findings import findings
from perface_jax.annotations.audit_report import report
from perface_jax.annotations.habits import Stretch
from perface_jax.annotations.labels import dawid_skene, majority, unanimous
from perface_jax.annotations.lookups import best_constant, leave_one_out, variance_shares
from perface_jax.annotations.orders import GridOrder, OrderChange, reorder
from perface_jax.annotations.search import Finding, likely_order, search_orders
from perface_jax.annotations.votes import Votes

WINDOW = 100  # votes in a row that are judged for straight-lining; an eighth of all votes is shown beside them
CLUSTERS = 1000  # without a grid, triplets are dealt into at most so many clusters, to keep the resampling small


class OrderAlarm(NamedTuple):
    """A column whose rows are in another order than the other columns.

    Attributes:
      column: its name.
      order: the change that brings it into the order of the others; `reorder(votes, column, order)` takes it.
      p: share of random permutations of the column that gain as much.
    """

    column: str
    order: OrderChange
    p: float


class OrderGain(NamedTuple):
    """What the best other row order of a column would gain in mean kappa with the others."""

    column: str
    order: OrderChange
    gain: Estimate
    p: float


class VoterAudit(NamedTuple):
    """One answer column, or one annotator.

    Attributes:
      name, votes: its name, the number of its votes.
      share_of_b: position bias.
      sides_with_others: how often it sides with the others where these agree among themselves.
      runs: the longest run of equal answers, then all further ones that are flagged.
      windows: the steadiest windows of 100 votes and of an eighth of all votes; only the first is judged.
      dummies: (missed, seen), or None where no dummy triplet was seen.
    """

    name: str
    votes: int
    share_of_b: Estimate
    sides_with_others: Estimate
    runs: tuple[Stretch, ...]
    windows: tuple[Stretch, ...]
    dummies: tuple[int, int] | None


@dataclasses.dataclass(frozen=True)
class Audit:
    """What `audit` found.

    Attributes:
      path, triplets, votes, columns, grid: what was looked at.
      findings: what a user must know, in plain words, the gravest first. Empty for a sound file.
      order_alarms: columns in another row order, (column, order, p).
      order_gains: the best other order of each column: for a column with an alarm as read, for the others after these
        were moved.
      order_note: why row orders were not searched, or "".
      source_order: the row order by which rows were given to sources; None without a grid.
      as_read, moved: measure -> estimate, for the file as it is and with the alarmed columns moved (None: no alarm).
      changes: what that move changes in the labels, counts.
      kept: rule -> number of triplets that have a label, after the move where there is an alarm; so is all below.
      lookups: (rule, look-up) -> how often it is right.
      variance: shares of the variance of the mean vote (`lookups.variance_shares`).
      voters: the columns, or the annotators where the file names them.
      copies: two columns -> the longest run in which they agree.
    """

    path: str
    triplets: int
    votes: int
    columns: tuple[str, ...]
    grid: tuple[int, int] | None
    findings: tuple[str, ...]
    order_alarms: tuple[OrderAlarm, ...]
    order_gains: tuple[OrderGain, ...]
    order_note: str
    source_order: GridOrder | None
    as_read: dict[str, Estimate]
    moved: dict[str, Estimate] | None
    changes: dict[str, int]
    kept: dict[str, int]
    lookups: dict[tuple[str, str], Estimate]
    variance: dict[str, float]
    voters: tuple[VoterAudit, ...]
    copies: dict[tuple[str, str], Stretch]

    @property
    def column_orders(self) -> dict[str, GridOrder]:
        """The row order of every column, as far as known: empty without an alarm."""
        if not self.order_alarms:
            return {}
        wrong = {alarm.column: alarm.order.seen for alarm in self.order_alarms}
        return {column: wrong.get(column, self.source_order) for column in self.columns}

    def report(self) -> str:
        """The audit as text: findings first, then every number with a sentence that says how to read it."""
        return report(self)

    def as_dict(self) -> dict:
        """The audit as plain values that JSON can hold; NaN becomes None."""
        return _plain(self)


def audit(
    votes: Votes,
    *,
    grid: tuple[int, int] | None = (80, 80),
    seed: int = 0,
    permutations: int = 999,
    resamples: int = 1000,
) -> Audit:
    """Describe a file of votes and look for its faults; nothing is changed.

    Args:
      votes: from `read_answers`.
      grid: (sources, targets); their product is the number of triplets. None where the triplets are no grid: then row
        orders and look-ups are left out, and intervals resample triplets.
      seed, permutations, resamples: of the search for row orders (`annotations.search` has its rule) and of intervals.

    Returns:
      Audit.

    Raises:
      ValueError: the grid does not fit the number of triplets, or ids leave a gap.
    """
    numbered = _by_number(votes)
    _check_grid(numbered, grid)
    alarms, gains, note = _search(numbered, grid, seed, permutations, resamples)
    repaired = numbered
    for alarm in alarms:
        repaired = reorder(repaired, alarm.column, alarm.order)
    order, source, target = _clusters(repaired, grid, alarms)
    weights = resample(int(source.max()) + 1, resamples, seed=seed)
    found = {
        "order_alarms": tuple(alarms),
        "order_gains": tuple(gains),
        "order_note": note,
        "source_order": order,
        "as_read": _agreement(numbered, source, weights),
        "moved": _agreement(repaired, source, weights) if alarms else None,
        "changes": _changes(numbered, repaired) if alarms else {},
        "kept": _kept(repaired),
        "lookups": _lookups(repaired, source, target, weights) if grid else {},
        "variance": _variance(repaired, source, target) if grid else {},
        "voters": _voters(repaired, alarms, source, weights),
        "copies": habits.copies(numbered.columns, numbered.votes, source) if len(numbered.columns) > 1 else {},
    }
    result = Audit(votes.path, len(votes.ids), int(np.sum(votes.votes >= 0)), votes.columns, grid, (), **found)
    return dataclasses.replace(result, findings=tuple(findings(result)))


def repair(votes: Votes, found: Audit, *, pictures: GridOrder) -> Votes:
    """Bring the answer columns into the row order of the pictures, whichever columns those are.

    Only a file whose audit has an alarm is touched: without one, all columns share an order, which votes cannot name.

    Args:
      votes: the votes that were audited.
      found: their audit.
      pictures: the row order found in the pictures.

    Returns:
      Votes, every column in the order of the pictures.

    Raises:
      ValueError: no column has the order of the pictures, so nothing supports moving all of them; or a column to move
        is shifted, by how much votes tell only roughly.
    """
    orders, wanted = found.column_orders, pictures.positions()
    stays = [column for column, order in orders.items() if np.array_equal(order.positions(), wanted)]
    if orders and not stays:
        seen = "; ".join(f"{column}: {order.words()}" for column, order in orders.items())
        raise ValueError(f"the pictures are {pictures.words()}, but no answer column is ({seen}); reorder by hand")
    for column, order in orders.items():
        if column not in stays:
            if order.shift:
                raise ValueError(
                    f"{column} is {order.words()} or nearly so: the rows of one source answer alike on all targets, so "
                    "votes tell a shift only roughly; find out how many rows were lost or added, and reorder by hand"
                )
            votes = reorder(votes, column, OrderChange(order, pictures))
    return votes


def _by_number(votes: Votes) -> Votes:
    row = np.argsort(votes.places())
    annotator = None if votes.annotator is None else votes.annotator[row]
    pictures = tuple(votes.pictures[i] for i in row) if votes.pictures else ()
    lines = tuple(votes.lines[i] for i in row) if votes.lines else ()
    ids = tuple(votes.ids[i] for i in row)
    return dataclasses.replace(
        votes, ids=ids, votes=votes.votes[row], annotator=annotator, pictures=pictures, lines=lines
    )


def _check_grid(votes: Votes, grid: tuple[int, int] | None) -> None:
    if grid is not None and (min(grid) < 1 or grid[0] * grid[1] != len(votes.ids)):
        raise ValueError(
            f"{votes.path or 'votes'}: {len(votes.ids)} triplets do not fit a grid of {grid[0]} sources x {grid[1]} "
            f"targets = {grid[0] * grid[1]}; give the sizes of the grid, or none where the triplets are no grid"
        )


def _search(votes: Votes, grid, seed: int, permutations: int, resamples: int):
    if grid is None:
        return [], [], "no grid was given"
    if min(grid) < 2:
        return [], [], "a grid of one source or one target has one order only"
    if len(votes.columns) < 2:
        return [], [], "the file has fewer than two answer columns"
    if np.any(votes.votes < 0):
        return [], [], f"{int(np.sum(votes.votes < 0))} cells of the answer columns have no vote"
    raised, rest = search_orders(votes.votes, *grid, seed=seed, permutations=permutations, resamples=resamples)

    def named(finding: Finding) -> OrderGain:
        gain = Estimate(finding.gain, finding.low, finding.high)
        return OrderGain(votes.columns[finding.column], finding.change, gain, finding.p)

    gains = [named(finding) for finding in raised + rest]
    return [OrderAlarm(g.column, g.order, g.p) for g in gains[: len(raised)]], gains, ""


def _clusters(votes: Votes, grid, alarms) -> tuple[GridOrder | None, np.ndarray, np.ndarray | None]:
    if grid is None:
        return None, np.arange(len(votes.ids)) % CLUSTERS, None
    order = alarms[0].order.wanted if alarms else likely_order(_mean_vote(votes), *grid)
    cell = np.argsort(order.positions())
    return order, cell % grid[0], cell // grid[0]


def _mean_vote(votes: Votes) -> np.ndarray:
    """The mean vote of each triplet; one half where nobody voted."""
    return np.where(np.isfinite(majority(votes).share), majority(votes).share, 0.5)


def _agreement(votes: Votes, source, weights) -> dict[str, Estimate]:
    measures = {"unanimous": unanimous_share(votes.votes), "pairs that agree": pairwise_agreement(votes.votes)}
    if len(votes.columns) > 1:
        for (i, j), name in _pairs(votes.columns).items():
            measures[f"Cohen's kappa {name}"] = cohen_kappa(votes.votes[:, [i, j]])
        measures["Cohen's kappa, mean"] = cohen_kappa(votes.votes)
    measures["Fleiss' kappa"] = fleiss_kappa(votes.votes)
    measures["Krippendorff's alpha"] = krippendorff_alpha(votes.votes)
    return {name: measure.estimate(source, weights) for name, measure in measures.items()}


def _pairs(columns: tuple[str, ...]) -> dict[tuple[int, int], str]:
    n = len(columns)
    return {(i, j): f"{columns[i]}, {columns[j]}" for i in range(n) for j in range(i + 1, n)}


def _changes(before: Votes, after: Votes) -> dict[str, int]:
    old, new = unanimous(before).label, unanimous(after).label
    return {
        "unanimous labels reversed": int(np.sum((old >= 0) & (new >= 0) & (old != new))),
        "unanimous labels lost": int(np.sum((old >= 0) & (new < 0))),
        "unanimous labels gained": int(np.sum((old < 0) & (new >= 0))),
        "majority labels changed": int(np.sum(majority(before).label != majority(after).label)),
    }


def _kept(votes: Votes) -> dict[str, int]:
    rules = [majority, unanimous] + ([dawid_skene] if votes.annotator is not None else [])
    return {labels.name: labels.kept for labels in (rule(votes) for rule in rules)}


def _lookups(votes: Votes, source, target, weights) -> dict[tuple[str, str], Estimate]:
    truth, found = majority(votes).label, {}
    for labels in (majority(votes), unanimous(votes)):
        measures = {
            "same source, other targets": leave_one_out(truth, labels.label, source),
            "same target, other sources": leave_one_out(truth, labels.label, target),
            "best constant": best_constant(labels.label),
        }
        found |= {(labels.name, name): measure.estimate(source, weights) for name, measure in measures.items()}
    return found


def _variance(votes: Votes, source, target) -> dict[str, float]:
    return variance_shares(_mean_vote(votes), source, target)


def _voters(votes: Votes, alarms, source, weights) -> tuple[VoterAudit, ...]:
    dummies = habits.missed_dummies(votes)
    if votes.annotator is not None:
        voters = habits.annotator_voters(votes.annotators, votes.votes, votes.annotator)
    else:
        change = {alarm.column: np.asarray(alarm.order) for alarm in alarms}
        voters = habits.column_voters(votes.columns, votes.votes, change)
    return tuple(_voter(voter, source, weights, dummies.get(voter.name)) for voter in voters)


def _voter(voter: habits.Voter, source, weights, dummies) -> VoterAudit:
    n = len(voter.votes)
    lengths = [length for length in (WINDOW, n // 8) if WINDOW <= length <= n]
    windows = (habits.window(voter, source, length) for length in dict.fromkeys(lengths))
    return VoterAudit(
        voter.name,
        n,
        habits.position_bias(voter, source, weights),
        habits.agreement_with_unanimous_others(voter, source, weights),
        tuple(habits.runs(voter, source)),
        tuple(windows),
        dummies,
    )


def _plain(value):
    if isinstance(value, OrderChange):
        return {"seen": _plain(value.seen), "wanted": _plain(value.wanted), "call": value.call()}
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _plain(entry) for name, entry in value._asdict().items()}
    if isinstance(value, dict):
        return {key if isinstance(key, str) else ", ".join(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
