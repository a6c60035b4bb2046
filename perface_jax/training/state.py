"""The state of training at one instant, and how it is saved.

A checkpoint holds the training state of every replica, the best state of each so far on its validation triplets with
its score, and with the step the position in the data. It is whole or not there: Orbax writes beside and renames. A
restored run goes into arrays described by a run that we build, so the devices may be others than those it was saved on.
"""

import contextlib
import time
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import flax
import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
from etils import epath
from jax.experimental import multihost_utils


@flax.struct.dataclass
class Hyper:
    """The numbers in which the runs of one program may differ; scalars that a step reads and never moves.

    Attributes:
      learning_rate, momentum, weight_decay: of the optimizer, in the parameters' dtype.
      margin: of the triplet loss, in cosine; of ArcFace, in radians.
      temperature: of the soft-vote and the odd-one-out loss, in cosine.
      loss: int32, which of the program's losses.
    """

    learning_rate: jax.Array
    momentum: jax.Array
    weight_decay: jax.Array
    margin: jax.Array
    temperature: jax.Array
    loss: jax.Array


@flax.struct.dataclass
class TrainState:
    """Everything one training step reads and writes.

    Attributes:
      step: int32 scalar, steps done so far; the position in the data is a function of it and the seed.
      params: what the optimizer moves; identity training has `classes` `[C, D]` beside the network's.
      batch_stats: running statistics of the norms.
      constants: never moved.
      opt_state: the optimizer's own state.
      hyper: the run's own numbers.
      diverged: int32 scalar, the first step that gave no finite number and was not taken; -1 while there is none.
    """

    step: jax.Array
    params: Any
    batch_stats: Any
    constants: Any
    opt_state: optax.OptState
    hyper: Hyper
    diverged: jax.Array

    @property
    def variables(self) -> dict:
        """The three collections as `model.apply` takes them."""
        return {"params": self.params, "batch_stats": self.batch_stats, "constants": self.constants}


def create(variables: Mapping, optimizer: optax.GradientTransformation, hyper: Hyper) -> TrainState:
    """The state before the first step, from fresh or converted variables."""
    return TrainState(
        step=np.zeros((), np.int32),
        opt_state=jax.jit(optimizer.init)(variables["params"]),
        hyper=hyper,
        diverged=np.full((), -1, np.int32),
        **variables,
    )


@flax.struct.dataclass
class Run:
    """All replicas of a run at one instant: what a checkpoint holds. Every leaf has a leading replica axis `[R]`.

    Attributes:
      state: after `state.step` steps.
      best: `params` and `batch_stats` with the best validation score so far.
      best_score: that score, float32; -1 before the first validation.
      best_step: int32, after how many steps that was.
    """

    state: TrainState
    best: Any
    best_score: jax.Array
    best_step: jax.Array

    @property
    def step(self) -> int:
        """Steps done so far; fetched from the device."""
        return int(jax.device_get(self.state.step.addressable_data(0))[0])


def begin(state: TrainState) -> Run:
    """The run before its first step, on the devices of its state."""

    @jax.jit
    def make(state):
        best = jax.tree.map(jnp.copy, {"params": state.params, "batch_stats": state.batch_stats})
        return best, jnp.full_like(state.step, -1, jnp.float32), jnp.zeros_like(state.step)

    return Run(state, *make(state))


@jax.jit
def keep_best(run: Run, scores: jax.Array) -> Run:
    """The run with the present state of each replica as its best one, if no score before was higher.

    Args:
      run: the run.
      scores: float32 `[R]`; of equal ones the later state is kept, and NaN is never the best.
    """
    better = scores >= run.best_score
    now = {"params": run.state.params, "batch_stats": run.state.batch_stats}
    best = jax.tree.map(lambda new, old: jnp.where(better.reshape(-1, *(1,) * (new.ndim - 1)), new, old), now, run.best)
    return run.replace(
        best=best,
        best_score=jnp.where(better, scores, run.best_score),
        best_step=jnp.where(better, run.state.step, run.best_step),
    )


STEP_NAMES = ocp.path.step.standard_name_format()  # of the folders of checkpoints


@contextlib.contextmanager
def checkpoints(workdir: epath.PathLike, *, keep: int = 2) -> Iterator[ocp.CheckpointManager]:
    """The saved instants of a run, the last `keep` of them. At the end of the context all of them are written.

    Args:
      workdir: absolute.
      keep: how many.

    Raises:
      OSError: in `save` or here at the end: an instant could not be written. Those before it are whole.
    """
    # Made by another thread, a folder that cannot be made is noticed only after minutes.
    at_once = ocp.AsyncOptions(create_directories_asynchronously=False)
    options = ocp.CheckpointManagerOptions(max_to_keep=keep, async_options=at_once, step_name_format=STEP_NAMES)
    manager = ocp.CheckpointManager(epath.Path(workdir) / "checkpoints", options=options)
    try:
        yield manager
    finally:
        with _one_error(manager):
            manager.close()


def save(manager: ocp.CheckpointManager, run: Run) -> None:
    """Start saving this instant; later steps may go on while it is written. An instant saved already is left alone."""
    if (step := run.step) not in manager.all_steps():
        with _one_error(manager):
            manager.save(step, args=ocp.args.StandardSave(run))


@contextlib.contextmanager
def _one_error(manager):
    """What Orbax and TensorStore raise when files cannot be written is an OSError."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise OSError(
            f"a state could not be saved: {_line(error)}\nThose saved before are whole, in {manager.directory}; start"
            " the same command again when there is room and leave to write."
        ) from error


def restore(manager: ocp.CheckpointManager, like: Run) -> Run | None:
    """The last saved instant that can be read, or None where none was saved.

    One that cannot be read is set aside beside `checkpoints`, with a warning that names it; the one before is taken.

    Args:
      manager: of `checkpoints`.
      like: a run of the same shapes, whose arrays say on which devices the restored ones go.

    Raises:
      ValueError: instants were saved and none of them can be read; names them.
    """
    wanted = ocp.args.StandardRestore(jax.tree.map(_abstract, like))
    faults = {}
    for step in sorted(manager.all_steps(), reverse=True):
        try:
            run = manager.restore(step, args=wanted)
        except Exception as error:  # Orbax and TensorStore raise many kinds for a damaged file
            faults[step] = f"{_folder(manager, step)}: {_line(error)}"
            continue
        if faults:
            _set_aside(manager, faults)
        return run
    if faults:
        raise ValueError("no saved state can be read; nothing was changed:\n" + "\n".join(faults.values()))
    return None


def _set_aside(manager, faults):
    if jax.process_index() == 0:
        for step, fault in faults.items():
            name = f"damaged-checkpoint-{step}-{time.time_ns()}"
            _folder(manager, step).rename(manager.directory.parent / name)
            warnings.warn(f"continuing from an earlier state; set aside as {name}: {fault}", stacklevel=3)
    multihost_utils.sync_global_devices("set_aside")  # so that every process then finds the same states
    manager.reload()


def _folder(manager, step):
    return STEP_NAMES.find_step(manager.directory, step).path


def _line(error):
    return str(error).partition("\n")[0]


def _abstract(x):
    return jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding)
