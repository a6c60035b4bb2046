"""How untouched results look to a model of naturalness: the floor of the rule, and a table of methods."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from ml_collections import ConfigDict

from perface_jax import naturalness, privacy
from perface_jax.anonymization.anonymize import Natural, Prefer
from perface_jax.anonymization.methods import Method, face
from perface_jax.datasets.portraits import Portraits
from perface_jax.formatting import estimate, percent
from perface_jax.report import Section, Table
from perface_jax.statistics.estimates import UNKNOWN, Estimate
from perface_jax.swap import Face

ORIGINALS = "originals"
FEWEST_ABOVE = 0.75  # of the share of originals that are expected above the floor


class NaturalFloor(NamedTuple):
    """A model of naturalness, as the rule uses it; without arguments, nothing is measured and all is admitted."""

    measure: Natural | None = None
    floor: float = -np.inf  # lowest naturalness that is admitted
    share: float = 0.0  # of untouched faces below the floor
    held_out: Mapping[str, naturalness.HeldOut] = {}


class NaturalRow(NamedTuple):
    """How untouched the results of one method look."""

    method: str
    pictures: int
    auc: Estimate  # how often an original looks more untouched than a result
    above: Estimate  # share that is not below the floor


def open_floor(config: ConfigDict) -> NaturalFloor:
    """The model and the floor of a config.

    Raises:
      FileNotFoundError, ValueError: no such model, or a policy that prefers naturalness without one.
    """
    options = config.anonymize
    if not options.naturalness:
        if options.prefer == Prefer.NATURAL.name.lower():
            raise ValueError(
                "config.anonymize.prefer is natural, and config.anonymize.naturalness empty; wanted the file of a model"
                " there: perface naturalness"
            )
        return NaturalFloor()
    model = naturalness.load(options.naturalness)
    floor = naturalness.floor(model, share=options.floor)
    return NaturalFloor(functools.partial(_measure, model), floor, options.floor, model.held_out)


def warn_of_strangers(floor: NaturalFloor, originals: Portraits) -> Iterator[str]:
    """A warning where so many originals are below the floor that the model cannot know such pictures."""
    if floor.measure is None:
        return
    above = int(np.sum(np.asarray(floor.measure(face(originals))) >= floor.floor))
    if above < FEWEST_ABOVE * (1 - floor.share) * len(originals):
        yield (
            f"Only {above} of {len(originals)} originals are above the floor of naturalness, though nothing was done to"
            " them: its model does not know such pictures. Train it on pictures like these: perface naturalness"
            " --natural=DIR."
        )


def natural_rows(
    floor: NaturalFloor, originals: Portraits, methods: Mapping[str, Method], persons: np.ndarray | None
) -> list[NaturalRow]:
    """The originals, and the results of every method against theirs; none without a model.

    `persons` are on the originals, `[N]`; None = all different.
    """
    if floor.measure is None:
        return []
    persons = np.arange(len(originals)) if persons is None else np.unique(persons, return_inverse=True)[1]
    untouched = np.asarray(floor.measure(face(originals)))
    rows = [NaturalRow(ORIGINALS, len(originals), UNKNOWN, privacy.share(untouched >= floor.floor, persons))]
    for name, method in methods.items():
        scores, own = np.asarray(floor.measure(face(method.portraits))), persons[method.places]
        auc = naturalness.auc_estimate(untouched[method.places], scores, own, own)
        rows.append(NaturalRow(name, len(scores), auc, privacy.share(scores >= floor.floor, own)))
    return rows


def natural_section(rows: Sequence[NaturalRow], floor: NaturalFloor) -> Section | None:
    """The table of methods; None without a model."""
    if not rows:
        return None
    lines = [
        (row.method, str(row.pictures), "" if row.method == ORIGINALS else estimate(row.auc), estimate(row.above))
        for row in rows
    ]
    caption = (
        "How untouched faces look to the model of config.anonymize.naturalness. AUC: how often an original scores"
        " higher than a result; .5: the model cannot tell them apart. Above the floor: share that the rule admits as"
        f" natural; the floor lies where {percent(floor.share)} of the untouched faces of its training are below. In"
        f" brackets: 95% interval, over persons. {describe(floor)}"
    )
    return Section("Naturalness", caption, Table(("method", "pictures", "AUC", "above the floor"), lines), rows)


def describe(floor: NaturalFloor) -> str:
    """The floor, and what the model found of faults that it was not trained on; "" without a model."""
    if floor.measure is None:
        return ""
    found = ", ".join(f"{name} {one.auc.value:.2f}" for name, one in floor.held_out.items())
    known = found or "not measured (perface naturalness --held_out)"
    return f"Floor of naturalness: {floor.floor:+.2f}. AUC of a model without the kind of fault in training: {known}."


def _measure(model: naturalness.NaturalnessModel, results: Face) -> np.ndarray:
    return naturalness.score(model, naturalness.crops(*results))
