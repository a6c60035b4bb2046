"""The input pipelines of a run: batches to train on, rows to validate on, and how these rows are scored.

A pipeline serves all replicas of a run, each from its own list of training rows. Pictures are read ahead from disk
(`config.feed = "disk"`, one replica), or all of them are kept on every device and a batch names the ones that it takes
(`"on_device"`).
"""

from collections.abc import Iterator, Sequence
from typing import Protocol, cast

import jax
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Float

from perface_jax import metrics, parallel, verification
from perface_jax.annotations import Setting
from perface_jax.datasets import batches, identities, plans, sim_celeba
from perface_jax.evaluation.inputs import LabeledTriplets
from perface_jax.training.builders import IdentityData
from perface_jax.training.sweeps import Replica


class InputPipeline(Protocol):
    """What `trainer` needs of a data set.

    Attributes:
      epochs: for each replica, the steps in one pass over its training rows.
      shared: the pictures on the devices, as the last argument of every program; empty if batches carry their own.
    """

    epochs: tuple[int, ...]
    shared: tuple[jax.Array, ...]

    def training(self, step: int, count: int) -> dict[str, jax.Array]:
        """The batches of steps `step .. step + count - 1`, global arrays `[R, count, B, ...]`."""
        ...

    def validation(self) -> Iterator[dict[str, jax.Array]]:
        """All validation rows, in batches `[R, 1, B, ...]`; rows beyond the last one may repeat others."""
        ...

    def score(self, cosines: Float[np.ndarray, "r n k"]) -> Float[np.ndarray, " r"]:
        """The score of each replica, in 0..1, from the cosines that `step.compare_step` gives for its rows."""
        ...


class TripletsOnDevice:
    """Triplets, with all pictures on every device."""

    def __init__(self, replicas: Sequence[Replica], data: Sequence[LabeledTriplets], mesh: Mesh):
        self._replicas, self._data, self._mesh = replicas, data, mesh
        self.epochs = _epochs(replicas, data)
        pictures = cast(sim_celeba.Triplets, data[0].triplets).all_pictures()
        self.shared = (parallel.place_global(pictures.reshape(-1, *pictures.shape[2:]), mesh),)

    def training(self, step, count):
        return _place_plans([[self._plan(*pair, step + i) for i in range(count)] for pair in self._pairs()], self._mesh)

    def validation(self):
        size = self._replicas[0].config.evaluation_batch_size
        longest = max(len(data.settings[Setting.VALIDATION]) for data in self._data)
        for step in range(-(-longest // size)):
            drawn = (
                plans.evaluation_plan(
                    data.triplets, data.labels, data.settings[Setting.VALIDATION], batch_size=size, step=step
                )
                for data in self._data
            )
            yield _place_plans([[plan] for plan in drawn], self._mesh)

    def score(self, cosines):
        return _triplet_accuracies(self._data, cosines)

    def _pairs(self):
        return zip(self._replicas, self._data, strict=True)

    def _plan(self, replica, data, step):
        config = replica.config
        return plans.training_plan(
            data.triplets,
            data.training_labels,
            data.training,
            batch_size=config.batch_size,
            seed=config.seed,
            step=step,
            flip=config.flip,
        )


class TripletsFromDisk:
    """Triplets of one replica, read ahead from disk; each process reads its own rows."""

    shared = ()

    def __init__(self, replica: Replica, data: LabeledTriplets, mesh: Mesh):
        self._config, self._data, self._mesh = replica.config, data, mesh
        self.epochs = _epochs([replica], [data])
        self._batches, self._next = iter(()), None

    def training(self, step, count):
        if step != self._next:
            self._batches, self._next = self._read(step), step
        self._next += count
        return self._place([next(self._batches) for _ in range(count)])

    def validation(self):
        rows = self._data.settings[Setting.VALIDATION]
        for batch in batches.evaluation_batches(
            self._data.triplets,
            self._data.labels,
            rows,
            batch_size=self._config.evaluation_batch_size,
            process_index=jax.process_index(),
            process_count=jax.process_count(),
        ):
            yield self._place([batch])

    def score(self, cosines):
        return _triplet_accuracies([self._data], cosines)

    def _read(self, step):
        return batches.training_batches(
            self._data.triplets,
            self._data.training_labels,
            self._data.training,
            batch_size=self._config.batch_size,
            seed=self._config.seed,
            process_index=jax.process_index(),
            process_count=jax.process_count(),
            start_step=step,
            flip=self._config.flip,
            workers=self._config.workers,
        )

    def _place(self, steps):
        rows = {name: np.stack([batch[name] for batch in steps])[None] for name in ("images", "votes", "weight")}
        return parallel.to_global(rows, self._mesh)


class IdentitiesOnDevice:
    """Pictures of identities, all on every device; validation is on pairs of identities that are not trained on."""

    def __init__(self, replicas: Sequence[Replica], data: IdentityData, mesh: Mesh):
        self._replicas, self._data, self._mesh = replicas, data, mesh
        size = replicas[0].config.batch_size
        self.epochs = (plans.steps_per_epoch(data.training, size),) * len(replicas)
        self.shared = (parallel.place_global(data.people.pictures, mesh),)

    def training(self, step, count):
        return _place_plans(
            [[self._plan(replica.config, step + i) for i in range(count)] for replica in self._replicas], self._mesh
        )

    def validation(self):
        size = self._replicas[0].config.evaluation_batch_size
        pairs = self._data.pairs
        for first in range(0, len(pairs), size):
            rows = pairs[np.arange(first, first + size) % len(pairs)]  # the last batch begins again; see score
            plan = {"pictures": rows, "flip": np.zeros(size, bool), "weight": np.ones(size, np.float32)}
            yield _place_plans([[plan]] * len(self._replicas), self._mesh)

    def score(self, cosines):
        same = self._data.same
        cosines = cosines[:, : len(same), 0]
        both = cosines, np.isfinite(cosines).all(axis=1)
        return np.array(
            [verification.verification_accuracy(one, same)[0] if ok else np.nan for one, ok in zip(*both, strict=True)],
            np.float32,
        )

    def _plan(self, config, step):
        return identities.training_plan(
            self._data.people.identity,
            self._data.training,
            batch_size=config.batch_size,
            seed=config.seed,
            step=step,
            flip=config.flip,
        )


def open_triplets(replicas: Sequence[Replica], data: Sequence[LabeledTriplets], mesh: Mesh) -> InputPipeline:
    """The pipeline that `config.feed` names.

    Raises:
      ValueError: several replicas, or calls of a whole epoch, from disk.
    """
    config = replicas[0].config
    if config.feed != "disk":
        return TripletsOnDevice(replicas, data, mesh)
    if len(replicas) > 1 or not config.steps_per_call:
        raise ValueError(
            f"config.feed is disk, which serves one replica and reads all steps of a call at once; {len(replicas)}"
            f" replicas with config.steps_per_call = {config.steps_per_call} need config.feed=on_device"
        )
    return TripletsFromDisk(replicas[0], data[0], mesh)


def _epochs(replicas, data):
    pairs = zip(replicas, data, strict=True)
    return tuple(plans.steps_per_epoch(one.training, replica.config.batch_size) for replica, one in pairs)


def _place_plans(plans, mesh):
    """Plans `[R][K]` of dicts `[B, ...]` -> global arrays `[R, K, B, ...]`; `triplet` stays on the host."""
    names = [name for name in plans[0][0] if name != "triplet"]
    stacked = {name: np.stack([np.stack([plan[name] for plan in row]) for row in plans]) for name in names}
    return parallel.place_global(stacked, mesh, parallel.BATCH)


def _triplet_accuracies(data, cosines):
    rows = (cosines[i, : len(one.settings[Setting.VALIDATION])] for i, one in enumerate(data))
    return np.array([np.mean(metrics.pair_scores(row[:, 0], row[:, 1])) for row in rows], np.float32)
