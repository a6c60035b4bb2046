"""A few triplets to look at, with the similarities of every model: where people and the model agree, and where not."""

import enum
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from perface_jax.annotations import Setting
from perface_jax.evaluation.runs import Role, Run, by_setting, labeled, lines, scores

EACH = 2  # triplets of an outcome


class Outcome(enum.StrEnum):
    """With whom people agree: the model before training, after it, or external embeddings."""

    LEARNED = "people and the model agree after training, not before"
    LOST = "people and the model agree before training, not after"
    AGREE = "people and the model agree"
    DIFFER = "people and the model differ"


class Example(NamedTuple):
    """One triplet: its position among all, its votes for a and b, and by model its similarities in the first run."""

    setting: Setting
    place: int
    votes: tuple[int, int]
    similarities: dict[str, tuple[float, float]]
    outcome: Outcome


def examples(cells: Mapping[str, Sequence[Run]]) -> list[Example]:
    """Triplets of the strictest setting there is, up to two of every outcome, each of another source.

    The outcome is that of the last trained model, or of external embeddings; the largest changes, or differences of
    similarity, come first.
    """
    run = next(iter(cells.values()))[0]
    setting = next((one for one in by_setting(cells) if len(labeled(run, one))), None)
    if setting is None:
        return []
    places, models = labeled(run, setting), lines(cells)
    outcome, order = _judge(run, places, models)
    found, sources = [], set()
    for kind in Outcome:
        for number in [number for number in order if outcome[number] is kind]:
            place = int(places[number])
            source = int(run.data.triplets.source_id[place])
            if source in sources or sum(one.outcome is kind for one in found) == EACH:
                continue
            sources |= {source} - {-1}
            found.append(_example(setting, place, run, models, kind))
    return found


def _judge(run, places, models) -> tuple[list[Outcome], np.ndarray]:
    """The outcome of each of the places, and their order."""
    first, last = models[0].similarities[0], models[-1].similarities[0]
    right = scores(last, run.data.labels)[places] == 1
    if models[-1].role is not Role.TRAINED:
        change = np.diff(last[places])[:, 0]
        return [Outcome.AGREE if one else Outcome.DIFFER for one in right], np.argsort(-np.abs(change), kind="stable")
    before = scores(first, run.data.labels)[places] == 1
    names = {
        (True, True): Outcome.AGREE,
        (True, False): Outcome.LOST,
        (False, True): Outcome.LEARNED,
        (False, False): Outcome.DIFFER,
    }
    change = np.diff(last[places] - first[places])[:, 0]
    pairs = zip(before.tolist(), right.tolist(), strict=True)
    return [names[pair] for pair in pairs], np.argsort(-np.abs(change), kind="stable")


def _example(setting, place, run, models, outcome):
    votes = run.data.triplets.votes[place]
    pairs = ((line.name, line.similarities[0][place]) for line in models)
    similarities = {name: (float(a), float(b)) for name, (a, b) in pairs}
    return Example(setting, place, (int(np.sum(votes == 0)), int(np.sum(votes == 1))), similarities, outcome)
