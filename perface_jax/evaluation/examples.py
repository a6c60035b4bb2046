"""A few triplets to look at, with the similarities of every model: first those whose answer changed in training."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from perface_jax.annotations import Setting
from perface_jax.evaluation.runs import Role, Run, by_setting, labeled, lines

SHOWN = 4


class Example(NamedTuple):
    """One triplet: its position among all, its votes for a and b, and by model its similarities in the first run."""

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
    """First those that start and last trained model answer differently; the largest changes ahead."""
    margins = {line.role: -np.diff(line.similarities[0][places])[:, 0] for line in models}
    if Role.TRAINED not in margins:
        return np.arange(len(places))
    changed = np.sign(margins[Role.TRAINED]) != np.sign(margins[Role.START])
    return np.lexsort((-np.abs(margins[Role.TRAINED] - margins[Role.START]), ~changed))
