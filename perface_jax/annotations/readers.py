"""Readers of files of votes: the form of the release, one line per vote, and counts for two alternatives.

Readers check every cell and raise a ValueError that names the file, the line, what was seen and what was wanted. They
drop, move and repair nothing.
"""

import os
import pathlib
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from perface_jax.annotations import tables, vote_details
from perface_jax.annotations.spellings import refuse_unclear
from perface_jax.annotations.tables import Line, wrong
from perface_jax.annotations.votes import Dummies, Votes, naming_fault

LETTERS = {"a": 0, "b": 1}
DUMMY, REPEAT = map(vote_details.KINDS.index, ("dummy", "repeat"))
MOST_VOTES = 1000  # in one row of vote counts; more is an error in the file and would exhaust the memory

LONG_FORM = ("triplet", "annotator", "choice")
LONG_FORM_OPTIONS = ("is_dummy", "expected", *vote_details.COLUMNS)
TWO_ALTERNATIVE_FORM = {"reference", "a", "b", "votes_a", "votes_b"}
HEADINGS = ("tripletId", *LONG_FORM, *LONG_FORM_OPTIONS, *TWO_ALTERNATIVE_FORM)
KNOWN_HEADERS = (
    "'tripletId,ans1,ans2,...' or 'triplet,annotator,choice[,is_dummy[,expected]]' or 'reference,a,b,votes_a,votes_b'"
)


def read_answers(path: str | os.PathLike) -> Votes:
    """Read a CSV file of votes in one of three forms, recognized by the header.

    - `tripletId,ans1,ans2,ans3` (one or more columns that begin with `ans`): one line per triplet, as in the release.
      An empty cell is a missing vote.
    - `triplet,annotator,choice[,is_dummy[,expected]]`, columns in any order: one line per vote. `is_dummy` is 0 or 1;
      `expected` is the right answer of a dummy triplet (a or b; empty for others). Triplets may have different numbers
      of votes. Dummy triplets have ids of their own, in any form. Further columns, such as kind, side and milliseconds,
      are those of `vote_details`. A repeat (`kind`) is a second vote of an annotator on a triplet. It says something
      about the annotator, and is not among the votes; `Votes.details` has it.
    - `reference,a,b,votes_a,votes_b`: one line per triplet with the number of votes for each picture; triplets are
      numbered in the order of the file. NIGHTS has this form: its votes are 1,0 or 0,1.

    The file is as `tables` says; letters and headings may be upper or lower case. Triplets keep the order of the file
    (in the long form: of first appearance). A file may hold only some of the triplets. Their ids are those of the
    release (t0000, t0001, ...) or names of your own, not a mixture.

        >>> import pathlib, tempfile
        >>> from perface_jax import annotations
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "votes.csv"
        >>> _ = path.write_text("reference,a,b,votes_a,votes_b\\nr.png,x.png,y.png,2,1")
        >>> votes = annotations.read_answers(path)
        >>> votes.ids, votes.votes.tolist(), votes.pictures
        (('t0000',), [[0, 0, 1]], (('r.png', 'x.png', 'y.png'),))

    Raises:
      ValueError: an unknown header, an empty file, a wrong number of cells, letters other than a and b, a repeated
        triplet, an id that cannot begin the name of a picture, no vote at all. In the long form also: two votes of one
        annotator on one triplet or in one trial, a repeat without a vote, two repeats of one vote; an annotator without
        a name, or with two spellings of it; lines that disagree on whether a triplet is a dummy, or on its right
        answer. For counts also: a picture without a name, or one that is both a and b.
    """
    path = pathlib.Path(path)
    number, header, rows = table = tables.read(path, HEADINGS, wanted=KNOWN_HEADERS)
    header = [name.lower() if name.lower().startswith("ans") else name for name in header]
    read = _reader(header)
    if read is None:
        raise wrong(path, number, f"the header '{','.join(header)}'", KNOWN_HEADERS)
    tables.require_rows(path, table, "triplet")
    return read(path, header, rows)


def _reader(header: list[str]):
    """The reader of the form with this header; None for an unknown one."""
    if header[:1] == ["tripletId"] and len(header) > 1 and all(name.startswith("ans") for name in header[1:]):
        return _read_wide
    if set(LONG_FORM) <= set(header) <= {*LONG_FORM, *LONG_FORM_OPTIONS} and _says_dummies(header):
        return _read_long
    return _read_two_alternative if set(header) == TWO_ALTERNATIVE_FORM else None


def _says_dummies(header: list[str]) -> bool:
    """Right answers alone do not say which triplets are dummies."""
    return "expected" not in header or bool({"is_dummy", "kind"} & {*header})


def _letter(path, line: int, column: str, cell: str) -> int:
    if cell.lower() not in LETTERS:
        raise wrong(path, line, f"'{cell}' in column {column}", "a or b")
    return LETTERS[cell.lower()]


def _vote_or_none(path, line: int, column: str, cell: str) -> int:
    return _letter(path, line, column, cell) if cell else -1


def _check_names(path, ids: Sequence[str], lines: Sequence[int]) -> None:
    if fault := naming_fault(ids):
        place, message = fault
        raise ValueError(f"{path}, line {lines[place]}: {message}")


def _read_wide(path, header: list[str], rows: list[Line]) -> Votes:
    first_line = {}
    for line, row in rows:
        if row[0] in first_line:
            raise wrong(path, line, f"{row[0]}, which is also on line {first_line[row[0]]}", "every triplet once")
        first_line[row[0]] = line
    _check_names(path, list(first_line), list(first_line.values()))
    columns, lines = tuple(header[1:]), tuple(first_line.values())
    votes = [[_vote_or_none(path, line, *cell) for cell in zip(columns, row[1:], strict=True)] for line, row in rows]
    if np.max(votes) < 0:
        raise ValueError(f"{path}: every cell of {', '.join(columns)} is empty, wanted at least one vote, a or b")
    return Votes(tuple(first_line), np.array(votes), columns=columns, path=str(path), lines=lines)


def _read_long(path, header: list[str], rows: list[Line]) -> Votes:
    given: dict[str, dict[int, int]] = {}  # triplet -> annotator -> vote
    dummies, annotators, first, voted, extra = [], {}, {}, {}, []
    for line, row in rows:
        cells = dict(zip(header, row, strict=True))
        detail = vote_details.read_line(path, line, cells)
        cells.setdefault("is_dummy", str(int(detail.kind == DUMMY)))
        triplet, annotator, choice, dummy = _vote(path, line, cells)
        first_line, first_dummy = first.setdefault(triplet, (line, dummy))
        if dummy != first_dummy:
            seen = f"{triplet} with a different is_dummy or expected than on line {first_line}"
            raise wrong(path, line, seen, "the same on all lines of a triplet")
        _refuse_second(path, line, voted, (annotator, triplet, detail.kind == REPEAT), detail.trial)
        who = annotators.setdefault(annotator, len(annotators))
        extra.append((triplet, (who, choice, -1 if dummy is None else dummy), detail))
        if dummy is not None:
            dummies.append((triplet, who, choice, dummy))
        elif detail.kind != REPEAT:
            given.setdefault(triplet, {})[who] = choice
    who = [(line, row[header.index("annotator")]) for line, row in rows]
    refuse_unclear(path, "annotator", who)
    _refuse_orphans(path, voted)
    if not given:
        raise ValueError(f"{path}: all {len(dummies)} votes are on dummy triplets, wanted votes on other triplets, too")
    lines = tuple(first[triplet][0] for triplet in given)
    _check_names(path, list(given), lines)
    return Votes(
        tuple(given),
        _side_by_side([*votes.values()] for votes in given.values()),
        annotator=_side_by_side([*votes] for votes in given.values()),
        annotators=tuple(annotators),
        dummies=_dummies(dummies) if dummies else None,
        details=vote_details.details(*zip(*extra, strict=True)) if {*header} & {*vote_details.COLUMNS} else None,
        path=str(path),
        lines=lines,
    )


def _refuse_second(path, line: int, voted: dict[Any, int], vote: tuple[str, str, bool], trial: int) -> None:
    """Raise a ValueError for a second vote or repeat of an annotator on a triplet, or a second vote in a trial."""
    annotator, triplet, repeat = vote
    earlier = voted.setdefault(vote, line)
    if earlier != line:
        what = ("vote", "repeat")[repeat]
        seen = f"a second {what} of annotator {annotator} on {triplet}, the first is on line {earlier}"
        raise wrong(path, line, seen, "one vote from each")
    earlier = voted.setdefault((annotator, trial), line) if trial >= 0 else line
    if earlier != line:
        seen = f"trial {trial} of annotator {annotator}, which is also on line {earlier}"
        raise wrong(path, line, seen, "every trial of an annotator once")


def _refuse_orphans(path, voted: dict[Any, int]) -> None:
    for vote, line in voted.items():
        if len(vote) == 3 and vote[2] and (*vote[:2], False) not in voted:
            seen = f"a repeat of annotator {vote[0]} on {vote[1]}, where there is no vote of that annotator"
            raise wrong(path, line, seen, "the vote that is repeated, or kind = vote")


def _vote(path, line: int, cells: dict[str, str]) -> tuple[str, str, int, int | None]:
    """Triplet, annotator, choice, and the right answer: -1 if a dummy triplet has none, None if it is not a dummy."""
    for column in ("triplet", "annotator"):
        if not cells[column]:
            raise wrong(path, line, f"an empty cell in column {column}", f"the name of the {column}")
    dummy, expected = cells.get("is_dummy", "0"), cells.get("expected", "")
    if dummy not in ("0", "1"):
        raise wrong(path, line, f"is_dummy = '{dummy}'", "0 or 1")
    if expected and dummy == "0":
        raise wrong(path, line, f"expected = '{expected}' on a triplet that is not a dummy", "an empty cell")
    choice = _letter(path, line, "choice", cells["choice"])
    right = _letter(path, line, "expected", expected) if expected else -1
    return cells["triplet"], cells["annotator"], choice, right if dummy == "1" else None


def _dummies(rows: list[tuple[str, int, int, int]]) -> Dummies:
    ids, annotator, choice, expected = zip(*rows, strict=True)
    return Dummies(ids, np.array(annotator, np.int32), np.array(choice, np.int8), np.array(expected, np.int8))


def _read_two_alternative(path, header: list[str], rows: list[Line]) -> Votes:
    first_line, votes = {}, []
    for line, row in rows:
        cells = dict(zip(header, row, strict=True))
        pictures = _pictures(path, line, cells)
        if pictures in first_line:
            seen = f"{', '.join(pictures)}, which are also on line {first_line[pictures]}"
            raise wrong(path, line, seen, "every triplet once")
        first_line[pictures] = line
        for_a, for_b = (_count(path, line, name, cells[name]) for name in ("votes_a", "votes_b"))
        if not 1 <= for_a + for_b <= MOST_VOTES:
            raise wrong(path, line, f"{for_a} + {for_b} votes", f"1 to {MOST_VOTES} of them")
        votes.append([0] * for_a + [1] * for_b)
    ids = tuple(f"t{i:04d}" for i in range(len(votes)))
    lines = tuple(first_line.values())
    return Votes(ids, _side_by_side(votes), pictures=tuple(first_line), path=str(path), lines=lines)


def _pictures(path, line: int, cells: dict[str, str]) -> tuple[str, str, str]:
    for column in ("reference", "a", "b"):
        if not cells[column]:
            raise wrong(path, line, f"an empty cell in column {column}", "the name of a picture")
    if cells["a"] == cells["b"]:
        raise wrong(path, line, f"'{cells['a']}' as a and as b", "two pictures to choose from")
    return cells["reference"], cells["a"], cells["b"]


def _count(path, line: int, column: str, cell: str) -> int:
    if not re.fullmatch(r"\d+", cell, re.ASCII):
        raise wrong(path, line, f"'{cell}' in column {column}", "a whole number of votes")
    return int(cell[:9])  # nine digits are already far above the limit


def _side_by_side(rows: Iterable[Sequence[int]]) -> np.ndarray:
    """Rows of different lengths as one int32 array, filled with -1 on the right."""
    rows = list(rows)
    out = np.full((len(rows), max(map(len, rows))), -1, dtype=np.int32)
    for i, row in enumerate(rows):
        out[i, : len(row)] = row
    return out
