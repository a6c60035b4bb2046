"""The input pipelines of a run: training batches, validation rows, and how to score these rows.

A pipeline serves all replicas of a run, each from its own list of training rows. Either it reads pictures ahead from
disk (`config.feed = "disk"`, one replica), or it keeps all of them on every device, and a batch names those that it
needs (`"on_device"`).
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
from perface_jax.training import scales
from perface_jax.training.builders import IdentityData
from perface_jax.training.scales import ScaleParts
from perface_jax.training.sweeps import Replica


class InputPipeline(Protocol):
    """What `trainer` needs from a data set."""

    epochs: tuple[int, ...]  # for each replica, the steps in one pass over its training rows
    shared: tuple[
        jax.Array, ...
    ]  # pictures on the devices, the last argument of every program; () if batches contain them

    def training(self, step: int, count: int) -> dict[str, jax.Array]:
        """The batches of steps `step .. step + count - 1`, global arrays `[R, count, B, ...]`."""
        ...

    def validation(self, *, every: bool = False) -> Iterator[dict[str, jax.Array]]:
        """All validation rows, in batches `[R, 1, B, ...]`; rows beyond the last one may repeat others.

        `every` takes triplets without a label, too, all as reference, a and b.
        """
        ...

    def score(self, cosines: Float[np.ndarray, "r n k"]) -> Float[np.ndarray, " r"]:
        """The score of each replica, in 0..1, from the cosines that `step.compare_step` returns for its rows."""
        ...

    def by_source(self, cosines: Float[np.ndarray, "r n k"]) -> list[dict[str, tuple[float, int]]]:
        """For each replica, the right validation triplets of each source and their number; {} without sources."""
        ...

    def scales(self, embeddings: Float[np.ndarray, "r n k d"]) -> list[ScaleParts]:
        """What the embeddings of every validation row say of the cosines of each replica."""
        ...


class TripletsOnDevice:
    """Triplets, with all pictures on every device."""

    def __init__(self, replicas: Sequence[Replica], data: Sequence[LabeledTriplets], mesh: Mesh):
        self._replicas, self._data, self._mesh = replicas, data, mesh
        self.epochs = _epochs(replicas, data)
        pictures = cast(sim_celeba.Triplets, data[0].triplets).all_pictures()
        self.shared = (parallel.place_pictures(pictures.reshape(-1, *pictures.shape[2:]), mesh),)

    def training(self, step, count):
        def plan(replica, data, step):
            options = _draw(replica.config)
            return plans.training_plan(data.triplets, data.training_labels, data.training, step=step, **options)

        pairs = zip(self._replicas, self._data, strict=True)
        return _place_plans([[plan(*pair, step + i) for i in range(count)] for pair in pairs], self._mesh)

    def validation(self, *, every=False):
        size = self._replicas[0].config.evaluation_batch_size
        chosen = [_validation_rows(data, every) for data in self._data]

        def plan(data, rows, labels, step):
            return plans.evaluation_plan(data.triplets, labels, rows, batch_size=size, step=step)

        for step in range(-(-max(len(rows) for rows, _ in chosen) // size)):
            yield _place_plans([[plan(data, *of, step)] for data, of in zip(self._data, chosen, strict=True)],
                               self._mesh)  # fmt: skip

    def score(self, cosines):
        return _triplet_accuracies(self._data, cosines)

    def by_source(self, cosines):
        return _right_by_source(self._data, cosines)

    def scales(self, embeddings):
        return list(map(scales.of_triplets, self._data, embeddings))


class TripletsFromDisk:
    """Triplets of one replica, read ahead from disk; each process reads its own rows."""

    shared = ()

    def __init__(self, replica: Replica, data: LabeledTriplets, mesh: Mesh):
        self._config, self._data, self._mesh = replica.config, data, mesh
        self._process = {"process_index": jax.process_index(), "process_count": jax.process_count()}
        self.epochs = _epochs([replica], [data])
        self._batches, self._next = iter(()), None

    def training(self, step, count):
        if step != self._next:
            data, options = self._data, {**_draw(self._config), **self._process, "workers": self._config.workers}
            self._batches = batches.training_batches(
                data.triplets, data.training_labels, data.training, start_step=step, **options
            )
        self._next = step + count
        return self._place([next(self._batches) for _ in range(count)])

    def validation(self, *, every=False):
        options = {"batch_size": self._config.evaluation_batch_size, **self._process}
        rows, labels = _validation_rows(self._data, every)
        if not len(rows):
            return
        for batch in batches.evaluation_batches(self._data.triplets, labels, rows, **options):
            yield self._place([batch])

    def score(self, cosines):
        return _triplet_accuracies([self._data], cosines)

    def by_source(self, cosines):
        return _right_by_source([self._data], cosines)

    def scales(self, embeddings):
        return [scales.of_triplets(self._data, embeddings[0])]

    def _place(self, steps):
        names = [name for name in steps[0] if name != "triplet"]
        rows = {name: np.stack([batch[name] for batch in steps])[None] for name in names}
        return parallel.to_global(rows, self._mesh)


class IdentitiesOnDevice:
    """Pictures of identities, all on every device; validation uses pairs of identities not in training."""

    def __init__(self, replicas: Sequence[Replica], data: IdentityData, mesh: Mesh):
        self._replicas, self._data, self._mesh = replicas, data, mesh
        self.epochs = _epochs(replicas, [data] * len(replicas))
        self.shared = (parallel.place_pictures(data.people.pictures, mesh),)

    def training(self, step, count):
        def plan(replica, step):
            options = _draw(replica.config)
            return identities.training_plan(self._data.people.identity, self._data.training, step=step, **options)

        drawn = [[plan(replica, step + i) for i in range(count)] for replica in self._replicas]
        return _place_plans(drawn, self._mesh)

    def validation(self, *, every=False):
        size, pairs = self._replicas[0].config.evaluation_batch_size, self._data.pairs
        for first in range(0, len(pairs), size):
            rows = pairs[np.arange(first, first + size) % len(pairs)]  # the last batch wraps around; see score
            plan = {"pictures": rows, "flip": np.zeros(size, bool), "weight": np.ones(size, np.float32)}
            yield _place_plans([[plan]] * len(self._replicas), self._mesh)

    def score(self, cosines):
        same = self._data.same

        def accuracy(one):
            return verification.verification_accuracy(one, same)[0] if np.isfinite(one).all() else np.nan

        return np.array([accuracy(one) for one in cosines[:, : len(same), 0]], np.float32)

    def by_source(self, cosines):
        return [{} for _ in cosines]

    def scales(self, embeddings):
        return [scales.of_identities(self._data, one) for one in embeddings]


def open_triplets(replicas: Sequence[Replica], data: Sequence[LabeledTriplets], mesh: Mesh) -> InputPipeline:
    """The pipeline that `config.feed` names; disk is only for one replica and calls of a known length."""
    config = replicas[0].config
    if config.feed != "disk":
        return TripletsOnDevice(replicas, data, mesh)
    if len(replicas) > 1 or not config.steps_per_call:
        raise ValueError(
            f"config.feed is disk, which serves one replica and reads all steps of a call at once; {len(replicas)}"
            f" replicas with config.steps_per_call = {config.steps_per_call} need config.feed=on_device"
        )
    return TripletsFromDisk(replicas[0], data[0], mesh)


def _draw(config):
    """The arguments that decide which rows a step draws."""
    return {name: config[name] for name in ("batch_size", "seed", "flip")}


def _epochs(replicas, data):
    pairs = zip(replicas, data, strict=True)
    return tuple(plans.steps_per_epoch(one.training, replica.config.batch_size) for replica, one in pairs)


def _place_plans(plans, mesh):
    """Plans `[R][N]` of dicts `[B, ...]` -> global arrays `[R, N, B, ...]`; `triplet` stays on the host."""
    names = [name for name in plans[0][0] if name != "triplet"]
    stacked = {name: np.stack([np.stack([plan[name] for plan in row]) for row in plans]) for name in names}
    return parallel.place_global(stacked, mesh, parallel.BATCH)


def _triplet_accuracies(data, cosines):
    return np.array([np.mean(one) for one in _validation_scores(data, cosines)], np.float32)


def _right_by_source(data, cosines):
    found = []
    for one, scores in zip(data, _validation_scores(data, cosines), strict=True):
        of_rows = one.triplets.source_id[one.settings[Setting.VALIDATION]]
        sources = np.unique(of_rows) if np.isfinite(scores).all() and (of_rows >= 0).all() else ()
        found.append({str(s): (float(scores[of_rows == s].sum()), int((of_rows == s).sum())) for s in sources})
    return found


def _validation_rows(data: LabeledTriplets, every: bool):
    """The rows to validate on, with the labels that order their pictures."""
    if every:
        rows = data.split.rows.get(Setting.VALIDATION, np.empty(0, int))
        return rows, np.full(len(data.labels), plans.A_IS_CLOSER)
    return data.settings[Setting.VALIDATION], data.labels


def _validation_scores(data, cosines):
    rows = [cosines[i, : len(one.settings[Setting.VALIDATION])] for i, one in enumerate(data)]
    return [np.asarray(metrics.pair_scores(row[:, 0], row[:, 1])) for row in rows]
