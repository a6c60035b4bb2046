"""The log of a run: lines on the terminal, `log.jsonl`, and TensorBoard files, one TensorBoard run for each replica.

The sums of the steps stay on the device and are fetched once per log point, by `Progress.flush` alone. A log that
cannot be written does not end the run: it warns once. Only at the start is an OSError raised.
"""

import json
import textwrap
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from etils import epath

from perface_jax import parallel
from perface_jax.files import write_text
from perface_jax.progress_bar import duration
from perface_jax.training import checkpoint_choice
from perface_jax.training.tensorboard import Board

NUMBERS = {"loss": "loss", "correct": "training_accuracy", "active": "active_rows"}
SHOWN = {"training_accuracy": "accuracy", "active_rows": ""}  # on the terminal, whose lines are short
WORTH = {"best_validation": "best", "held_out_validation": "held_out", "optimism": "optimism"}


class Progress:
    """The log of a run from step `first` to `last`, a context. On several hosts, only the first one writes.

    `names` are those of the replicas, "" for a single run. Lines of steps after `first`, from a start that was
    interrupted, are removed. There is a log point after `every` steps.
    """

    def __init__(
        self, workdir: epath.Path, names: Sequence[str], *, first: int, last: int, every: int, tensorboard: bool
    ):
        self._file, self._names, self._first, self._last, self._every = workdir / "log.jsonl", names, first, last, every
        self._writes = jax.process_index() == 0
        self._seen, self._sums, self._since = first, None, time.perf_counter()
        self._compiled: tuple[int, float] | None = None  # the step and the time at which the first call was done
        self._estimated = False
        self._frozen: set[str] = set()  # the replicas known to have diverged
        self._failed: set[str] = set()
        if self._writes:
            self._forget_after(first)
        self._boards: dict[str, Board] = {}
        for name in names if tensorboard else ():
            self._attempt("TensorBoard files", self._open_board, name)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for board in self._boards.values():
            self._attempt("TensorBoard files", board.close)

    def after_steps(self, step: int, count: int, sums: dict[str, jax.Array], diverged: jax.Array) -> None:
        """Add the sums of the `count` steps up to `step`; at a log point, write their means."""
        self._sums = sums if self._sums is None else jax.tree.map(jnp.add, self._sums, sums)
        if not self._estimated:
            self._estimate(step, sums)
        if step // self._every > (step - count) // self._every:
            self.flush(step, diverged)

    def flush(self, step: int, diverged: jax.Array) -> None:
        """Write the means of the steps since the last time, and which replicas have diverged.

        Raises:
          FloatingPointError: all replicas have diverged.
        """
        if self._sums is None:
            return
        sums, diverged = parallel.fetch((self._sums, diverged), replicas=len(self._names))
        now = time.perf_counter()
        means = {name: sums[key] / np.where(sums["count"] == 0, np.nan, sums["count"]) for key, name in NUMBERS.items()}
        for i in map(int, np.flatnonzero(diverged >= 0)):
            if (name := self._names[i] or "the run") not in self._frozen:
                self._frozen.add(name)
                self.note(int(diverged[i]), diverged=name)
        if (diverged >= 0).all():
            pairs = zip(self._names, diverged, strict=True)
            which = "; ".join(f"step {at}" + (f" of {name}" if name else "") for name, at in pairs)
            raise FloatingPointError(
                f"{which} gave a loss or a parameter that is not finite: the run diverged, as seen"
                f" between steps {self._seen} and {step}. Lower config.learning_rate; states saved before that,"
                " if any, are in the workdir's checkpoints."
            )
        self._write(step, means, self._pace(step, float(sums["count"].sum()), now))
        self._seen, self._sums, self._since = step, None, now

    def validated(self, step: int, scores: np.ndarray, by_source: Sequence[Mapping[str, Any]] = ()) -> None:
        """Write the validation score of each replica, and (right triplets, triplets) of each of its sources, if any."""
        facts = [{"validation_by_source": one} for one in by_source] if any(by_source) else []
        self._write(step, {"validation_accuracy": scores}, facts=facts)

    def chosen(self, step: int) -> None:
        """At the end, write what the best validation score of each replica is worth (`checkpoint_choice`)."""
        self._attempt("what the best score is worth", self._write_choices, step)

    def note(self, step: int, *, shown: bool = True, **facts) -> None:
        """Write one line about the whole run, and print it where it is `shown`."""
        self._append([{"step": step, **facts}])
        if shown:
            self._print(step, *(f"{key.replace('_', ' ')}: {value}" for key, value in facts.items()))

    def say(self, *lines: str) -> None:
        """Print lines, and write nothing."""
        self._attempt("lines on the terminal", lambda: print("\n".join(lines), flush=True))

    def _estimate(self, step, sums):
        """Wait for the first two calls; the first one compiles, and the second one tells how long the others take."""
        started = self._since if self._compiled is None else self._compiled[1]
        jax.block_until_ready(sums)
        now = time.perf_counter()
        if self._compiled is None:
            self._compiled, self._since = (step, now), now
            steps = f"the first {step - self._first:,} steps" if step - self._first > 1 else "the first step"
            self.say(f"{steps} took {now - started:.0f} s, compiling included")
            return
        self._estimated = True
        left = (self._last - step) * (now - started) / (step - self._compiled[0])
        self.say(f"the {self._last - step:,} steps left take about {duration(left)}, validations aside")

    def _pace(self, step, rows, now):
        """Rows a second since the last log point, and the time left; what the first call took to compile is no part."""
        first, since = self._compiled or (step, now)
        if step == first:
            return ""
        timed = (step - max(self._seen, first)) / (step - self._seen)  # the share of the rows that was timed
        left = (self._last - step) * (now - since) / (step - first)
        return f"{rows * timed / (now - self._since):.3g} rows/s  {duration(left)} left"

    def _write(self, step, numbers, rest="", facts=()):
        """Numbers of each replica: the finite ones to log.jsonl and TensorBoard, mean and range to the terminal.

        `facts` of each replica go to log.jsonl only.
        """
        finite = {
            name: {key: float(values[i]) for key, values in numbers.items() if np.isfinite(values[i])}
            for i, name in enumerate(self._names)
        }
        finite = {name: mine for name, mine in finite.items() if mine}
        facts = dict(zip(self._names, facts, strict=True)) if facts else {}
        lines = [(name, mine | facts.get(name, {})) for name, mine in finite.items()]
        self._append([{"step": step} | ({"replica": name} if name else {}) | mine for name, mine in lines])
        for name in finite.keys() & self._boards.keys():
            self._attempt("TensorBoard files", self._boards[name].add, step, finite[name])
        shown = {SHOWN.get(name, name): values for name, values in numbers.items()}
        self._print(
            step, *(f"{name.replace('_', ' ')} {_spread(values)}" for name, values in shown.items() if name), rest
        )

    def _write_choices(self, step):
        if found := checkpoint_choice.from_log(read_log(self._file)):
            choices = [found.get(name) for name in self._names]
            self._write(step, {name: np.array([getattr(choice, field, np.nan) for choice in choices])
                               for name, field in WORTH.items()})  # fmt: skip

    def _print(self, step, *parts):
        self.say(*_lines(f"step {step}/{self._last}", [part for part in parts if part]))

    def _append(self, lines):
        # After a failure the file may end in half a line, which a line break sets apart.
        text = "\n" * (self._file.name in self._failed) + "".join(f"{json.dumps(line)}\n" for line in lines)

        def append():
            with self._file.open("a") as file:
                file.write(text)

        self._attempt(self._file.name, append)

    def _open_board(self, name):
        self._boards[name] = Board(self._file.parent / "tensorboard" / name, first=self._first + 1)

    def _attempt(self, log: str, write: Callable, *arguments) -> None:
        if not self._writes:
            return
        try:
            write(*arguments)
        except Exception as error:  # of files, terminals and TensorBoard, in many kinds
            if log not in self._failed:
                warnings.warn(f"{log} cannot be written, the run goes on: {error}", stacklevel=3)
            self._failed.add(log)

    def _forget_after(self, step):
        """Remove what will be written again: later lines, half a line of a killed process, validation at `step`."""
        if not self._file.exists():
            return
        kept = [line for line in read_log(self._file) if line["step"] <= step]
        again = "validation_accuracy", *WORTH
        kept = [line for line in kept if line["step"] < step or not any(name in line for name in again)]
        write_text(self._file, "".join(f"{json.dumps(line)}\n" for line in kept))
        self._frozen = {line["diverged"] for line in kept if "diverged" in line}


def read_log(file: epath.Path) -> list[dict]:
    """The lines of a log.jsonl, without half lines of a killed process or of a running one."""
    text = file.read_bytes().decode(errors="replace")
    return [line for line in map(_parse, text.splitlines()) if isinstance(line, dict) and "step" in line]


def _parse(line):
    try:
        return json.loads(line)
    except ValueError:
        return None


def _lines(head, parts):
    """Parts behind one head, in lines of 80 columns."""
    lines = [head]
    for part in parts:
        if len(lines[-1]) + 2 + len(part) > 80 and lines[-1].strip() != head:
            lines.append(" " * len(head))
        lines[-1] += f"  {part}"
    return [textwrap.fill(line, 80, subsequent_indent=" " * (len(head) + 2), break_long_words=False) for line in lines]


def _spread(values):
    """One value, or the mean and the range over replicas."""
    finite = values[np.isfinite(values)]
    if len(values) == 1 or not len(finite):
        return f"{values[0]:.4g}"
    return f"{finite.mean():.4g} [{finite.min():.3g}, {finite.max():.3g}]"
