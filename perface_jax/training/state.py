"""The state of training at one step, and how it is saved.

A checkpoint holds, for every replica, the training state, and the best state on the validation rows with its score. The
position in the data is a function of the step. A checkpoint is complete or absent: Orbax writes into a temporary folder
and renames it. It is restored to the devices of this process, which may differ from those that saved it.
"""

import contextlib
import time
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, cast

import jax
import jax.numpy as jnp
import optax
import orbax.checkpoint as ocp
from etils import epath
from flax import struct
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding
from jaxtyping import Array, Float, Float32, Int

from perface_jax import disk_space, plain_paths
from perface_jax.arrays import AnyArray
from perface_jax.training import repeated_replicas


class Hyper(struct.PyTreeNode):
    """The numbers in which the runs of one program may differ: scalars that a step reads but never changes."""

    learning_rate: Float[AnyArray, "*replica"]  # these numbers have the parameters' dtype
    momentum: Float[AnyArray, "*replica"]
    weight_decay: Float[AnyArray, "*replica"]
    margin: Float[AnyArray, "*replica"]  # of the triplet loss, in cosine; of ArcFace, in radians
    temperature: Float[AnyArray, "*replica"]  # of the soft-vote and the odd-one-out loss, in cosine
    loss: Int[AnyArray, "*replica"]  # the position of this run's loss among those of the program


class TrainState(struct.PyTreeNode):
    """Everything one training step reads and writes, of one run or of all replicas."""

    step: Int[Array, "*replica"]  # steps done; with the seed it determines the position in the data
    params: Any  # optimized; identity training adds `classes` `[C, D]` to the parameters of the network
    batch_stats: Any  # running statistics of the norms
    constants: Any  # the fixed scale of the last norm; never changed
    opt_state: optax.OptState
    hyper: Hyper
    diverged: Int[Array, "*replica"]  # the first step with a result that is not finite; -1 if there is none

    @property
    def variables(self) -> dict:
        """The three collections as `model.apply` takes them."""
        return {"params": self.params, "batch_stats": self.batch_stats, "constants": self.constants}


def create(variables: Mapping, optimizer: optax.GradientTransformation, hyper: Hyper) -> TrainState:
    """The state before the first step, from fresh or converted variables."""
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        opt_state=jax.jit(optimizer.init)(variables["params"]),
        hyper=hyper,
        diverged=jnp.full((), -1, jnp.int32),
        **variables,
    )


class Run(struct.PyTreeNode):
    """All replicas of a run after one step: what a checkpoint holds. Every leaf has a leading replica axis `[R]`."""

    state: TrainState
    best: Any  # `params` and `batch_stats` with the best validation score so far
    best_score: jax.Array  # float32; -1 before the first validation
    best_step: jax.Array  # the step that reached it

    @property
    def step(self) -> int:
        """Steps done so far; fetched from the device."""
        return int(jax.device_get(self.state.step.addressable_data(0))[0])

    @property
    def mesh(self) -> Mesh:
        """The devices that hold it."""
        return cast(Mesh, cast(NamedSharding, self.best_step.sharding).mesh)


def begin(state: TrainState) -> Run:
    """The run before its first step, on the devices of its state."""

    @jax.jit
    def make(state):
        best = jax.tree.map(jnp.copy, {"params": state.params, "batch_stats": state.batch_stats})
        return best, jnp.full_like(state.step, -1, jnp.float32), jnp.zeros_like(state.step)

    return Run(state, *make(state))


@jax.jit
def keep_best(run: Run, scores: Float32[Array, " r"]) -> Run:
    """Makes the current state of each replica its best one, unless an earlier score was higher.

    Of equal scores, the later state is kept; NaN is never the best.
    """
    better = scores >= run.best_score
    now = {"params": run.state.params, "batch_stats": run.state.batch_stats}
    best = jax.tree.map(lambda new, old: jnp.where(better.reshape(-1, *(1,) * (new.ndim - 1)), new, old), now, run.best)
    return run.replace(
        best=best,
        best_score=jnp.where(better, scores, run.best_score),
        best_step=jnp.where(better, run.state.step, run.best_step),
    )


def score_best(run: Run, scores: Float32[Array, " r"]) -> Run:
    """Gives the best state, as long as it is the start, its score, as `keep_best` does; NaN is none."""
    return run.replace(best_score=jnp.where(scores >= run.best_score, scores, run.best_score))


STEP_NAMES = ocp.path.step.standard_name_format()  # of the folders of checkpoints


@contextlib.contextmanager
def checkpoints(workdir: epath.PathLike, *, keep: int = 2) -> Iterator[ocp.CheckpointManager]:
    """The checkpoints of a run in an absolute folder; the last `keep` remain. On exit, waits until all are written.

    Raises:
      OSError: in `save`, or here at the end: a checkpoint could not be written. Earlier ones are complete.
    """
    # If another thread makes the folders, a failure is reported only after minutes.
    at_once = ocp.AsyncOptions(create_directories_asynchronously=False)
    options = ocp.CheckpointManagerOptions(max_to_keep=keep, async_options=at_once, step_name_format=STEP_NAMES)
    with plain_paths.plain(workdir) as folder:
        manager = ocp.CheckpointManager(folder / "checkpoints", options=options)
        try:
            yield manager
        finally:
            with _one_error(manager):
                manager.close()


def save(manager: ocp.CheckpointManager, run: Run, *, replicas: int | None = None) -> None:
    """Start saving a checkpoint, unless this step has one; training may go on while it is written.

    Of a run that repeats its last replica (`parallel.padded`), only the first `replicas` are saved.
    """
    if (step := run.step) not in manager.all_steps():
        saved = run if replicas is None else repeated_replicas.without(run, replicas, run.mesh)
        with _one_error(manager):
            manager.save(step, args=ocp.args.StandardSave(saved))


@contextlib.contextmanager
def _one_error(manager):
    """Converts the errors of Orbax and TensorStore for files that cannot be written into an OSError."""
    try:
        yield
    except (OSError, ValueError) as error:
        full = f"the disk of {manager.directory} is full{disk_space.left(manager.directory)}"
        why = full if disk_space.is_full(error) else _line(error)
        raise OSError(
            f"a state could not be saved: {why}\nEarlier states are complete, in {manager.directory}; run"
            " the same command again when the disk has space and is writable."
        ) from error


def restore(manager: ocp.CheckpointManager, like: Run, *, replicas: int | None = None) -> Run | None:
    """The last readable checkpoint, or None if there is no checkpoint.

    An unreadable one is moved out of `checkpoints`, with a warning that names it, and the one before is tried.

    Args:
      manager: of `checkpoints`.
      like: a run of the same shapes, on the devices that shall hold the restored arrays.
      replicas: how many were saved, the others of `like` being the last one again; None: all.

    Raises:
      ValueError: there are checkpoints, but none is readable.
    """
    repeats = replicas not in (None, len(like.best_step))
    on_host = repeated_replicas.empty(like, replicas) if repeats else None
    wanted = ocp.args.StandardRestore(on_host or jax.tree.map(ocp.utils.to_shape_dtype_struct, like))
    faults = {}
    for step in sorted(manager.all_steps(), reverse=True):
        try:
            run = cast(Run, manager.restore(step, args=wanted))
        except Exception as error:  # Orbax and TensorStore raise many kinds for a damaged file
            faults[step] = f"{_folder(manager, step)}: {_line(error)}"
            continue
        if faults:
            _set_aside(manager, faults)
        return repeated_replicas.again(run, like) if repeats else run
    if faults:
        raise ValueError("no saved state can be read; nothing was changed:\n" + "\n".join(faults.values()))
    return None


def _set_aside(manager, faults):
    if jax.process_index() == 0:
        for step, fault in faults.items():
            name = f"damaged-checkpoint-{step}-{time.time_ns()}"
            _folder(manager, step).rename(manager.directory.parent / name)
            warnings.warn(f"continuing from an earlier state; set aside as {name}: {fault}", stacklevel=3)
    multihost_utils.sync_global_devices("set_aside")  # every process then finds the same checkpoints
    manager.reload()


def _folder(manager, step):
    return STEP_NAMES.find_step(manager.directory, step).path


def _line(error):
    return str(error).partition("\n")[0]
