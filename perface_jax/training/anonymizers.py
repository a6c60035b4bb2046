"""Training of a learned anonymizer: its networks, its faces, its losses, and what is written in the end.

The trainer runs it like an embedding. Faces are few and small, and stay on the host: a batch has the pictures.
"""

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from ml_collections import ConfigDict

from perface_jax import images, landmarks, parallel
from perface_jax.datasets import identities, plans, portrait_files, portraits, streams
from perface_jax.generator import model_folder
from perface_jax.generator import objective as objectives
from perface_jax.generator.heat_maps import Points, mirrored
from perface_jax.generator.networks import Networks
from perface_jax.network.model_folder import load_model
from perface_jax.training.step import Objective
from perface_jax.training.sweeps import Replica

validate = objectives.validate
write = model_folder.replace
MODELS = {"privacy": objectives.RECOGNIZER, "perceived": objectives.PERCEPTUAL}  # the model that a term needs


def starting_point(config: ConfigDict) -> tuple[Networks, dict[str, Any]]:
    """The networks, with random parameters or the generator of `config.init`, and the variables of the frozen models.

    Raises:
      FileNotFoundError, ValueError: a model that is missing, or has another size than the config.
    """
    made, frozen = _networks(config)
    params = made.init(jax.random.key(config.seed))
    if config.init:
        stored, given = model_folder.load(config.init)
        if (stored.size, stored.width, stored.points) != (made.size, made.width, made.points):
            seen = f"{stored.size} pixels, width {stored.width}, {stored.points.value} landmarks"
            wanted = f"{made.size}, {made.width} and {made.points.value}"
            raise ValueError(f"{config.init} has {seen}; the config has {wanted}: set them alike")
        params |= given
    return made, {"params": params, "batch_stats": {}, "constants": frozen}


@functools.cache
def _frozen(path: str):
    return load_model(path)


def _networks(config):
    models, frozen = {}, {}
    for term, name in MODELS.items():
        if path := config.generator[name]:
            models[name], frozen[name] = _frozen(path)
        elif config.generator[term]:
            raise ValueError(
                f"config.generator.{term} is {config.generator[term]} and config.generator.{name} is empty; wanted the"
                f" folder of a model, or config.generator.{term}=0"
            )
    points, dtype = Points(config.generator.landmarks), jnp.dtype(config.model.dtype)
    return Networks(config.model.image_size, config.model.width, points, dtype, **models), frozen


def objective(config: ConfigDict) -> Objective:
    """The losses of a run, for `step.train_step`."""
    own = config.generator
    factors = objectives.Factors(
        reconstruction=own.reconstruction,
        adversarial=own.adversarial,
        r1=own.r1,
        perceptual=own.regions,
        privacy=own.privacy,
        perceived=own.perceived,
        epsilon=own.epsilon,
    )
    return functools.partial(objectives.row_losses, networks=_networks(config)[0], factors=factors)


class FacesOnHost:
    """Faces with landmarks, as an `InputPipeline`; those held out, drawn by `split.seed`, are validated on."""

    shared = ()

    def __init__(self, replicas: Sequence[Replica], mesh: Mesh):
        self._replicas, self._mesh = replicas, mesh
        self._faces = read_faces(replicas[0].config)
        self._points = np.asarray(landmarks.outline(self._faces.landmarks))
        self._parts = [divide(len(self._faces), replica.config) for replica in replicas]
        pairs = zip(replicas, self._parts, strict=True)
        self.epochs = tuple(plans.steps_per_epoch(part[0], one.config.batch_size) for one, part in pairs)

    def training(self, step: int, count: int) -> dict[str, jax.Array]:
        """See `InputPipeline`."""

        def drawn(replica, rows, step):
            chosen = {name: replica.config[name] for name in ("batch_size", "seed", "flip")}
            plan = identities.training_plan(np.zeros(len(self._faces), np.int32), rows, step=step, **chosen)
            return self._batch(plan["pictures"].reshape(-1), plan["flip"], plan["weight"])

        pairs = zip(self._replicas, self._parts, strict=True)
        return self._place([[drawn(one, part[0], step + i) for i in range(count)] for one, part in pairs])

    def validation(self, *, every: bool = False) -> Iterator[dict[str, jax.Array]]:
        """See `InputPipeline`."""
        size = self._replicas[0].config.evaluation_batch_size
        for first in range(0, len(self._parts[0][1]), size):
            places = np.arange(first, first + size) % len(self._parts[0][1])  # the last batch wraps around; see score
            plain = np.zeros(size, bool), np.ones(size, np.float32)
            yield self._place([[self._batch(part[1][places], *plain)] for part in self._parts])

    def score(self, cosines: np.ndarray) -> np.ndarray:
        """See `InputPipeline`; the mean of `objective.balance`."""
        return cosines[:, : len(self._parts[0][1]), 0].mean(1).astype(np.float32)

    def by_source(self, cosines: np.ndarray) -> list[dict[str, tuple[float, int]]]:
        """See `InputPipeline`."""
        return [{} for _ in cosines]

    def scales(self, embeddings: np.ndarray) -> list:
        """See `InputPipeline`; an anonymizer has none."""
        return []

    def _batch(self, places, flip, weight):
        pictures, points = self._faces.images[places], self._points[places]
        turned = mirrored(points, size=pictures.shape[1])
        return {
            "images": np.where(flip[:, None, None, None], pictures[:, :, ::-1], pictures)[:, None],
            "landmarks": np.where(flip[:, None, None], turned, points).astype(np.float32),
            "weight": weight.astype(np.float32),
        }

    def _place(self, batches):
        stacked = {name: np.stack([[one[name] for one in row] for row in batches]) for name in batches[0][0]}
        return parallel.place_global(stacked, self._mesh, parallel.BATCH)


def read_faces(config: ConfigDict) -> portraits.Portraits:
    """The faces of `config.data`, in squares of the generator's size."""
    data = config.data
    points = portrait_files.read_landmarks(data.landmarks) if data.landmarks else None
    names, _ = images.list_pictures(data.folder)
    return portraits.read_portraits(data.folder, names, size=config.model.image_size, landmarks=points)


def divide(count: int, config: ConfigDict) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the faces to train on and of those held out. ValueError: too few faces."""
    held_out = config.data.held_out
    if count < held_out + config.batch_size:
        raise ValueError(
            f"{config.data.folder} has {count} faces that can be used; wanted a batch of {config.batch_size} and"
            f" {held_out} to validate on: give more, or lower config.data.held_out"
        )
    order = streams.generator(config.split.seed, streams.Stream.FRACTION).permutation(count)
    return np.sort(order[held_out:]), np.sort(order[:held_out])
