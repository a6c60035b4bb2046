"""One line for each vote with the similarities of one model: the input of mixed models in other programs.

    tripletId,source,target,annotator,vote,similarity_a,similarity_b
    t0000,0,0,p17,a,0.61204,0.58911

`annotator` is empty if the answers do not say who voted; a column of answers is not a person. `vote` is a or b. Unknown
sources and targets are empty. docs/mixed_models.md fits such tables.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from etils import epath
from jaxtyping import Float, Int, Shaped

from perface_jax.annotations import Setting, tables
from perface_jax.evaluation.inputs import Triplets
from perface_jax.evaluation.runs import Role, Run, lines, pooled, rows
from perface_jax.files import write_csv

COLUMNS = ("tripletId", "source", "target", "annotator", "vote", "similarity_a", "similarity_b")


class VotesTable(NamedTuple):
    """The result of `read_votes_table`, one entry per triplet; -1 for an unknown source or target."""

    ids: tuple[str, ...]
    votes_for_a: Float[np.ndarray, " t"]
    votes: Float[np.ndarray, " t"]
    source: Int[np.ndarray, " t"]
    target: Int[np.ndarray, " t"]
    similarities: Float[np.ndarray, "t 2"]

    def right(self) -> Float[np.ndarray, " t"]:
        """1 where the model chooses the side that most votes prefer, 0 where not, 1/2 if votes or model are tied."""
        chosen, preferred = -np.diff(self.similarities)[:, 0], 2 * self.votes_for_a - self.votes
        return (1 + np.sign(chosen) * np.sign(preferred)) / 2


def held_out(cells: Mapping[str, Sequence[Run]]) -> dict[str, tuple[Int[np.ndarray, " n"], Float[np.ndarray, "n 2"]]]:
    """By printed name and test setting (`after ii`), the triplets and similarities of each model.

    They are those of all folds of the first seed; for external embeddings, which have no training set here, all
    triplets.
    """
    found = {}
    for line in lines(cells):
        if line.role is Role.EXTERNAL:
            first = line.similarities[0]
            found[line.name] = np.arange(len(first)), first
            continue
        pairs = zip(line.runs, line.similarities, strict=True)
        pairs = [(run, similar) for run, similar in pairs if run.seed == line.runs[0].seed]
        for setting in Setting:
            places = [rows(run, setting) for run, _ in pairs]
            if setting.is_test and sum(map(len, places)):
                found[f"{line.name} {setting}"] = np.concatenate(places), pooled([one for _, one in pairs], places)
    return found


def write_votes_table(
    file: epath.PathLike,
    triplets: Triplets,
    places: Int[np.ndarray, " n"],
    similarities: Float[np.ndarray, "n 2"],
    *,
    annotator: Shaped[np.ndarray, "t v"] | None = None,
) -> None:
    """Write the table of one model; the file is complete or absent.

    Args:
      places: the positions of the triplets to write.
      similarities: of their reference to a and to b.
      annotator: who gave each vote, in the shape of `triplets.votes`; default: unknown.
    """
    table: list[list[Any]] = [[*COLUMNS]]
    for place, similar in zip(places.tolist(), similarities, strict=True):
        ids = [str(one) if one >= 0 else "" for one in (triplets.source_id[place], triplets.target_id[place])]
        for slot in np.flatnonzero(triplets.votes[place] >= 0):
            who = "" if annotator is None else str(annotator[place, slot])
            vote = "ab"[triplets.votes[place, slot]]
            table.append([triplets.ids[place], *ids, who, vote, *(f"{one:.7g}" for one in similar)])
    write_csv(file, table)


def _number(cell: str) -> int:
    """Of a source or target; -1 for an empty cell. Float64 holds 15 digits exactly."""
    if not re.fullmatch(r"\d{0,15}", cell, re.ASCII):
        raise ValueError(f"'{cell}' is not a number")
    return int(cell or -1)


def read_votes_table(file: epath.PathLike) -> VotesTable:
    """Read a table of `write_votes_table`. ValueError: other columns, or a line that is not a vote."""
    found: dict[str, list] = {}
    table = tables.read(file, COLUMNS)
    if table.header != list(COLUMNS):
        raise tables.wrong(file, table.line, f"the columns {','.join(table.header)}", ",".join(COLUMNS))
    tables.require_rows(file, table, "vote")
    for number, line in table.rows:
        try:
            name, source, target, _, vote, to_a, to_b = line
            votes = {"a": (1, 1), "b": (0, 1)}[vote]
            new = [0, 0, _number(source), _number(target), tables.real(to_a), tables.real(to_b)]
        except (ValueError, KeyError) as error:
            raise tables.wrong(file, number, ",".join(line), f"a vote: {','.join(COLUMNS)}") from error
        entry = found.setdefault(name, new)
        entry[0] += votes[0]
        entry[1] += votes[1]
    values = np.array(list(found.values()), np.float64).reshape(-1, 6)
    ids = values[:, 2:4].astype(np.int64)
    return VotesTable(tuple(found), values[:, 0], values[:, 1], ids[:, 0], ids[:, 1], values[:, 4:])
