"""Votes of people on triplets.

A triplet shows a reference and two candidates, a and b; a vote says which candidate is closer to the reference:
0 = a, 1 = b, -1 = none. Triplets are numbered from 0: `t0000`, `t0001`, ... The number in the id is the PLACE of the
triplet in its grid of sources and targets (`perface_jax.annotations.orders`), whatever line of the file it stands on.
"""

import collections
import dataclasses
import re
from collections.abc import Sequence

import numpy as np

from perface_jax.statistics.resampling import divide
from perface_jax.statistics.votes import count_votes


@dataclasses.dataclass(frozen=True, eq=False)
class Dummies:
    """Votes on dummy triplets, in which two pictures show one person and so one answer is right.

    Attributes:
      ids: the id of the dummy triplet of each vote, length D.
      annotator: int32 [D], who voted, an index into `Votes.annotators`.
      choice: int8 [D], 0 = a, 1 = b.
      expected: int8 [D], the right answer; -1 where the file does not say.
    """

    ids: tuple[str, ...]
    annotator: np.ndarray
    choice: np.ndarray
    expected: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Votes:
    """The votes of one file.

    Attributes:
      ids: the triplets in the order of the file, length T, each once.
      votes: int8 [T, V], 0 = a, 1 = b, -1 = none; read-only.
      columns: the V names of the file's answer columns. Empty where a column is only a place to put a vote (long and
        two-alternative forms). A column is not a person: nobody says that one person filled it.
      annotator: int32 [T, V], who gave the vote, an index into `annotators`, -1 = no vote. None where nobody knows.
      annotators: the names of the annotators.
      dummies: the votes on dummy triplets, kept apart. None where the file has none.
      pictures: (reference, a, b) of each triplet where the file names them, else empty.
      path: the file, for messages.
      lines: the line of the file, from 1, on which each triplet stands (first stands), or empty.

    Raises:
      ValueError: shapes that do not fit each other, values other than 0, 1 and -1, an id twice.
    """

    ids: tuple[str, ...]
    votes: np.ndarray
    columns: tuple[str, ...] = ()
    annotator: np.ndarray | None = None
    annotators: tuple[str, ...] = ()
    dummies: Dummies | None = None
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
            raise ValueError(f"{len(self.ids)} ids stand on {len(self.lines)} lines; give one line for each, or none")
        doubled = [name for name, count in collections.Counter(self.ids).items() if count > 1]
        if doubled:
            raise ValueError(f"every id must occur once, these occur more often: {', '.join(doubled[:5])}")
        votes = votes.astype(np.int8)
        votes.setflags(write=False)
        object.__setattr__(self, "votes", votes)

    def places(self) -> np.ndarray:
        """The number in each id: int64 [T], a permutation of 0 .. T-1.

        Raises:
          ValueError: an id that is not `t` and its number of 4 to 9 digits, or numbers that leave a gap.
        """
        fault = numbering_fault(self.ids)
        if fault:
            raise ValueError(f"{self.path or 'votes'}: {fault[1]}")
        return np.array([int(name[1:]) for name in self.ids], dtype=np.int64)


def share_by_row(votes: np.ndarray) -> np.ndarray:
    """The share of b among the votes given in each row: [T, V] -> float64 [T]; NaN where nobody voted."""
    a, b = count_votes(votes)
    return divide(b, a + b)


def numbering_fault(ids: Sequence[str]) -> tuple[int | None, str] | None:
    """The first thing wrong with the numbering: (index of the id, or None where one is missing; what it is)."""
    for i, name in enumerate(ids):
        if not re.fullmatch(r"t\d{4,9}", name, re.ASCII) or name != f"t{int(name[1:]):04d}":
            return i, f"saw the id '{name}', wanted t0000, t0001, ..."
    missing = sorted(set(range(len(ids))) - {int(name[1:]) for name in ids})
    if missing:
        highest = max(ids, key=lambda name: int(name[1:]))
        shown = ", ".join(f"t{i:04d}" for i in missing[:5])
        return None, f"saw {len(ids)} triplets up to {highest}, wanted every id from t0000 on; missing: {shown}"
    return None
