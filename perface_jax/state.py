"""The state of a training run, and the workdir it is saved in.

A workdir belongs to one run: `config.json` says which, `checkpoints/` holds the last saved instants, each of them whole
(Orbax writes beside and renames). What is saved at one instant: the training state, the best state so far on the
validation triplets with its score, and with the step the position in the data.
"""

import json
from collections.abc import Mapping
from typing import Any

import flax
import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
from etils import epath

# Where things lie and how often one looks at them; every other field changes the result.
FREE_FIELDS = ("data.release", "data.data_dir", "log_every")


@flax.struct.dataclass
class TrainState:
    """Everything one training step reads and writes.

    Attributes:
      step: int32 scalar, steps done so far; the position in the data is a function of it and the seed.
      params: what the optimiser moves.
      batch_stats: running statistics of the norms.
      constants: never moved.
      opt_state: the optimiser's own state.
    """

    step: jax.Array
    params: Any
    batch_stats: Any
    constants: Any
    opt_state: optax.OptState

    @property
    def variables(self) -> dict:
        """The three collections as `model.apply` takes them."""
        return {"params": self.params, "batch_stats": self.batch_stats, "constants": self.constants}


def create(variables: Mapping, optimizer: optax.GradientTransformation) -> TrainState:
    """The state before the first step, from fresh or converted variables."""
    # Copies: the training step gives the arrays of its state away, and the caller may still hold these.
    variables = jax.tree.map(jnp.array, dict(variables))
    return TrainState(step=jnp.zeros((), jnp.int32), opt_state=optimizer.init(variables["params"]), **variables)


@flax.struct.dataclass
class Run:
    """All of a training run at one instant: what a checkpoint holds.

    Attributes:
      state: after `state.step` steps.
      best: `params` and `batch_stats` with the best validation score so far, on the host.
      best_score: their accuracy on the validation triplets, float32; -1 before the first validation.
      best_step: int32, after how many steps that was.
    """

    state: TrainState
    best: Any
    best_score: np.ndarray
    best_step: np.ndarray


def begin(state: TrainState) -> Run:
    """The run before its first step."""
    return Run(state, _on_host(state), np.array(-1, np.float32), np.array(0, np.int32))


def keep_best(run: Run, score: float) -> Run:
    """The run with its present state as the best one, if no score before was higher: of equals, the later."""
    if score < run.best_score:
        return run
    score = np.array(score, np.float32)
    return run.replace(best=_on_host(run.state), best_score=score, best_step=np.array(run.state.step))


def best_variables(run: Run) -> dict:
    """The best state as `model.apply` takes it."""
    return {**run.best, "constants": run.state.constants}


def refuse_other_run(workdir: epath.PathLike, config: Mapping) -> None:
    """Raise a ValueError that lists every differing field, when the workdir belongs to a run with other results.

    Args:
      workdir: may not exist yet.
      config: the resolved config as nested plain values.
    """
    workdir = epath.Path(workdir).resolve()
    if workdir.exists() and not workdir.is_dir():
        raise ValueError(f"{workdir} is a file; wanted a folder for the run")
    if not (workdir / "config.json").exists():
        return
    old, new = _flat(json.loads((workdir / "config.json").read_text())), _flat(config)
    fields = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    if different := [name for name in fields if name not in FREE_FIELDS]:
        lines = "\n".join(f"- {name} = {old.get(name)!r}\n+ {name} = {new.get(name)!r}" for name in different)
        raise ValueError(
            f"{workdir} holds another run (- that run, + this one):\n{lines}\n"
            "Choose another --workdir, or start with that run's config; nothing was changed."
        )


def claim(workdir: epath.PathLike, config: Mapping) -> epath.Path:
    """Make the workdir this run's own, or confirm that it is.

    Args:
      workdir: made if it does not exist.
      config: the resolved config as nested plain values.

    Returns:
      the absolute path.

    Raises:
      ValueError: as `refuse_other_run`.
    """
    refuse_other_run(workdir, config)
    workdir = epath.Path(workdir).resolve()
    if not (workdir / "config.json").exists():
        workdir.mkdir(parents=True, exist_ok=True)
        unfinished = workdir / ".config.json"  # renamed when whole, so that no crash leaves half a config
        unfinished.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
        unfinished.rename(workdir / "config.json")
    return workdir


def checkpoints(workdir: epath.PathLike) -> ocp.CheckpointManager:
    """The saved instants of a run, the last two kept; close it, or use it as a context."""
    options = ocp.CheckpointManagerOptions(max_to_keep=2)
    return ocp.CheckpointManager(epath.Path(workdir).resolve() / "checkpoints", options=options)


def save(manager: ocp.CheckpointManager, run: Run) -> None:
    """Start saving this instant; later steps may go on while it is written. An instant saved already is left alone."""
    step = int(run.state.step)
    if step not in manager.all_steps():
        manager.save(step, args=ocp.args.StandardSave(run))


def restore(manager: ocp.CheckpointManager, like: Run) -> Run | None:
    """The last saved instant, or None where there is none yet.

    Args:
      manager: of `checkpoints`.
      like: a run of the same shapes, whose arrays say on which devices the restored ones go.
    """
    if manager.latest_step() is None:
        return None
    return manager.restore(manager.latest_step(), args=ocp.args.StandardRestore(jax.tree.map(_abstract, like)))


def _abstract(x):
    return jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding) if isinstance(x, jax.Array) else x


def _on_host(state):
    return jax.device_get({"params": state.params, "batch_stats": state.batch_stats})


def _flat(config, prefix=""):
    flat = {}
    for name, value in config.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return flat
