"""The candidates of a run: faces, groups, thresholds between persons, and the rule that follows from them."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from ml_collections import ConfigDict

from perface_jax import groups, privacy
from perface_jax.anonymization import anonymize as pipeline
from perface_jax.anonymization.attribute_guard import is_compatible, read_looks
from perface_jax.anonymization.embedders import Embedders
from perface_jax.anonymization.inputs import Inputs, read_faces, read_members, read_persons
from perface_jax.anonymization.methods import face
from perface_jax.anonymization.natural import NaturalFloor
from perface_jax.datasets.portraits import Portraits
from perface_jax.statistics.estimates import Estimate


class Pool(NamedTuple):
    """The M faces that may replace the N originals."""

    faces: Portraits
    groups: list[str]  # names of G groups
    members: np.ndarray  # bool `[N, G, M]`, the groups as each original sees them
    vectors: dict[str, np.ndarray]  # recognizer -> float32 `[M, D]`, of those that embed new pictures
    thresholds: dict[str, Estimate]  # the match threshold of each of them
    compatible: np.ndarray | None = None  # bool `[N, M]`, what `attribute_guard` leaves; None = all
    natural: NaturalFloor = NaturalFloor()


def open_pool(
    config: ConfigDict, inputs: Inputs, embedders: Embedders, originals: Portraits, natural: NaturalFloor
) -> Pool:
    """The candidates, with thresholds from their pairs of different persons."""
    faces = read_faces("candidates", config, inputs)
    rule, equalize = groups.Rule[config.groups.rule.upper()], groups.Equalize(config.groups.equalize)
    fair = equalize is not groups.Equalize.NO
    names, members = read_members(originals, faces, inputs, rule=rule, equalize=fair)
    persons = read_persons("candidates", faces.names, inputs)
    vectors = {name: one.embed(*face(faces)) for name, one in embedders.for_new_pictures().items()}
    thresholds = match_thresholds(vectors, persons, config.anonymize.false_accept_rate)
    looks = read_looks("originals", originals, inputs), read_looks("candidates", faces, inputs)
    return Pool(faces, names, members, vectors, thresholds, is_compatible(*looks, turn=config.anonymize.turn), natural)


def match_thresholds(
    vectors: Mapping[str, np.ndarray], persons: np.ndarray | None, false_accept_rate: float
) -> dict[str, Estimate]:
    """The match threshold of every recognizer, from vectors of candidates `[M, D]`.

    Raises:
      ValueError: too few candidates for the rate; the message names the recognizer.
    """
    found = {}
    for name, one in vectors.items():
        try:
            found[name] = privacy.match_threshold(one, persons, false_accept_rate=false_accept_rate)
        except ValueError as error:
            raise ValueError(f"the threshold of {name}, from the candidates: {error}") from error
    return found


def make_policy(config: ConfigDict, pool: Pool) -> pipeline.SelectionPolicy:
    """The rule of the config, with the thresholds of the candidates and the floor of naturalness."""
    return pipeline.SelectionPolicy(
        {name: threshold.value for name, threshold in pool.thresholds.items()},
        band=tuple(config.anonymize.band),
        prefer=pipeline.Prefer[config.anonymize.prefer.upper()],
        floor=pool.natural.floor,
    )
