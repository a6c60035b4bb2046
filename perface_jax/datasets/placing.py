"""Which source and which target each triplet of a release shows, and the row order in which the grid was written.

Three ways: from the row order of the pictures (found or named), for a whole grid or a part; from a file; or not at all.
Answer columns can only be compared and repaired if they are a whole grid in a named order.
"""

import logging
import os
import pathlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32, Int

from perface_jax import annotations, images, progress_bar
from perface_jax.annotations.tables import listed
from perface_jax.annotations.votes import number, numbering_fault
from perface_jax.datasets import order as orders
from perface_jax.datasets import release as releases

LOG = logging.getLogger(__name__)
ADVICE = "for other triplets than those of a grid give ids=FILE (config.data.ids), or order='unknown'"


class Placed(NamedTuple):
    """Answers with the source and target of each row, -1 if unknown.

    Attributes:
      order: the row order of the pictures; None unless they are a whole grid in a named order.
      note: why there is no order, or "".
      described: recorded in the data set: `order` and `without_ids`.
    """

    answers: annotations.Votes
    source_id: Int[np.ndarray, " t"]
    target_id: Int[np.ndarray, " t"]
    order: annotations.GridOrder | None
    note: str
    described: dict[str, Any]


def nowhere(answers: annotations.Votes) -> Placed:
    """Placement with unknown sources and targets."""
    unknown = np.full(len(answers.ids), -1)
    described = {"order": None, "without_ids": []}
    return Placed(answers, unknown, unknown, None, "the order of the pictures is unknown", described)


def by_file(answers: annotations.Votes, path: str | os.PathLike, *, spare: Sequence[str] = ()) -> Placed:
    """Sources and targets from a file (`annotations.read_ids`); triplets that it does not name are left out.

    `spare` are triplets without answers, which the file may name.
    """
    path = pathlib.Path(path)
    found = annotations.read_ids(path, answers.ids, others=spare)
    named = set(found.ids)
    without = [name for name in answers.ids if name not in named]
    if without:
        LOG.warning("%d triplets are not in %s and are left out: %s", len(without), path, listed(without))
    answers = answers.take(np.flatnonzero([name in named for name in answers.ids]))
    order, rows = None, answers.by_number()
    if not numbering_fault(answers.ids):
        order = annotations.order_of(found.source_id[rows], found.target_id[rows])
    note = "" if order else f"the triplets of {path.name} are not a whole grid in a row order that has a name"
    words = f"sources and targets from {path.name}" + (f", {order.words()}" if order else "")
    names = {"source_names": list(found.source_names), "target_names": list(found.target_names)}
    described = {"order": {"words": words, **names}, "without_ids": without}
    return Placed(answers, found.source_id, found.target_id, order, note, described)


def by_order(
    release: pathlib.Path,
    answers: annotations.Votes,
    *,
    spare: Sequence[str],
    grid: tuple[int, int] | None,
    kind: str,
    block: int | None,
) -> Placed:
    """Sources and targets from the numbers of the triplets and the row order of their grid, whole or partial.

    Args:
      spare: triplets that have pictures and no answers.
      grid: (sources, targets); None = square.
      kind: `auto` (from the pictures), or a kind of `annotations.grid_order`, with its `block`.

    Raises:
      ValueError: the answers are not part of the grid, or the pictures do not reveal their order.
    """
    sources, targets = _grid(release, answers, spare, grid)
    found = orders.find_order(_borders(release, answers, sources * targets), sources=sources, targets=targets)
    order = found.order
    if kind != "auto":
        order = annotations.GridOrder(annotations.Kind(kind), sources, targets, block or 1)
    elif not found.sure:
        raise ValueError(
            f"{release}: the pictures do not reveal their order ({found}): name it, or say 'unknown'; {ADVICE}"
        )
    if not np.array_equal(order.positions(), found.order.positions()):
        LOG.warning("the order given is %s, but in the pictures %s", order.words(), found)
    missing = sources * targets - len(answers.ids)
    note = f"{missing} of the {sources * targets} triplets of the grid have no answers" if missing else ""
    described = {"words": order.words(), "call": order.call(), "pictures": str(found)}
    described |= {"score": found.score, "runner_up_score": found.runner_up_score}
    source_id, target_id = annotations.cells(order.kind, sources, targets, block=order.block)
    places = np.array([number(name) for name in answers.ids], np.int64)
    described = {"order": described, "without_ids": []}
    return Placed(answers, source_id[places], target_id[places], None if missing else order, note, described)


def _grid(release, answers, spare, grid) -> tuple[int, int]:
    """The grid that the answers are all or part of, from their numbers and those of the pictures."""
    path, triplets, known = release / releases.ANSWERS, len(answers.ids), (*answers.ids, *spare)
    try:
        sources, targets = grid or annotations.square_grid(len(known))
    except ValueError as error:
        raise ValueError(f"{path}: {error}: grid=(sources, targets); {ADVICE}") from error
    numbers, size = [number(name) for name in answers.ids], sources * targets
    whole = triplets == size and not numbering_fault(answers.ids)
    inside = all(place is not None and place < size for place in numbers)
    gaps = inside and bool(numbering_fault(answers.ids))
    of_whole = len(known) == size and not numbering_fault(known)  # the other triplets have pictures
    if not (whole or gaps or of_whole) or min(sources, targets) < 2:
        raise ValueError(
            f"{path}: {triplets} triplets, expected {sources * targets} for a grid of {sources} sources x "
            f"{targets} targets, and at least 2 of both; {ADVICE}"
        )
    return sources, targets


def _borders(release: pathlib.Path, answers: annotations.Votes, triplets: int) -> Float32[np.ndarray, "t 180"]:
    """Border colors of the reference of every triplet of the grid, by number; NaN if missing."""
    borders = np.full((triplets, orders.BORDER_VALUES), np.nan, np.float32)
    for name in progress_bar.over(answers.ids, "reading borders", "pictures", total=len(answers.ids)):
        path = releases.picture_path(release, name, releases.REFERENCE)
        try:
            borders[number(name)] = orders.border(releases.decode_square(path.read_bytes(), path=path))
        except images.PictureError:
            continue  # listed when the triplet is stored
    return borders
