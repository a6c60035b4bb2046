"""What a report holds: text, rows and figures, as the caller wrote and drew them."""

import dataclasses
import itertools
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from matplotlib.figure import Figure

_NUMBER = re.compile(r"(?=.*\d)[\s\d.,:;%()\[\]/+\-\u2013\u2212\u00b1<>=~]+(e[+-]?\d+)?")
_NONE = re.compile(r"\s*|-+|\u2013|\u2014|n/a\b.*", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Table:
    """Headings of columns, and lines of one cell for each.

    Raises:
      ValueError: a line of another length.
      TypeError: a cell that is not text.
    """

    columns: Sequence[str]
    lines: Sequence[Sequence[str]]

    def __post_init__(self):
        for number, line in enumerate(self.lines, 1):
            if len(line) != len(self.columns):
                raise ValueError(f"line {number} has {len(line)} cells, {line}; wanted one for each of {self.columns}")
        for cell in itertools.chain(self.columns, *self.lines):
            if not isinstance(cell, str):
                raise TypeError(f"a table holds text only, got the cell {cell!r} of type {type(cell).__name__}")


class Picture(NamedTuple):
    """A figure, laid out when it is first drawn and not again; its caption is also for readers who cannot see it."""

    caption: str
    figure: Figure


class Section(NamedTuple):
    """One part of a report.

    Attributes:
      help: a sentence or two on how to read the table above it.
      table: for people.
      rows: the NamedTuples behind the table, for programs.
      figures: on the page only.
    """

    title: str
    help: str
    table: Table | None = None
    rows: Sequence[Any] = ()
    figures: Sequence[Picture] = ()


class Score(NamedTuple):
    """One number of a summary, with its interval; what does not exist is NaN.

    Attributes:
      measure: what was measured, in a word or two.
      name: whose it is.
      signed: a difference, whose zero means that there is none.
      own: of a model; the others are what it is compared with.
    """

    measure: str
    name: str
    value: float
    low: float = math.nan
    high: float = math.nan
    signed: bool = False
    own: bool = True


class Summary(NamedTuple):
    """What a report says in a few lines.

    Attributes:
      verdict: one or two sentences, with the differences that matter.
      scores: a few numbers, those of one measure next to each other.
      run: what was run, in a sentence or two.
      measures: what each measure is, in a line.
    """

    verdict: str
    scores: Sequence[Score]
    run: str
    measures: Mapping[str, str] = {}


class Report(NamedTuple):
    """The whole report.

    Attributes:
      warnings: plain sentences.
      facts: what was run, on which data, with which versions: values by name, or by group and name.
      sections: in the order to read them.
      summary: shown first; None where there is nothing to sum up.
    """

    title: str
    warnings: Sequence[str]
    facts: Mapping[str, Any]
    sections: Sequence[Section]
    summary: Summary | None = None


def columns(table: Table) -> list[tuple[str, ...]]:
    """The heading and the cells of each column."""
    return list(zip(table.columns, *table.lines, strict=True))


def is_number(cell: str) -> bool:
    """Whether a cell is made of numbers: `23 (-0.499)`, `+0.172 [+0.120, +0.220]`, `< 1e-6`."""
    return bool(_NUMBER.fullmatch(cell))


def numeric(table: Table) -> list[bool]:
    """Whether a column holds numbers: at least one, and besides them only marks of a missing number."""
    given = [[cell for cell in cells if not _NONE.fullmatch(cell)] for _, *cells in columns(table)]
    return [bool(cells) and all(map(is_number, cells)) for cells in given]
