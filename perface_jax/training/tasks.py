"""The task of a run: perception from triplets, or a recognizer from identities."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from etils import epath
from jax.sharding import Mesh
from jaxtyping import Int
from ml_collections import ConfigDict

from perface_jax.evaluation import divisions
from perface_jax.training import annotators, anonymizers, builders, input_pipeline
from perface_jax.training.input_pipeline import IdentitiesOnDevice, InputPipeline
from perface_jax.training.step import Loss, Objective, compare_step, identity_objective, triplet_objective
from perface_jax.training.sweeps import Replica


class Task(NamedTuple):
    """The data of all replicas, and the losses of their steps."""

    inputs: InputPipeline
    objective: Objective
    losses: tuple[Loss, ...] = ()  # on triplets: those of all replicas; each minimizes one of them
    classes: int = 0  # on identities: how many are trained on; ArcFace learns a vector for each, which is not exported
    annotators: tuple[str, ...] = ()  # those who have masks, if a loss needs them
    given: Int[np.ndarray, "r a"] | None = None  # of each replica, the training votes of each
    masked: tuple[bool, ...] = ()  # of each replica, whether its loss has masks
    notes: tuple[str, ...] = ()  # on the data, for the log
    compare: Callable = compare_step  # of validation rows
    exports: bool = True  # whether the model is an embedding; otherwise `anonymizers` writes it

    def with_head(self, variables: Mapping, config: ConfigDict) -> Mapping:
        """The variables with the parameters that only the losses read."""
        variables = builders.with_classes(variables, config, self.classes)
        return builders.with_annotators(variables, config, len(self.annotators))

    def write_masks(self, folder: epath.Path, weights: np.ndarray | None, replica: int) -> None:
        """Write the masks that a replica has learned into its model folder, if its loss has masks."""
        if self.given is not None and weights is not None and self.masked[replica]:
            annotators.write(folder, self.annotators, weights, self.given[replica])


def open_task(replicas: Sequence[Replica], mesh: Mesh) -> Task:
    """The task of a config with its data; on several hosts the first one builds the data set.

    Raises:
      FileNotFoundError, ValueError: data that is missing, or does not fit the config.
    """
    config = replicas[0].config
    if config.task == "anonymizer":
        return Task(
            anonymizers.FacesOnHost(replicas, mesh),
            anonymizers.objective(config),
            compare=anonymizers.validate,
            exports=False,
        )
    if config.task == "identities":
        people = builders.open_identities(config)
        objective = functools.partial(identity_objective, scale=config.scale)
        return Task(IdentitiesOnDevice(replicas, people, mesh), objective, classes=people.classes)
    triplets = builders.open_triplets(config)
    losses = tuple(dict.fromkeys(Loss(replica.config.loss) for replica in replicas))
    if Loss.ANNOTATOR_VOTES in losses:
        triplets = annotators.named(triplets, config)
    data = [builders.divide(triplets, replica.config) for replica in replicas]
    given = annotators.training_votes(data)
    objective = functools.partial(triplet_objective, choices=losses, prior=annotators.prior(config, given))
    notes = dict.fromkeys(note for one in data for note in divisions.notes(one))
    people = {"annotators": triplets.annotators, "given": given}
    masked = tuple(replica.config.loss == Loss.ANNOTATOR_VOTES.value for replica in replicas)
    inputs = input_pipeline.open_triplets(replicas, data, mesh)
    return Task(inputs, objective, losses, **people, masked=masked, notes=tuple(notes))
