"""The task of a run: perception from triplets, or a recognizer from identities."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

from jax.sharding import Mesh

from perface_jax.evaluation import divisions
from perface_jax.training import builders, input_pipeline
from perface_jax.training.input_pipeline import IdentitiesOnDevice, InputPipeline
from perface_jax.training.step import Loss, Objective, identity_objective, triplet_objective
from perface_jax.training.sweeps import Replica


class Task(NamedTuple):
    """The data of all replicas, and the losses of their steps."""

    inputs: InputPipeline
    objective: Objective
    losses: tuple[Loss, ...] = ()  # on triplets: those of all replicas; each minimizes one of them
    classes: int = 0  # on identities: how many are trained on; ArcFace learns a vector for each, which is not exported
    notes: tuple[str, ...] = ()  # on the data, for the log


def open_task(replicas: Sequence[Replica], mesh: Mesh) -> Task:
    """The task of a config with its data; on several hosts the first one builds the data set.

    Raises:
      FileNotFoundError, ValueError: data that is missing, or does not fit the config.
    """
    config = replicas[0].config
    if config.task == "identities":
        people = builders.open_identities(config)
        objective = functools.partial(identity_objective, scale=config.scale)
        return Task(IdentitiesOnDevice(replicas, people, mesh), objective, classes=people.classes)
    triplets = builders.open_triplets(config)
    data = [builders.divide(triplets, replica.config) for replica in replicas]
    losses = tuple(dict.fromkeys(Loss(replica.config.loss) for replica in replicas))
    objective = functools.partial(triplet_objective, choices=losses)
    notes = dict.fromkeys(note for one in data for note in divisions.notes(one))
    return Task(input_pipeline.open_triplets(replicas, data, mesh), objective, losses, notes=tuple(notes))
