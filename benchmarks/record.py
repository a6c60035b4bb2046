"""The frame of every benchmark: command line, record, and timing of variants in turns.

A part has `parser()`, its options, and `measure(options)`, which returns the figures:

    if __name__ == "__main__":
        record.run("embedding", parser(), measure, compared_with=("torch", "onnxruntime"))

A record is one JSON object: the machine, `part`, `command`, further facts, `rows`, and the total `duration_seconds`. A
row has a `name` that is unique within the part, facts and, if something is timed, `seconds`: for each variant, ours
first, a list with the seconds of each round. The variants of a round run one after another, so that a busy moment of
the machine affects all of them; compare within rounds. `reading` computes medians, spreads and ratios. The record is
saved as `results/NAME.json`, or `results/NAME_gpu.json` or `results/NAME_tpu.json` where JAX runs on one.
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import re
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # leaves GPU memory to PyTorch and to other processes

import jax

from benchmarks import machine, reading

RESULTS = pathlib.Path(__file__).parent / "results"
PAUSE = 0.1  # seconds


def parser(description: str) -> argparse.ArgumentParser:
    """The options common to all parts.

    Args:
      description: the docstring of the part; its first line is shown.
    """
    made = argparse.ArgumentParser(description=description.splitlines()[0])
    made.add_argument("--write", action="store_true", help="save the record in benchmarks/results")
    return made


def run(
    part: str,
    parser: argparse.ArgumentParser,
    measure: Callable[[argparse.Namespace], dict],
    *,
    compared_with: Sequence[str] = (),
) -> None:
    """Measure a part with the options of the command line, print its record, and save it with `--write`.

    Args:
      part: its name, which is the name of its file.
      parser: of `parser`, with the options of the part.
      measure: options -> the figures, including `rows`.
      compared_with: installed packages whose versions are recorded.
    """
    options, began = parser.parse_args(), time.perf_counter()
    described = machine.describe()  # before this process adds to the load
    versions = {name: importlib.metadata.version(name) for name in compared_with}
    typed = [word for word in sys.argv[1:] if word != "--write"]
    command = shlex.join(["python", "-m", f"benchmarks.{part}", *typed])
    measured = measure(options)
    told = {"part": part, "command": command, "duration_seconds": round(time.perf_counter() - began, 1)}
    text = to_json(described | versions | told | measured)
    print(text)
    if options.write:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{reading.key(part, jax.default_backend())}.json").write_text(text + "\n")


def to_json(record: dict) -> str:
    """A record as text, each list of numbers on one line."""
    return re.sub(r"\[[^][{}]*\]", lambda found: " ".join(found[0].split()), json.dumps(record, indent=2))


def in_turns(
    calls: Mapping[str, Callable[[], object]], rounds: int, *, seconds: float = 0.0, queued: int = 1, warm: bool = False
) -> dict[str, list[float]]:
    """Seconds of each call in each round, after one untimed call of each.

    A short pause precedes each call, since the threads of some libraries keep spinning after their work is done.

    Args:
      calls: by name; a call returns when its work is done, also on an accelerator.
      rounds: each round times every call once and starts with a different one.
      seconds: more rounds are added until they took this long in total; for short calls.
      queued: repetitions within a call; the seconds are divided by it.
      warm: skip the untimed call.

    Returns:
      by name, a list with one entry per round.
    """
    for call in () if warm else calls.values():
        call()
    taken, names, began = {name: [] for name in calls}, list(calls), time.perf_counter()
    while len(taken[names[0]]) < rounds or time.perf_counter() - began < seconds:
        first = len(taken[names[0]]) % len(names)
        for name in names[first:] + names[:first]:
            time.sleep(PAUSE)
            started = time.perf_counter()
            calls[name]()
            taken[name].append(round((time.perf_counter() - started) / queued, 6))
    return taken
