"""Cells of tables: a number that does not exist is `n/a` with its reason, or an empty cell."""

from collections.abc import Sequence

from perface_jax import formatting
from perface_jax.evaluation import TripletRow
from perface_jax.report import Table


def number(value: float, note: str) -> str:
    """Three decimals, or n/a and why."""
    return formatting.number(value, missing=f"n/a: {note}")


def p_value(value: float, note: str) -> str:
    """Three decimals, `< .001`, or n/a and why."""
    return formatting.p_value(value, missing=f"n/a: {note}")


def gain(row: TripletRow) -> str:
    """The gain with its interval; empty where there is none."""
    return formatting.estimate((row.gain, row.gain_low, row.gain_high), "+.3f")


def with_notes(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> Table:
    """A table whose last column, the notes, is left out where no line has one."""
    if any(line[-1] for line in lines):
        return Table(columns, lines)
    return Table(columns[:-1], [line[:-1] for line in lines])
