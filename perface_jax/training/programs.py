"""The two programs of a run, for all of its replicas and all devices of a mesh: training steps, and validation."""

import functools
from collections.abc import Callable

from jax.sharding import Mesh
from ml_collections import ConfigDict

from perface_jax import parallel
from perface_jax.network.model import IResNet
from perface_jax.training.step import Norms, Objective, compare_step, train_steps


def steps(config: ConfigDict, mesh: Mesh, *, model: IResNet, optimizer: Callable, objective: Objective) -> Callable:
    """`(state, batches, *pictures) -> (state, sums)`, see `step.train_steps`; the input state is donated."""
    options = {"model": model, "optimizer": optimizer, "objective": objective, "norms": Norms(config.batch_norm)}
    return parallel.spmd(functools.partial(train_steps, **options), mesh, how=parallel.How(config.mesh.how))


def validation(mesh: Mesh, *, model: IResNet) -> Callable:
    """`(variables, batches, *pictures) -> (cosines, embeddings)`, see `step.compare_step`."""
    return parallel.spmd_rows(functools.partial(compare_step, model=model), mesh)
