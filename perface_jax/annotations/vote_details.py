"""What the long form may say of a vote beyond its choice: why it was asked, on which side, how fast, when.

    kind          vote, dummy or repeat: the same triplet once more, to compare an annotator with himself or herself
    share         random, or adaptive: the triplet was chosen because its answer was uncertain
    side          left or right: where the chosen picture was
    milliseconds  from the pictures to the answer
    trial         the place in the annotator's session, from 0
    repeat_of     of a repeat, the trial that it repeats
    time, plan    when the vote was given, and the hash of its plan; not interpreted

Any of these columns may be missing, and any cell but `kind` empty. `perface collect export` writes them all.
"""

import dataclasses
import os
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int8, Int32, Int64

from perface_jax.annotations.tables import real, wrong

KINDS = ("vote", "dummy", "repeat")
SIDES = ("left", "right")
SHARES = ("random", "adaptive")
COLUMNS = ("kind", "share", "side", "milliseconds", "trial", "repeat_of", "time", "plan")
MOST_TRIALS = 9  # digits


@dataclasses.dataclass(frozen=True, eq=False)
class Details:
    """One entry for each line of the file, in its order: votes, dummies and repeats.

    Attributes:
      ids: the triplet.
      annotator: an index into `Votes.annotators`.
      choice: 0 = a, 1 = b.
      expected: the right answer of a dummy, -1 if there is none.
      kind: an index into `KINDS`.
      side: of the screen, 0 = left, 1 = right, -1 = unknown.
      milliseconds: NaN = unknown.
      trial: -1 = unknown.
      adaptive: whether the triplet was chosen because its answer was uncertain.
    """

    ids: tuple[str, ...]
    annotator: Int32[np.ndarray, " n"]
    choice: Int8[np.ndarray, " n"]
    expected: Int8[np.ndarray, " n"]
    kind: Int8[np.ndarray, " n"]
    side: Int8[np.ndarray, " n"]
    milliseconds: Float64[np.ndarray, " n"]
    trial: Int64[np.ndarray, " n"]
    adaptive: Bool[np.ndarray, " n"]

    def of_kind(self, kind: str) -> Bool[np.ndarray, " n"]:
        """Which lines are of a kind."""
        return self.kind == KINDS.index(kind)

    def take(self, lines: Bool[np.ndarray, " n"]) -> "Details":
        """The entries of these lines."""
        ids = tuple(name for name, wanted in zip(self.ids, lines, strict=True) if wanted)
        rest = {field.name: getattr(self, field.name)[lines] for field in dataclasses.fields(self)[1:]}
        return Details(ids, **rest)


class Line(NamedTuple):
    """The details of one line of a file, as in `Details`."""

    kind: int
    side: int
    milliseconds: float
    trial: int
    adaptive: bool


def read_line(path: str | os.PathLike, line: int, cells: Mapping[str, str]) -> Line:
    """The details of a line, from its cells by heading. ValueError for a cell that is none of what is possible."""
    is_dummy = cells.get("is_dummy", "0") == "1"
    kind = _one_of(path, line, cells, "kind", KINDS, ("vote", "dummy")[is_dummy])
    if "is_dummy" in cells and is_dummy != (KINDS[kind] == "dummy"):
        raise wrong(path, line, f"kind = '{cells['kind']}' and is_dummy = '{cells['is_dummy']}'", "the same in both")
    if cells.get("repeat_of") and KINDS[kind] != "repeat":
        raise wrong(path, line, f"repeat_of = '{cells['repeat_of']}' on a {KINDS[kind]}", "an empty cell")
    _whole(path, line, cells, "repeat_of")
    share = _one_of(path, line, cells, "share", SHARES, "random")
    side = _one_of(path, line, cells, "side", SIDES, "")
    return Line(
        kind, side, _duration(path, line, cells), _whole(path, line, cells, "trial"), SHARES[share] == "adaptive"
    )


def details(ids: Sequence[str], votes: Sequence[tuple[int, int, int]], lines: Sequence[Line]) -> Details:
    """The details of a file; `votes` has annotator, choice and right answer of each line."""
    annotator, choice, expected = (np.array(column) for column in zip(*votes, strict=True))
    kind, side, milliseconds, trial, adaptive = (np.array(column) for column in zip(*lines, strict=True))
    return Details(
        tuple(ids),
        annotator.astype(np.int32),
        choice.astype(np.int8),
        expected.astype(np.int8),
        kind.astype(np.int8),
        side.astype(np.int8),
        milliseconds.astype(np.float64),
        trial.astype(np.int64),
        adaptive.astype(bool),
    )


def _one_of(path, line: int, cells: Mapping[str, str], column: str, known: Sequence[str], missing: str) -> int:
    """The index of a cell among the `known` values; that of `missing`, or -1, for no column or an empty cell."""
    cell = cells.get(column, "").lower() or missing
    if cell and cell not in known:
        raise wrong(path, line, f"'{cells[column]}' in column {column}", " or ".join(known))
    return known.index(cell) if cell else -1


def _duration(path, line: int, cells: Mapping[str, str]) -> float:
    cell = cells.get("milliseconds", "")
    if not cell:
        return np.nan
    try:
        value = real(cell)
    except ValueError:
        value = -1.0
    if value < 0:
        raise wrong(path, line, f"'{cell}' in column milliseconds", "a number from 0")
    return value


def _whole(path, line: int, cells: Mapping[str, str], column: str) -> int:
    cell = cells.get(column, "")
    found = re.fullmatch(rf"(\d{{1,{MOST_TRIALS}}})(\.0)?", cell, re.ASCII)  # pandas writes 7.0 beside empty cells
    if cell and not found:
        raise wrong(path, line, f"'{cell}' in column {column}", "a whole number from 0")
    return int(found[1]) if found else -1
