"""The annotators of a run with `config.loss = "annotator_votes"`: who they are, their prior, the file of their masks.

With M training votes, the logits of all masks have the prior `normal(0, config.annotator_sd)`: the mean loss of a vote
plus `sum(logits^2) / (2 M annotator_sd^2)` is the posterior divided by M. Few votes, or a small deviation, keep an
annotator near the model that all share.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np
from etils import epath
from jaxtyping import Float, Int
from ml_collections import ConfigDict

from perface_jax import annotator_masks
from perface_jax.annotator_masks import AnnotatorMasks
from perface_jax.datasets import sim_celeba
from perface_jax.datasets.sim_celeba import Triplets
from perface_jax.evaluation.inputs import LabeledTriplets


def named(triplets: Triplets, config: ConfigDict) -> Triplets:
    """The triplets with the annotator of every vote.

    Raises:
      ValueError: the answers do not say who voted, or `config.rules` freezes the masks.
    """
    if _rule(config) == "frozen":
        raise ValueError(
            "config.rules freezes the masks of the annotators, which config.loss=annotator_votes learns; put"
            " ('annotators', 1.0) first"
        )
    try:
        return sim_celeba.with_annotators(triplets)
    except ValueError as error:
        raise ValueError(
            f"config.loss=annotator_votes learns a mask for every annotator: {error}; otherwise use loss=soft_vote"
        ) from error


def training_votes(data: Sequence[LabeledTriplets]) -> Int[np.ndarray, "r a"] | None:
    """For each replica, how many training votes each annotator gave; None if the data do not say who voted."""
    triplets = data[0].triplets
    if not isinstance(triplets, Triplets) or triplets.annotator is None:
        return None
    people = len(triplets.annotators)
    whose = [np.where(triplets.votes >= 0, triplets.annotator, -1)[one.training] for one in data]
    return np.stack([np.bincount(one[one >= 0], minlength=people) for one in whose])


def prior(config: ConfigDict, given: Int[np.ndarray, "r a"] | None) -> float:
    """The precision of the logits for one vote; where replicas differ in training votes, for their mean number."""
    return 0.0 if given is None else 1 / (config.annotator_sd**2 * float(given.sum(axis=1).mean()))


def write(
    folder: epath.Path, names: Sequence[str], weights: Float[np.ndarray, "a d"], given: Int[np.ndarray, " a"]
) -> None:
    """Write the masks of a replica into its model folder."""
    logits = np.asarray(annotator_masks.logits(np.asarray(weights)), np.float32)
    annotator_masks.write(folder, AnnotatorMasks(tuple(names), logits, given))


def _rule(config: ConfigDict) -> float | str | None:
    rules: Mapping | Sequence = config.rules
    return next((value for pattern, value in rules if re.fullmatch(pattern, "annotators")), None)
