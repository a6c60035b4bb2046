"""Votes on triplets.

A triplet shows a reference and two pictures, a and b; a vote says which of the two is closer to the reference: 0 = a,
1 = b, -1 = none. The release numbers its triplets from 0: `t0000`, `t0001`, ... The number in the id is the PLACE of
the triplet in its grid of sources and targets (`perface_jax.annotations.orders`), whatever line of the file it is on.
Triplets of your own may have any names. They have no place; a file may state their sources and targets (`id_files`).
"""

import collections
import dataclasses
import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float64, Int, Int8, Int32, Int64

from perface_jax.annotations.vote_details import Details
from perface_jax.statistics.resampling import divide
from perface_jax.statistics.votes import count_votes


@dataclasses.dataclass(frozen=True, eq=False)
class Dummies:
    """Votes on dummy triplets: two of their pictures show one person, so one answer is right.

    `ids` has the dummy triplet of each vote, `annotator` an index into `Votes.annotators`; `choice` is 0 = a or 1 = b,
    and `expected`, the right answer, -1 if the file does not say.
    """

    ids: tuple[str, ...]
    annotator: Int32[np.ndarray, " d"]
    choice: Int8[np.ndarray, " d"]
    expected: Int8[np.ndarray, " d"]


@dataclasses.dataclass(frozen=True, eq=False)
class Votes:
    """The votes of one file.

    Attributes:
      ids: the triplets in the order of the file, each once.
      votes: 0 = a, 1 = b, -1 = none; becomes int8 and read-only.
      columns: the V names of the file's answer columns. Empty in the long and two-alternative forms, where the position
        of a vote within its row has no meaning. A column is not a person: several people may have filled it.
      annotator: who gave the vote, an index into `annotators`, -1 = no vote. None if unknown.
      dummies: the votes on dummy triplets, kept separately. None if the file has none.
      details: sides, times and repeats of the long form, a line of the file each. None if it does not have them.
      pictures: (reference, a, b) of each triplet if the file names them, otherwise empty.
      path: the file, for messages.
      lines: the line of the file, from 1, on which each triplet (first) appears, or empty.

    Raises:
      ValueError: shapes that do not fit, values other than 0, 1 and -1, a repeated id.
    """

    ids: tuple[str, ...]
    votes: Int[np.ndarray, "t v"]
    columns: tuple[str, ...] = ()
    annotator: Int[np.ndarray, "t v"] | None = None
    annotators: tuple[str, ...] = ()
    dummies: Dummies | None = None
    details: Details | None = None
    pictures: tuple[tuple[str, str, str], ...] = ()
    path: str = ""
    lines: tuple[int, ...] = ()

    def __post_init__(self):
        votes = np.asarray(self.votes)
        if votes.ndim != 2 or len(votes) != len(self.ids):
            raise ValueError(f"votes must be [T, V] with one row for each of {len(self.ids)} ids, got {votes.shape}")
        if not np.isin(votes, (-1, 0, 1)).all():
            raise ValueError(f"votes must be 0 (a), 1 (b) or -1 (none), got {np.unique(votes).tolist()}")
        if self.columns and len(self.columns) != votes.shape[1]:
            raise ValueError(f"{votes.shape[1]} columns of votes have {len(self.columns)} names: {self.columns}")
        if self.annotator is not None and self.annotator.shape != votes.shape:
            raise ValueError(f"annotator must have the shape of votes, {votes.shape}, got {self.annotator.shape}")
        if self.lines and len(self.lines) != len(self.ids):
            raise ValueError(f"{len(self.ids)} ids have {len(self.lines)} lines; give one line for each, or none")
        doubled = [name for name, count in collections.Counter(self.ids).items() if count > 1]
        if doubled:
            raise ValueError(f"every id must occur once; these occur more often: {', '.join(doubled[:5])}")
        votes = votes.astype(np.int8)
        votes.setflags(write=False)
        object.__setattr__(self, "votes", votes)

    def take(self, rows: Int[np.ndarray, " n"]) -> "Votes":
        """The votes of these rows, with everything known about them."""
        parts = {name: tuple(getattr(self, name)[i] for i in rows) for name in ("ids", "pictures", "lines")
                 if getattr(self, name)}  # fmt: skip
        annotator = None if self.annotator is None else self.annotator[rows]
        details = self.details and self.details.take(self._of_ids({self.ids[i] for i in rows}))
        return dataclasses.replace(self, votes=self.votes[rows], annotator=annotator, details=details, **parts)

    def _of_ids(self, wanted: set[str]) -> Bool[np.ndarray, " n"]:
        """The lines of `details` on these triplets, and those on dummies."""
        if self.details is None:
            return np.zeros(0, bool)
        return np.array([name in wanted for name in self.details.ids], bool) | self.details.of_kind("dummy")

    def by_number(self) -> Int64[np.ndarray, " t"]:
        """The rows in the order of the numbers in their ids, or in that of the file if the ids are names."""
        if not numbering_fault(self.ids):
            return np.argsort(np.array([int(name[1:]) for name in self.ids], np.int64))
        numbers = [number(name) for name in self.ids]
        return np.arange(len(self.ids)) if None in numbers else np.argsort(np.array(numbers, np.int64))

    def places(self) -> Int64[np.ndarray, " t"]:
        """The number in each id, a permutation of 0 .. T-1; ValueError if ids are malformed or leave a gap."""
        if fault := numbering_fault(self.ids):
            raise ValueError(f"{self.path or 'votes'}: {fault}")
        return np.array([int(name[1:]) for name in self.ids], dtype=np.int64)


def share_by_row(votes: Int[np.ndarray, "t v"]) -> Float64[np.ndarray, " t"]:
    """The share of b among the votes in each row; NaN without votes."""
    a, b = count_votes(votes)
    return divide(b, a + b)


def number(name: str) -> int | None:
    """The number in an id of the release, such as 7 in t0007; None for any other name."""
    found = re.fullmatch(r"t(\d{4,9})", name, re.ASCII)
    return int(found[1]) if found and name == f"t{int(found[1]):04d}" else None


def naming_fault(ids: Sequence[str]) -> tuple[int, str] | None:
    """The first invalid id: (its index, a message). None if all are valid.

    An id begins the names of three pictures, so it has no path separators, control characters or leading dots. If one
    id looks like t0000, all must: another kind would be a typing error.
    """
    numbered = [number(name) is not None for name in ids]
    some = any(numbered)
    for i, name in enumerate(ids):
        if some and not numbered[i]:
            return i, f"saw the id '{name}' beside {ids[numbered.index(True)]}, wanted t0000, t0001, ..."
        if not name.isprintable() or not name.strip() or name[0] == "." or set(name) & set("/\\"):
            return i, f"saw the id '{name}', wanted the beginning of the names of three pictures, such as t0000"
    return None


def numbering_fault(ids: Sequence[str]) -> str:
    """Why the ids do not number a whole grid from t0000; "" if they do."""
    if set(ids) == {f"t{i:04d}" for i in range(len(ids))}:
        return ""
    numbers = {number(name) for name in ids}
    if None in numbers:
        return f"saw the id '{next(name for name in ids if number(name) is None)}', wanted t0000, t0001, ..."
    if missing := sorted(set(range(len(ids))) - numbers):
        highest = max(ids, key=lambda name: int(name[1:]))
        shown = ", ".join(f"t{i:04d}" for i in missing[:5])
        return f"saw {len(ids)} triplets up to {highest}, wanted every id from t0000 on; missing: {shown}"
    return ""
