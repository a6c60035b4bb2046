"""Numbers as the text of a cell. A number that does not exist is `n/a` with its reason, or an empty cell."""

import math
from collections.abc import Sequence

from perface_jax.annotations.agreement import Estimate
from perface_jax.evaluation import TripletRow
from perface_jax.report import Table


def number(value: float, note: str) -> str:
    """Three decimals."""
    return f"n/a: {note}" if math.isnan(value) else f"{value:.3f}"


def signed(value: float, form: str = "{:+.3f}") -> str:
    """With its sign; empty where it does not exist."""
    return "" if math.isnan(value) else form.format(value)


def interval(low: float, high: float, form: str = "{:.3f}") -> str:
    """[low, high]; empty where it does not exist."""
    return "" if math.isnan(low) else f"[{form.format(low)}, {form.format(high)}]"


def gain(row: TripletRow) -> str:
    """The gain with its interval."""
    return " ".join(filter(None, (signed(row.gain), interval(row.gain_low, row.gain_high, "{:+.3f}"))))


def p_value(value: float, note: str) -> str:
    """Three decimals, or that it is smaller."""
    return f"n/a: {note}" if math.isnan(value) else "< .001" if value < 0.001 else f"{value:.3f}"


def estimate(found: Estimate) -> str:
    """A value with its interval; empty where it does not exist."""
    return "" if math.isnan(found.value) else f"{found.value:.3f} {interval(found.low, found.high)}".strip()


def with_notes(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> Table:
    """A table whose last column, the notes, is left out where no line has one."""
    if any(line[-1] for line in lines):
        return Table(columns, lines)
    return Table(columns[:-1], [line[:-1] for line in lines])
