"""Sources and targets of triplets from a file: for incomplete crossings, and for triplets of your own.

    tripletId,source,target
    t0000,0,0
    t0007,anna,street_3

A column of whole numbers (0, 1, 17; not 007) keeps its numbers. In any other column the different names are sorted and
numbered: `source_names[source_id]`.
"""

import dataclasses
import os
import pathlib
import re
from collections.abc import Collection, Sequence

import numpy as np
from jaxtyping import Int, Int32

from perface_jax.annotations.orders import GridOrder, grid_orders
from perface_jax.annotations.tables import listed, read_table

COLUMNS = ("tripletId", "source", "target")
MOST = np.iinfo(np.int32).max


@dataclasses.dataclass(frozen=True, eq=False)
class TripletIds:
    """The source and the target of each triplet.

    Attributes:
      ids: the triplets, each once.
      source_id, target_id: numbers from 0.
      source_names, target_names: the name of each number; empty where the file has the numbers themselves.
      absent: triplets that the file names and that have pictures, but that are not among those requested.
    """

    ids: tuple[str, ...]
    source_id: Int32[np.ndarray, " t"]
    target_id: Int32[np.ndarray, " t"]
    source_names: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


def read_ids(path: str | os.PathLike, triplets: Sequence[str], *, others: Collection[str] = ()) -> TripletIds:
    """Read a CSV file with the columns tripletId, source, target, in any order; other columns are ignored.

    Args:
      triplets: the triplets to look up. The file may name only some of them; the result has those, in the order of
        `triplets`.
      others: further triplets that the file may name, such as those without answers.

    Raises:
      ValueError: a missing column, an empty cell, a repeated or unknown triplet, or none of `triplets`; a source or a
        target without a name, or with two spellings of it.
    """
    path = pathlib.Path(path)
    rows = read_table(path, COLUMNS, known=(*triplets, *others), names=COLUMNS[1:])
    sources, source_names = _numbered([cells["source"] for cells in rows.values()])
    targets, target_names = _numbered([cells["target"] for cells in rows.values()])
    place = {triplet: i for i, triplet in enumerate(rows)}
    kept = [triplet for triplet in triplets if triplet in place]
    if not kept:
        raise ValueError(f"{path} names none of the {len(triplets)} triplets ({listed(triplets)})")
    wanted, at = set(triplets), [place[triplet] for triplet in kept]
    absent = tuple(triplet for triplet in rows if triplet not in wanted)
    return TripletIds(tuple(kept), sources[at], targets[at], source_names, target_names, absent)


def _numbered(names: list[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    if all(re.fullmatch(r"0|[1-9]\d{0,9}", name, re.ASCII) and int(name) <= MOST for name in names):
        return np.array(names, np.int64).astype(np.int32), ()
    different, numbers = np.unique(names, return_inverse=True)
    return numbers.astype(np.int32), tuple(map(str, different))


def order_of(source_id: Int[np.ndarray, " t"], target_id: Int[np.ndarray, " t"]) -> GridOrder | None:
    """The named row order in which a whole grid of these sources and targets was written; None if there is none.

    Both arrays cover all triplets, by number. Only which ids are equal matters, not their values.
    """
    source, target = _by_appearance(source_id), _by_appearance(target_id)
    sources, targets = int(source.max()) + 1, int(target.max()) + 1
    if len(source) != sources * targets or min(sources, targets) < 2:
        return None
    for order in grid_orders(sources, targets):
        cell = np.argsort(order.positions())
        if np.array_equal(cell % sources, source) and np.array_equal(cell // sources, target):
            return order
    return None


def _by_appearance(ids: np.ndarray) -> np.ndarray:
    """Numbered from 0 in the order in which they first occur."""
    _, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]
