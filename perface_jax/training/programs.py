"""The two programs of a run, for all of its replicas and all devices of a mesh: training steps, and validation."""

import functools
import json
import os
from collections.abc import Callable
from typing import Any, cast

import jax
from jax.sharding import Mesh
from ml_collections import ConfigDict

from perface_jax import parallel
from perface_jax.network.kernels import compiled_for
from perface_jax.training.step import SUMS, Norms, Objective, compare_step, train_steps
from perface_jax.training.stored_traces import Ahead, How, StoredTrace


def steps(config: ConfigDict, mesh: Mesh, *, model: Any, optimizer: Callable, objective: Objective) -> Callable:
    """`(state, batches, *pictures) -> (state, sums)`, see `step.train_steps`; the input state is donated."""
    options = {
        "model": model,
        "optimizer": optimizer,
        "objective": objective,
        "norms": Norms(config.get("batch_norm", Norms.FROZEN.value)),
    }
    step = _traced_with(config.precision, functools.partial(train_steps, **options))
    return parallel.spmd(step, mesh, how=parallel.How(config.mesh.how))


def validation(config: ConfigDict, mesh: Mesh, *, model: Any, compare: Callable = compare_step) -> Callable:
    """`(variables, batches, *pictures) -> (cosines, embeddings)`, see `step.compare_step`."""
    return parallel.spmd_rows(_traced_with(config.precision, functools.partial(compare, model=model)), mesh)


def _traced_with(precision, function):
    """The function, with this precision of its convolutions and products; `default` leaves it to JAX's setting."""

    def traced(*args, **options):
        with jax.default_matmul_precision(precision):
            return function(*args, **options)

    return function if precision == "default" else traced


def stored(folder: os.PathLike | None, config: ConfigDict, mesh: Mesh) -> "Stored | None":
    """The traces of a run in a folder; None without one, or where they cannot be stored.

    They can for `shard_map`, on CPUs and GPUs of one process. On TPUs pictures lie in an order of their own
    (`parallel.picture_place`); stored traces were not tried with it.
    """
    shard_map = config.mesh.how == parallel.How.SHARD_MAP.value
    suits = shard_map and jax.process_count() == 1 and compiled_for(mesh.devices.flat) != "tpu"
    return Stored(folder, config, mesh) if folder and suits else None


class Stored:
    """The programs of a run with their traces in a folder. As soon as it is made, it loads what may be called first."""

    def __init__(self, folder: os.PathLike, config: ConfigDict, mesh: Mesh):
        self._folder, self._facts = folder, {"config": json.loads(config.to_json()), "mesh": str(mesh)}
        self._steps = How(mesh, parallel.STATE, donates=True)
        self._rows = How(mesh, parallel.BATCH, donates=False)
        self._ahead = Ahead(folder, self._facts, self._steps)

    def steps(self, program: Callable, *, model: Any, objective: Objective, last: int) -> StoredTrace:
        """Of the `steps` of a run that ends after step `last`, on which its schedule depends."""
        partial = cast(functools.partial, objective)  # whose numbers may come from the data
        loss = partial.func.__qualname__, repr(partial.keywords)
        facts = {"of": "steps", "model": str(model), "objective": loss, "last": last, **self._facts}
        options = {"results": lambda state: (state, dict.fromkeys(SUMS, 0)), "ahead": self._ahead}
        return StoredTrace(program, folder=self._folder, facts=facts, how=self._steps, **options)

    def validation(self, program: Callable, *, model: Any) -> StoredTrace:
        """Of the `validation`."""
        facts = {"of": "validation", "model": str(model), **self._facts}
        return StoredTrace(program, folder=self._folder, facts=facts, how=self._rows, results=lambda variables: (0, 0))
