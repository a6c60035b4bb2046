"""What a report holds: text, rows and figures, as the caller wrote and drew them."""

import dataclasses
import itertools
import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import UInt8

if TYPE_CHECKING:  # it takes a second to import, and an extra to be there
    from matplotlib.figure import Figure

_NUMBER = re.compile(r"(?=.*\d)[\s\d.,:;%()\[\]/+\-\u2013\u2212\u00b1<>=~]+(e[+-]?\d+)?")
_NONE = re.compile(r"\s*|-+|\u2013|\u2014|n/a\b.*", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Table:
    """Headings of columns, and lines of one cell for each.

    Attributes:
      value: the column without which a line says nothing: on a page, lines without it are one line that says why.

    Raises:
      ValueError: a line of another length.
      TypeError: a cell that is not text.
    """

    columns: Sequence[str]
    lines: Sequence[Sequence[str]]
    value: str = ""

    def __post_init__(self):
        for number, line in enumerate(self.lines, 1):
            if len(line) != len(self.columns):
                raise ValueError(f"line {number} has {len(line)} cells, {line}; wanted one for each of {self.columns}")
        for cell in itertools.chain(self.columns, *self.lines):
            if not isinstance(cell, str):
                raise TypeError(f"a table holds text only, got the cell {cell!r} of type {type(cell).__name__}")


class Tile(NamedTuple):
    """A picture of a strip, and what stands below it.

    Attributes:
      mark: in bold, such as a similarity.
      framed: it is the one that matters.
      apart: a gap before it.
    """

    picture: UInt8[np.ndarray, "h w 3"]
    name: str
    mark: str = ""
    framed: bool = False
    apart: bool = False


class Strip(NamedTuple):
    """Pictures in a row, such as a triplet, with a heading, a sentence, and a table where numbers belong to them."""

    heading: str
    tiles: Sequence[Tile]
    text: str = ""
    table: Table | None = None


class Picture(NamedTuple):
    """A figure, laid out when it is first drawn and not again; its caption is also for readers who cannot see it.

    Where a figure is a sheet of pictures, `strips` are the same pictures for a page, which shows them in its gallery.
    """

    caption: str
    figure: "Figure"
    strips: Sequence[Strip] = ()


class Section(NamedTuple):
    """One part of a report.

    Attributes:
      help: a sentence or two on how to read the table above it.
      table: for people.
      rows: the NamedTuples behind the table, for programs.
      figures: on the page only.
      warnings: those of the report that belong here.
      thumbnails: pictures beside cells of the table, by line and column; on the page only.
    """

    title: str
    help: str
    table: Table | None = None
    rows: Sequence[Any] = ()
    figures: Sequence[Picture] = ()
    warnings: Sequence[str] = ()
    thumbnails: Mapping[tuple[int, int], UInt8[np.ndarray, "_ _ 3"]] = {}


class Made(NamedTuple):
    """When, from which commit ("" outside of a git checkout), and by which command a report was made."""

    date: str
    commit: str
    command: str


class Measure(NamedTuple):
    """What the scores of a measure are, in a line, and the one that chance or no effect gives (NaN: none)."""

    meaning: str
    chance: float = math.nan


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
      verdict: a sentence, with the differences that matter.
      scores: a few numbers, those of one measure next to each other.
      run: what was run, in a sentence or two.
      measures: what each measure is.
      details: further sentences on what was found.
      note: how to read the scores.
    """

    verdict: str
    scores: Sequence[Score]
    run: str
    measures: Mapping[str, Measure] = {}
    details: str = ""
    note: str = ""


class Report(NamedTuple):
    """The whole report.

    Attributes:
      warnings: plain sentences, those of the sections too.
      facts: what was run, on which data, with which versions: values by name, or by group and name.
      sections: in the order to read them.
      summary: shown first; None where there is nothing to sum up.
      made: see `provenance.made`; None where nobody asked.
    """

    title: str
    warnings: Sequence[str]
    facts: Mapping[str, Any]
    sections: Sequence[Section]
    summary: Summary | None = None
    made: Made | None = None


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
