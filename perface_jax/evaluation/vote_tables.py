"""One line for each vote with the similarities of one model: what a mixed model of another program is fitted to.

    tripletId,source,target,annotator,vote,similarity_a,similarity_b
    t0000,0,0,p17,a,0.61204,0.58911

`annotator` is empty where the answers do not say who voted: a column of answers is not a person. `vote` is a or b.
Sources and targets that are not known are empty. docs/mixed_models.md fits such tables.
"""

import csv
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from etils import epath
from jaxtyping import Float, Int

from perface_jax.evaluation.inputs import Triplets
from perface_jax.files import replacing

COLUMNS = ("tripletId", "source", "target", "annotator", "vote", "similarity_a", "similarity_b")


class VotesTable(NamedTuple):
    """What `read_votes_table` reads, one entry for each triplet; -1 for a source or target that is not known."""

    ids: tuple[str, ...]
    votes_for_a: Float[np.ndarray, " t"]
    votes: Float[np.ndarray, " t"]
    source: Int[np.ndarray, " t"]
    target: Int[np.ndarray, " t"]
    similarities: Float[np.ndarray, "t 2"]

    def right(self) -> Float[np.ndarray, " t"]:
        """1 where the model chooses the side that most votes prefer, 0 where not, 1/2 where either is undecided."""
        chosen, preferred = -np.diff(self.similarities)[:, 0], 2 * self.votes_for_a - self.votes
        return (1 + np.sign(chosen) * np.sign(preferred)) / 2


def write_votes_table(
    file: epath.PathLike,
    triplets: Triplets,
    similarities: Float[np.ndarray, "t 2"],
    *,
    rows: Int[np.ndarray, " n"] | None = None,
    annotator: Sequence[Sequence[str]] | None = None,
) -> None:
    """Write the table of one model; the file is whole or absent.

    Args:
      similarities: of the reference to a and to b.
      rows: the triplets to write, such as those of a test setting; default: all.
      annotator: who gave each vote, as `triplets.votes`; default: nobody knows.
    """
    with replacing(file) as unfinished, unfinished.open("w") as opened:
        table = csv.writer(opened, lineterminator="\n")
        table.writerow(COLUMNS)
        for row in range(len(triplets)) if rows is None else rows:
            ids = [str(one) if one >= 0 else "" for one in (triplets.source_id[row], triplets.target_id[row])]
            shown = [f"{one:.7g}" for one in similarities[row]]
            for slot in np.flatnonzero(triplets.votes[row] >= 0):
                who = annotator[row][slot] if annotator is not None else ""
                table.writerow([triplets.ids[row], *ids, who, "ab"[triplets.votes[row, slot]], *shown])


def read_votes_table(file: epath.PathLike) -> VotesTable:
    """Read what `write_votes_table` wrote. ValueError: other columns, or a line that is not a vote; it is named."""
    found: dict[str, list] = {}
    with epath.Path(file).open() as opened:
        table = csv.reader(opened)
        if (head := next(table, [])) != list(COLUMNS):
            raise ValueError(f"{file}: the columns are {','.join(head)}; wanted {','.join(COLUMNS)}")
        for line in table:
            try:
                name, source, target, _, vote, *similar = line
                votes = {"a": (1, 1), "b": (0, 1)}[vote]
                entry = found.setdefault(name, [0, 0, int(source or -1), int(target or -1), *map(float, similar)])
            except (ValueError, KeyError) as error:
                raise ValueError(f"{file}:{table.line_num}: saw {','.join(line)}, wanted {COLUMNS}") from error
            entry[0] += votes[0]
            entry[1] += votes[1]
    values = np.array(list(found.values()), np.float64).reshape(-1, 6)
    ids = values[:, 2:4].astype(np.int64)
    return VotesTable(tuple(found), values[:, 0], values[:, 1], ids[:, 0], ids[:, 1], values[:, 4:])
