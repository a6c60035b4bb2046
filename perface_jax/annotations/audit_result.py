"""What an audit found, as plain values: to be read, printed (`report`) and stored (`as_dict`)."""

import dataclasses
import enum
import math
from typing import NamedTuple

import numpy as np

from perface_jax.annotations.annotator_quality import Stretch
from perface_jax.annotations.audit_findings import findings
from perface_jax.annotations.audit_report import report
from perface_jax.annotations.orders import GridOrder, OrderChange
from perface_jax.statistics.estimates import Estimate


class OrderAlarm(NamedTuple):
    """A column whose rows are in another order than the other columns.

    Attributes:
      column: its name.
      order: the change that brings it into the order of the others; `reorder(votes, column, order)` takes it. Where
        `order.seen` has a shift, this is only the nearest one of those searched: find the exact one before you move.
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
    def findings(self) -> tuple[str, ...]:
        """What a user must know, in plain words, the gravest first. Empty for a sound file."""
        return tuple(findings(self))

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
        return _plain(self) | {"findings": list(self.findings)}


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
