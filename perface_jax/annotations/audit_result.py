"""The results of an audit as plain values, and the findings that follow from them. The text is in `audit_report`."""

import dataclasses
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from perface_jax.annotations.annotator_checks import AnnotatorCheck, StudyCheck
from perface_jax.annotations.annotator_quality import Stretch
from perface_jax.annotations.exclusions import Exclusion
from perface_jax.annotations.orders import GridOrder, OrderChange
from perface_jax.files import plain
from perface_jax.formatting import percent
from perface_jax.statistics.estimates import Estimate

BIAS = 0.05  # position bias is a finding if the whole interval of the share of b is at least this far from one half
FEWEST_VOTES = 50  # votes an annotator needs for a useful interval


class OrderAlarm(NamedTuple):
    """A column whose rows are in a different order than those of the other columns.

    `reorder(votes, column, order)` moves it into the order of the others. A shift in `order.seen` is only the nearest
    of those searched: determine the exact shift before moving rows. `p` is the share of random permutations of the
    column that gain as much.
    """

    column: str
    order: OrderChange
    p: float


class OrderGain(NamedTuple):
    """The gain in mean kappa with the other columns under a column's best alternative row order."""

    column: str
    order: OrderChange
    gain: Estimate
    p: float


class VoterAudit(NamedTuple):
    """One answer column, or one annotator: its name, and the number of its votes.

    Attributes:
      share_of_b: position bias.
      sides_with_others: how often it agrees with the others where the others are unanimous.
      runs: the longest run of equal answers, then all other flagged runs.
      windows: the most uniform windows of 100 votes and of an eighth of all votes; only the first can be flagged.
      dummies: (missed, seen), or None if no dummy triplet was seen.
    """

    name: str
    votes: int
    share_of_b: Estimate
    sides_with_others: Estimate
    runs: tuple[Stretch, ...]
    windows: tuple[Stretch, ...]
    dummies: tuple[int, int] | None


@dataclasses.dataclass(frozen=True)
class AuditResult:
    """What `audit` measured.

    Attributes:
      order_gains: the best alternative order of each column: for columns with an alarm as read, for the others after
        those were moved.
      order_note: why row orders were not searched, or "".
      source_order: the row order used to assign rows to sources; None without a grid.
      as_read, moved: measure -> estimate, for the file as read, and with the alarmed columns moved (None: no alarm).
      changes: how many labels that move changes.
      kept: rule -> number of triplets with a label. This and all below: after the move, if there is an alarm.
      label_doubts: the warnings of `labels.dawid_skene`.
      lookups: (rule, baseline) -> accuracy of an image-blind baseline.
      variance: shares of the variance of the mean vote (`lookups.variance_shares`).
      voters: the columns, or the annotators if the file names them.
      copies: two columns -> the longest run in which they agree.
      checks: of every annotator, if the file names them: sides, speed, dummies, repeats.
      study: the same of all together; None unless the file has sides, times or repeats.
      exclusions: who would be dropped under which rule.
    """

    path: str
    triplets: int
    votes: int
    columns: tuple[str, ...]
    grid: tuple[int, int] | None
    order_alarms: tuple[OrderAlarm, ...]
    order_gains: tuple[OrderGain, ...]
    order_note: str
    source_order: GridOrder | None
    as_read: dict[str, Estimate]
    moved: dict[str, Estimate] | None
    changes: dict[str, int]
    kept: dict[str, int]
    label_doubts: tuple[str, ...]
    lookups: dict[tuple[str, str], Estimate]
    variance: dict[str, float]
    voters: tuple[VoterAudit, ...]
    copies: dict[tuple[str, str], Stretch]
    checks: tuple[AnnotatorCheck, ...] = ()
    study: StudyCheck | None = None
    exclusions: tuple[Exclusion, ...] = ()

    @property
    def findings(self) -> tuple[str, ...]:
        """What a user must know, the most serious first. Empty if the file is sound."""
        of_people = *_voter_findings(self), *_check_findings(self)
        return (*_order_findings(self), *of_people, *_copy_findings(self), *_lookup_findings(self))

    @property
    def column_orders(self) -> dict[str, GridOrder]:
        """The row order of every column, if known: empty without an alarm."""
        if not self.order_alarms or self.source_order is None:
            return {}
        wrong = {alarm.column: alarm.order.seen for alarm in self.order_alarms}
        return {column: wrong.get(column, self.source_order) for column in self.columns}

    def as_dict(self) -> dict[str, Any]:
        """The audit in the types of JSON (`files.plain`); NaN becomes None."""
        found = plain(self) | {"findings": list(self.findings)}
        for name, entries in (("order_alarms", self.order_alarms), ("order_gains", self.order_gains)):
            for shown, entry in zip(found[name], entries, strict=True):
                shown["order"]["call"] = entry.order.call()
        return found


def _order_findings(found: AuditResult) -> Iterator[str]:
    for alarm, (_, _, gain, _) in zip(found.order_alarms, found.order_gains, strict=False):
        doubt = " With only two columns, the votes cannot show which one is wrong." if len(found.columns) == 2 else ""
        roughly = " (approximately)" if alarm.order.seen.shift else ""
        yield (
            f"ROW ORDER: {alarm.column} is {alarm.order.seen.words()}{roughly}; the other columns are "
            f"{alarm.order.wanted.words()} (p = {alarm.p:.3f}). In their order, its mean kappa with them is higher by "
            f"{gain.value:.3f} [{gain.low:.3f}, {gain.high:.3f}].{doubt} Nothing has been moved. Votes cannot show "
            f"which order the PICTURES follow{_advice(alarm)}"
        )
    if found.order_note and found.grid and len(found.columns) > 1:
        yield f"ROW ORDER NOT SEARCHED: {found.order_note}."


def _advice(alarm: OrderAlarm) -> str:
    """The repair as a line of code; for a shift, whose exact size votes do not reveal, what to do instead."""
    if alarm.order.seen.shift:
        return (
            f", and determine a shift only roughly: {abs(alarm.order.seen.shift)} rows is the nearest of the shifts "
            "that were searched, and may be far off. No repair is therefore offered, and `repair` refuses shifts. "
            "Check the file, and how it was made, for lost or added rows; determine the exact order yourself, and move "
            "the column with `reorder`."
        )
    call = f'votes = reorder(votes, "{alarm.column}", {alarm.order.call()})'
    return f"; if they follow the order of the other columns, the repair is\n{call}"


def _voter_findings(found: AuditResult) -> Iterator[str]:
    failed = [(voter.name, *voter.dummies) for voter in found.voters if voter.dummies and voter.dummies[0]]
    if failed:
        worst_first = sorted(failed, key=lambda one: -one[1] / one[2])
        who = ", ".join(f"{name} ({missed} of {seen})" for name, missed, seen in worst_first)
        yield (
            f"DUMMY TRIPLETS missed by {len(failed)} of {len(found.voters)} annotators: {who}. The paper excludes "
            "every annotator who misses one."
        )
    if any(check.side for check in found.checks):
        return  # sides, in the order of trials, say more than letters in the order of triplets
    for voter in found.voters:
        flagged = [
            f"{percent(run.share)} {run.letter} in {run.length} rows, {run.first} to {run.last} ({_others(run)})"
            for run in (*voter.runs, *voter.windows[:1])
            if run.flagged
        ]
        if flagged:
            yield f"STRAIGHT-LINING: {voter.name} has {'; '.join(flagged)}."
        bias = voter.share_of_b
        if voter.votes >= FEWEST_VOTES and (bias.low > 0.5 + BIAS or bias.high < 0.5 - BIAS):
            yield f"POSITION BIAS: {voter.name} has {bias.value:.3f} b [{bias.low:.3f}, {bias.high:.3f}]."


def _check_findings(found: AuditResult) -> Iterator[str]:
    for check in found.checks:
        if check.side and check.side.biased:
            yield f"SIDE BIAS: {check.name} chose the left in {_estimate(check.side.left)} of trials."
        if check.side and check.side.straight:
            yield f"STRAIGHT-LINING: {check.name} chose one side in {check.side.run} trials in a row."
        if check.speed and check.speed.too_fast:
            yield (
                f"SPEED: {check.name} has a median of {check.speed.median:,.0f} ms, {percent(check.speed.pace)} of the "
                f"typical one, and {percent(check.speed.hasty)} hasty answers."
            )
        if check.inconsistent and check.retest:
            yield f"REPEATS: {check.name} gave the same answer again in {_estimate(check.retest)} of repeats."
        if check.by_chance:
            yield (
                f"CHANCE: {check.name} agrees with the others, where they are unanimous, in {_estimate(check.others)}; "
                "one half is chance."
            )


def _estimate(share: Estimate) -> str:
    return f"{share.value:.3f} [{share.low:.3f}, {share.high:.3f}]"


def _others(run: Stretch) -> str:
    if math.isnan(run.others):
        return "no other votes there"
    return f"other votes there: {percent(run.others)} {run.letter}"


def _copy_findings(found: AuditResult) -> Iterator[str]:
    for pair, same in found.copies.items():
        if same.flagged:
            rows = f"{same.length} consecutive rows, {same.first} to {same.last}"
            yield f"COPIED VOTES: {' and '.join(pair)} agree in {rows}."


def _lookup_findings(found: AuditResult) -> Iterator[str]:
    clear = [
        f"{value.value:.3f} of the {rule} labels"
        for (rule, name), value in found.lookups.items()
        if name.startswith("same source") and value.low > found.lookups[rule, "best constant"].high
    ]
    if clear:
        yield (
            f"SOURCES DECIDE: a table of answers by source, which sees no pixel, predicts {' and '.join(clear)}. "
            "Compare every score on sources seen in training with that, and count unseen sources, not pictures, as the "
            "test items."
        )
