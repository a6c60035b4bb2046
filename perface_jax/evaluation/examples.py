"""A few triplets to look at, with the similarities of every model: those first whose answer training turned."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from perface_jax.annotations import Setting
from perface_jax.evaluation.runs import Role, Run, by_setting, labeled, lines

SHOWN = 4


class Example(NamedTuple):
    """One triplet.

    Attributes:
      setting: it belongs to.
      place: its position among all triplets.
      votes: for a and for b.
      similarities: by model, of the reference to a and to b, of the first run.
    """

    setting: Setting
    place: int
    votes: tuple[int, int]
    similarities: dict[str, tuple[float, float]]


def examples(cells: Mapping[str, Sequence[Run]]) -> list[Example]:
    """Triplets of the strictest setting there is, one of a source; none where nothing is labeled."""
    run = next(iter(cells.values()))[0]
    setting = next((one for one in by_setting(cells) if len(labeled(run, one))), None)
    if setting is None:
        return []
    places, models = labeled(run, setting), lines(cells)
    order = places[_order(places, models)]
    _, first = np.unique(run.data.triplets.source_id[order], return_index=True)
    found = []
    for place in order[np.sort(first)][:SHOWN]:
        votes = run.data.triplets.votes[place]
        pairs = ((line.name, line.similarities[0][place]) for line in models)
        similarities = {name: (float(a), float(b)) for name, (a, b) in pairs}
        found.append(Example(setting, int(place), (int(np.sum(votes == 0)), int(np.sum(votes == 1))), similarities))
    return found


def _order(places, models):
    """Those first on which the last trained model turns the answer of the start, and by how much."""
    margins = {line.role: -np.diff(line.similarities[0][places])[:, 0] for line in models}
    if Role.TRAINED not in margins:
        return np.arange(len(places))
    turned = np.sign(margins[Role.TRAINED]) != np.sign(margins[Role.START])
    return np.lexsort((-np.abs(margins[Role.TRAINED] - margins[Role.START]), ~turned))
