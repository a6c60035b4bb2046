"""What every part of the benchmarks shares: its command line, its record, and variants timed in turns.

A part has `parser()`, its options, and `measure(options)`, which returns the figures:

    if __name__ == "__main__":
        record.run("embedding", parser(), measure, compared_with=("torch", "onnxruntime"))

A record is one JSON object: what it ran on, `part`, `command`, further facts, `rows`, and `duration_seconds` of all of
it. A row has a `name` of its own within the part, facts, and where something is timed `seconds`: by variant, ours
first, a list with the seconds of each round. The i-th entries of all variants were measured one after another, so that
a machine that is busy at that moment is busy for all of them: who reads a record compares within rounds. Medians,
spreads and ratios are left to the reader (`reading`). It is kept as `results/NAME.json`, or where JAX does not run on
the CPU as `results/NAME_gpu.json` or `results/NAME_tpu.json`.
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

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # a GPU is for PyTorch and for other processes, too

import jax

from benchmarks import machine, reading

RESULTS = pathlib.Path(__file__).parent / "results"
PAUSE = 0.1  # seconds


def parser(description: str) -> argparse.ArgumentParser:
    """The options of a part, still without its own.

    Args:
      description: the docstring of the part; its first line is shown.
    """
    made = argparse.ArgumentParser(description=description.splitlines()[0])
    made.add_argument("--write", action="store_true", help="keep the record in benchmarks/results")
    return made


def run(
    part: str,
    parser: argparse.ArgumentParser,
    measure: Callable[[argparse.Namespace], dict],
    *,
    compared_with: Sequence[str] = (),
) -> None:
    """Measure a part as the command line says, print its record, and keep it with `--write`.

    Args:
      part: its name, that of its file.
      parser: of `parser`, with the options of the part.
      measure: options -> the figures, `rows` among them.
      compared_with: installed packages whose versions belong to the figures.
    """
    options, began = parser.parse_args(), time.perf_counter()
    described = machine.describe()  # before this process itself makes load
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
    """Seconds of each call in each round, after one call of each that is not timed.

    A short pause comes before each, as the threads of some libraries go on spinning after their work is done.

    Args:
      calls: by name; a call returns when its work is done, on an accelerator too.
      rounds: in each of which every call is timed once, starting with another one than the round before.
      seconds: rounds go on until they took this long altogether, for calls that are short.
      queued: how often each call does its work; the seconds are divided by it.
      warm: each was called before.

    Returns:
      by name, a list with one entry a round.
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
