"""Common parts of the training benchmarks: a run set up as `trainer` does."""

import dataclasses
import functools

import jax
import numpy as np
from jax.sharding import Mesh
from ml_collections import ConfigDict

from configs import perface_r50
from perface_jax import annotations, parallel
from perface_jax.evaluation.inputs import LabeledTriplets
from perface_jax.training import builders, input_pipeline, state, sweeps
from perface_jax.training.step import Loss, Norms, train_steps, triplet_objective


@dataclasses.dataclass(frozen=True)
class Triplets:
    """Random triplets in memory, with the interface that `input_pipeline` needs.

    Attributes:
      pictures: uint8 `[T, 3, S, S, 3]`.
      votes: int8 `[T, 3]`, 0 or 1.
    """

    pictures: np.ndarray
    votes: np.ndarray

    def __len__(self) -> int:
        return len(self.votes)

    def __getitem__(self, position: int) -> np.ndarray:
        return self.pictures[position]

    def all_pictures(self) -> np.ndarray:
        return self.pictures

    @property
    def ids(self) -> list[str]:
        return [f"t{i:04d}" for i in range(len(self))]


def random_triplets(count: int, *, image_size: int) -> Triplets:
    """Random triplets."""
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (count, 3, image_size, image_size, 3), np.uint8)
    return Triplets(pictures, random.integers(0, 2, (count, 3), np.int8))


def configure(network: str, *, image_size: int, batch_size: int, feed: str = "on_device") -> ConfigDict:
    """The config of the paper with another network, from random weights.

    Args:
      network: architecture and width of the first stage, `r18-16`; `r18` alone has its 64.
      image_size: pixels.
      batch_size: triplets.
      feed: `on_device` or `disk`.
    """
    config = perface_r50.get_config()
    config.model.arch, _, width = network.partition("-")
    config.model.width = int(width or config.model.width)
    config.model.dtype = "bfloat16" if jax.default_backend() == "gpu" else "float32"
    config.model.image_size, config.batch_size = image_size, batch_size
    config.init, config.feed, config.steps_per_call = "", feed, 1
    return config


class Run:
    """One run, or the runs of a sweep, before their first step.

    Attributes:
      feed: see `input_pipeline.InputPipeline`.
      state: of all replicas; moves with every `step`.
    """

    def __init__(self, config: ConfigDict, triplets: Triplets, mesh: Mesh):
        replicas = sweeps.replicas(config)
        self.feed = input_pipeline.open_triplets(replicas, [_data(triplets)] * len(replicas), mesh)
        model, variables = builders.starting_point(config)
        optimizer = builders.optimizer(config, variables["params"], steps=1)  # a constant rate needs no length
        choices = (Loss(config.loss),)
        objective = functools.partial(triplet_objective, choices=choices)
        options = {"model": model, "optimizer": optimizer, "objective": objective, "norms": Norms(config.batch_norm)}
        self._program = parallel.spmd(functools.partial(train_steps, **options), mesh)

        def start(i):
            numbers = builders.hyper(replicas[i].config, model.param_dtype, choices)
            return state.create(builders.starting_point(replicas[i].config)[1], optimizer(numbers), numbers)

        self.state = parallel.stack_replicas(start, len(replicas), mesh)

    def step(self, batches: dict[str, jax.Array]) -> dict[str, jax.Array]:
        """Take the steps of these batches, of `feed`; the sums as `step.train_steps` returns them, not waited for."""
        self.state, sums = self._program(self.state, batches, *self.feed.shared)
        return sums


def _data(triplets):
    labels = annotations.majority(annotations.Votes(ids=triplets.ids, votes=triplets.votes)).label
    return LabeledTriplets(triplets, labels, labels, np.flatnonzero(labels >= 0), {}, None)
