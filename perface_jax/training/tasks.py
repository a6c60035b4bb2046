"""What a run learns: perception from triplets, or a recognizer from identities.

A task is opened from a config. It holds the data, says where training starts from beside the network's weights, and
what a step minimizes.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Protocol

import jax
import jax.numpy as jnp
from jax.sharding import Mesh
from ml_collections import ConfigDict

from perface_jax.training import builders, input_pipeline
from perface_jax.training.input_pipeline import IdentitiesOnDevice, InputPipeline
from perface_jax.training.state import Hyper
from perface_jax.training.step import Loss, identity_objective, triplet_objective
from perface_jax.training.sweeps import Replica


class Task(Protocol):
    """What `trainer` asks of a task."""

    @property
    def inputs(self) -> InputPipeline: ...

    def variables(self, network: Mapping, config: ConfigDict) -> dict:
        """The variables of one run before its first step, from those of the network."""
        ...

    def hyper(self, config: ConfigDict, dtype: jnp.dtype) -> Hyper:
        """The numbers of one run."""
        ...

    def objective(
        self, embeddings: jax.Array, batch: Mapping, params: Mapping, hyper: Hyper
    ) -> tuple[jax.Array, jax.Array]:
        """Losses and scores of the rows of one device; see `step.train_step`."""
        ...


@dataclasses.dataclass(frozen=True)
class Triplets:
    """Embeddings whose cosine similarity follows human judgments.

    Attributes:
      inputs: batches of triplets.
      losses: those of all replicas; each run minimizes one of them.
    """

    inputs: InputPipeline
    losses: tuple[Loss, ...]

    def variables(self, network: Mapping, config: ConfigDict) -> dict:
        return dict(network)

    def hyper(self, config: ConfigDict, dtype: jnp.dtype) -> Hyper:
        return builders.hyper(config, dtype, self.losses)

    def objective(self, embeddings, batch, params, hyper):
        return triplet_objective(embeddings, batch, params, hyper, choices=self.losses)


@dataclasses.dataclass(frozen=True)
class Identities:
    """A recognizer, trained with ArcFace. The class matrix is learned along with the network and not exported.

    Attributes:
      inputs: batches of pictures.
      classes: identities trained on.
      scale: of the cosines.
    """

    inputs: InputPipeline
    classes: int
    scale: float

    def variables(self, network: Mapping, config: ConfigDict) -> dict:
        return builders.with_classes(network, config, self.classes)

    def hyper(self, config: ConfigDict, dtype: jnp.dtype) -> Hyper:
        return builders.hyper(config, dtype)

    def objective(self, embeddings, batch, params, hyper):
        return identity_objective(embeddings, batch, params, hyper, scale=self.scale)


def open_task(replicas: Sequence[Replica], mesh: Mesh) -> Task:
    """The task of a config with its data; on several hosts the first one builds the data set.

    Raises:
      FileNotFoundError, ValueError: data that is not there, or does not fit the config.
    """
    config = replicas[0].config
    if config.task == "identities":
        people = builders.open_identities(config)
        return Identities(IdentitiesOnDevice(replicas, people, mesh), people.classes, config.scale)
    triplets = builders.open_triplets(config)
    data = [builders.divide(triplets, replica.config) for replica in replicas]
    losses = tuple(dict.fromkeys(Loss(replica.config.loss) for replica in replicas))
    return Triplets(input_pipeline.open_triplets(replicas, data, mesh), losses)
