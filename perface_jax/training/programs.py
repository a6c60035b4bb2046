"""The two programs of a run, for all of its replicas and all devices of a mesh: training steps, and validation."""

import functools
from collections.abc import Callable

import jax
from jax.sharding import Mesh
from ml_collections import ConfigDict

from perface_jax import parallel
from perface_jax.network.model import IResNet
from perface_jax.training.step import Norms, Objective, compare_step, train_steps


def steps(config: ConfigDict, mesh: Mesh, *, model: IResNet, optimizer: Callable, objective: Objective) -> Callable:
    """`(state, batches, *pictures) -> (state, sums)`, see `step.train_steps`; the input state is donated."""
    options = {"model": model, "optimizer": optimizer, "objective": objective, "norms": Norms(config.batch_norm)}
    step = _traced_with(config.precision, functools.partial(train_steps, **options))
    return parallel.spmd(step, mesh, how=parallel.How(config.mesh.how))


def validation(config: ConfigDict, mesh: Mesh, *, model: IResNet) -> Callable:
    """`(variables, batches, *pictures) -> (cosines, embeddings)`, see `step.compare_step`."""
    return parallel.spmd_rows(_traced_with(config.precision, functools.partial(compare_step, model=model)), mesh)


def _traced_with(precision, function):
    """The function, with this precision of its convolutions and products; `default` leaves it to JAX's setting."""

    def traced(*args, **options):
        with jax.default_matmul_precision(precision):
            return function(*args, **options)

    return function if precision == "default" else traced
