"""What one sees of a run: lines on the screen, `log.jsonl`, and TensorBoard files, one run for each replica.

The sums of the steps stay on the device and are fetched once per log point, by `Progress.flush` alone.
"""

import json
import sys
import time
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from etils import epath

from perface_jax import parallel
from perface_jax.files import write_text

NUMBERS = {"loss": "loss", "correct": "training_accuracy", "active": "active_rows"}


class Progress:
    """The log of a run from step `first` on; use it as a context. On several hosts, the first one writes.

    Args:
      workdir: where log.jsonl and tensorboard/ lie.
      names: of the replicas; "" for a single run.
      first: lines of later steps, of a start that was interrupted, are removed.
      last: the run's last step.
      every: steps between two log points.
      tensorboard: write TensorBoard files too.
    """

    def __init__(
        self, workdir: epath.Path, names: Sequence[str], *, first: int, last: int, every: int, tensorboard: bool
    ):
        self._file, self._names, self._first, self._last, self._every = workdir / "log.jsonl", names, first, last, every
        self._writes = jax.process_index() == 0
        self._seen, self._sums, self._since, self._started = first, None, time.perf_counter(), time.perf_counter()
        self._frozen: set[int] = set()
        self._boards = []
        if self._writes:
            self._forget_after(first)
            if tensorboard:
                folder, writer = workdir / "tensorboard", _summary_writer()
                self._boards = [writer(str(folder / name), purge_step=first + 1) for name in names]

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for board in self._boards:
            board.close()

    def after_steps(self, step: int, count: int, sums: dict[str, jax.Array], diverged: jax.Array) -> None:
        """Add the sums of the `count` steps before `step`; at a log point, write their means."""
        self._sums = sums if self._sums is None else jax.tree.map(jnp.add, self._sums, sums)
        if step // self._every > (step - count) // self._every:
            self.flush(step, diverged)

    def flush(self, step: int, diverged: jax.Array) -> None:
        """Write the means of the steps since the last time, and which replicas were frozen.

        Raises:
          FloatingPointError: no replica is finite any more.
        """
        if self._sums is None:
            return
        sums, diverged = parallel.fetch((self._sums, diverged))
        now = time.perf_counter()
        rate = float(sums["count"].sum()) / (now - self._since)
        means = {name: sums[key] / np.where(sums["count"] == 0, np.nan, sums["count"]) for key, name in NUMBERS.items()}
        self._tell_frozen(diverged)
        if (diverged >= 0).all():
            raise FloatingPointError(
                f"{self._which(diverged)} gave a loss or a gradient that is no finite number: the run diverged, as seen"
                f" between steps {self._seen} and {step}. Lower config.learning_rate; states saved before that,"
                " if any, are in the workdir's checkpoints."
            )
        self.write(step, means)
        left = (self._last - step) * (now - self._started) / max(step - self._first, 1)
        self._show(step, means, f"rows/s {rate:.4g}  left {_clock(left)}")
        self._seen, self._sums, self._since = step, None, now

    def validated(self, step: int, scores: np.ndarray) -> None:
        """Write the validation score of each replica."""
        self.write(step, {"validation_accuracy": scores})
        self._show(step, {"validation_accuracy": scores})

    def write(self, step: int, numbers: dict[str, np.ndarray]) -> None:
        """One line for each replica whose numbers are finite, in log.jsonl and TensorBoard."""
        if not self._writes:
            return
        with self._file.open("a") as file:
            for i, name in enumerate(self._names):
                mine = {key: float(values[i]) for key, values in numbers.items() if np.isfinite(values[i])}
                if not mine:
                    continue
                file.write(json.dumps({"step": step, **({"replica": name} if name else {}), **mine}) + "\n")
                for key, value in mine.items() if self._boards else ():
                    self._boards[i].add_scalar(key, value, step)

    def note(self, step: int, **facts) -> None:
        """One line that belongs to the whole run."""
        if not self._writes:
            return
        with self._file.open("a") as file:
            file.write(json.dumps({"step": step, **facts}) + "\n")
        print(f"step {step}/{self._last}  " + "  ".join(f"{key.replace('_', ' ')}: {v}" for key, v in facts.items()))

    def _tell_frozen(self, diverged):
        for i in np.flatnonzero(diverged >= 0):
            if i not in self._frozen:
                self._frozen.add(int(i))
                name = self._names[i] or "the run"
                self.note(int(diverged[i]), diverged=name)

    def _which(self, diverged):
        pairs = zip(self._names, diverged, strict=True)
        return "; ".join(f"step {at}" + (f" of {name}" if name else "") for name, at in pairs)

    def _show(self, step, numbers, rest=""):
        if self._writes:
            parts = [f"{name.replace('_', ' ')} {_spread(values)}" for name, values in numbers.items()]
            print(f"step {step}/{self._last}  {'  '.join(parts)}  {rest}".rstrip(), flush=True)

    def _forget_after(self, step):
        """Remove what will be written again: later lines, half a line of a killed process, the validation at `step`."""
        if not self._file.exists():
            return
        kept = [line for line in read_log(self._file) if line["step"] <= step]
        kept = [line for line in kept if line["step"] < step or "validation_accuracy" not in line]
        names = [line["diverged"] for line in kept if "diverged" in line]
        self._frozen = {i for i, name in enumerate(self._names) if (name or "the run") in names}
        write_text(self._file, "".join(f"{json.dumps(line)}\n" for line in kept))


def read_log(file: epath.Path) -> list[dict]:
    """The lines of a log.jsonl, without half a line that a killed process left or a living one is writing."""
    return [line for line in map(_parse, file.read_text().splitlines()) if line]


def _summary_writer():
    """TensorBoard's writer, without PyTorch, which it imports where there is one: seconds for an annotation."""
    torch = sys.modules.setdefault("torch", None)  # None: cannot be imported
    try:
        from tensorboardX import SummaryWriter
    finally:
        if torch is None:
            del sys.modules["torch"]
    return SummaryWriter


def _parse(line):
    try:
        return json.loads(line)
    except ValueError:
        return None


def _spread(values):
    """One value, or the mean and the range over replicas."""
    finite = values[np.isfinite(values)]
    if len(values) == 1 or not len(finite):
        return f"{values[0]:.4g}"
    return f"{finite.mean():.4g} [{finite.min():.4g}, {finite.max():.4g}]"


def _clock(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
