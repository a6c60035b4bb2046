"""Small runs that the tests of the step, the devices and the saved state share: two networks, batches, five steps."""

import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp

from perface_jax import parallel
from perface_jax.network.kernels import Kernels
from perface_jax.network.model import BatchNorm, IResNet, iresnet
from perface_jax.training import optim, state
from perface_jax.training.step import Loss, Norms, train_steps, triplet_objective
from tests.golden import formula

LOSSES = tuple(loss for loss in Loss if loss is not Loss.ANNOTATOR_VOTES)  # those without parameters of their own


class Dot(nn.Module):
    """The smallest network with all that a step touches, a linear layer and a norm: it compiles in a second."""

    param_dtype: Any = jnp.float32
    kernels: Kernels = Kernels.AUTO

    @nn.compact
    def __call__(self, images, *, train=False, axis_name=None):
        x = images.reshape(len(images), -1).astype(self.param_dtype)
        x = nn.Dense(5, param_dtype=self.param_dtype, name="fc")(x)
        return BatchNorm(train, axis_name, fixed_scale=True, param_dtype=self.param_dtype, name="features")(x)

    image_size = 4


def dot(dtype=np.float32) -> tuple[Dot, dict]:
    """The smallest network and its weights."""
    model, random = Dot(dtype), np.random.default_rng(0)
    kernel, bias = random.normal(size=(48, 5)).astype(dtype), random.normal(size=5).astype(dtype)
    norm = {"mean": np.zeros(5, dtype), "var": np.ones(5, dtype)}
    params = {"fc": {"kernel": kernel, "bias": bias}, "features": {"bias": bias / 2}}
    return model, {
        "params": params,
        "batch_stats": {"features": norm},
        "constants": {"features": {"scale": np.ones(5, dtype)}},
    }


def network(dtype=np.float32) -> tuple[IResNet, dict]:
    """A thin IR-ResNet with both kinds of blocks, and the golden formula's weights."""
    model = iresnet(layers=(2, 0, 0, 0), width=4, image_size=16, embedding_size=16, dtype=dtype, param_dtype=dtype)
    return model, formula.variables(model, dtype)


def hyper(dtype=np.float32, *, loss=0, **numbers) -> state.Hyper:
    """A run's own numbers."""
    usual = {"learning_rate": 1e-3, "momentum": 0.9, "weight_decay": 5e-4, "margin": 0.5, "temperature": 0.1}
    return state.Hyper(
        **{name: np.asarray(value, dtype) for name, value in (usual | numbers).items()}, loss=np.asarray(loss, np.int32)
    )


def batch(model, *, rows=16, steps=1, seed=1) -> dict[str, np.ndarray]:
    """Random triplets of one replica, `[steps, rows, ...]`."""
    random, size = np.random.default_rng(seed), model.image_size
    return {
        "images": random.integers(0, 256, (steps, rows, 3, size, size, 3), dtype=np.uint8),
        "votes": random.integers(1, 4, (steps, rows, 2)).astype(np.float32),
        "weight": np.ones((steps, rows), np.float32),
    }


def sgd(numbers: state.Hyper) -> optax.GradientTransformation:
    """The paper's optimizer, whose state holds the last gradients too, in its first place."""
    keep = optax.GradientTransformation(
        lambda params: jax.tree.map(jnp.zeros_like, params), lambda gradients, _, params: (gradients, gradients)
    )
    descent = optim.sgd(numbers.learning_rate, momentum=numbers.momentum, weight_decay=numbers.weight_decay)
    return optax.chain(keep, descent)


def options(model, *, norms=Norms.GLOBAL, choices=(Loss.COSINE_TRIPLET,)) -> dict:
    """What `train_step` wants beside state and batch."""
    objective = functools.partial(triplet_objective, choices=choices)
    return {"model": model, "optimizer": sgd, "objective": objective, "norms": norms}


@functools.cache  # compiling is what these tests spend their time on
def program(model, mesh, *, how=parallel.How.SHARD_MAP, **choices):
    """The training program."""
    return parallel.spmd(functools.partial(train_steps, **options(model, **choices)), mesh, how=how)


def mesh(devices: int, *, replicas: int = 1, data: int = 0) -> jax.sharding.Mesh:
    """A mesh of the first devices."""
    return parallel.make_mesh(replicas, data=data, devices=jax.devices()[:devices])


def start(variables, hypers, on) -> state.TrainState:
    """A replica for each of `hypers`."""
    return parallel.stack_replicas(lambda i: state.create(variables, sgd(hypers[i]), hypers[i]), len(hypers), on)


def place(batches, on) -> dict[str, jax.Array]:
    """A batch for each replica, on the devices."""
    return parallel.place_global(jax.tree.map(lambda *x: np.stack(x), *batches), on, parallel.BATCH)


def go(step, current, batches, on, *, steps=5, shared=()) -> tuple[state.TrainState, np.ndarray]:
    """The state after some calls with the same batches, and the mean losses `[steps, R]`."""
    losses = []
    for _ in range(steps):
        current, sums = step(current, place(batches, on), *shared)
        losses.append(parallel.fetch(sums["loss"] / sums["count"].astype(sums["loss"].dtype)))
    return current, np.stack(losses)


def saved_replicas(workdir, step: int) -> set[int]:
    """The lengths of the leading axes in a saved state: one, the number of replicas."""
    saved = ocp.StandardCheckpointer().metadata((workdir / "checkpoints" / str(step) / "default").resolve())
    return {leaf.shape[0] for leaf in jax.tree.leaves(saved.item_metadata)}


def of_replica(current, index=0) -> dict:
    """What a replica's last step left: parameters, statistics, gradients and momenta on the host."""
    one = jax.tree.map(lambda x: x[index], parallel.fetch(current))
    trees = {"params": one.params, "batch_stats": one.batch_stats, "gradients": one.opt_state[0]}
    return trees | {"momenta": optax.tree.get(one.opt_state, "trace")}


def assert_same_state(seen, wanted, tolerance) -> None:
    """Every leaf within `tolerance` of its largest absolute value.

    The exception: the gradient of a bias that the next norm removes is zero, and what is seen of it is rounding. It and
    its momentum are measured by a hundredth of the largest gradient and momentum, and may be a few roundings of it.
    """
    largest = max(np.abs(leaf).max() for leaf in jax.tree.leaves(wanted["gradients"]))
    is_zero = jax.tree.map(lambda g: np.abs(g).max() < 1e-6 * largest, wanted["gradients"])
    for name, tree in wanted.items():
        most = max(np.abs(leaf).max() for leaf in jax.tree.leaves(tree))
        floor = most * max(1e-2, 4 * np.finfo(most.dtype).eps / tolerance)
        exempt = is_zero if name in ("gradients", "momenta") else jax.tree.map(lambda _: False, tree)

        def check(path, one, other, exempt, name=name, floor=floor):
            scale = floor if exempt else np.abs(other).max()
            error = np.abs(one - other).max()
            assert error <= tolerance * scale, f"{name}{jax.tree_util.keystr(path)}: {error} of {scale}"

        jax.tree_util.tree_map_with_path(check, seen[name], tree, exempt)
