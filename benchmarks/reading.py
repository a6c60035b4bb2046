"""Records read: spreads, ratios within rounds, tables. What `compare` and `page` are made of."""

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np


class Spread(NamedTuple):
    """Where the rounds of a measurement lie.

    Attributes:
      median: of the rounds.
      low, high: their quartiles; the smallest and the largest of fewer than eight rounds.
      rounds: how many.
    """

    median: float
    low: float
    high: float
    rounds: int


def key(part: str, backend: str) -> str:
    """The name of a record: that of its part, with `_gpu` or `_tpu` behind it where JAX did not run on the CPU."""
    return part if backend == "cpu" else f"{part}_{backend}"


def read(path: pathlib.Path) -> dict[str, dict]:
    """The record in a file, or all records in a folder, by `key`.

    Raises:
      FileNotFoundError: nothing there.
    """
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise FileNotFoundError(f"no record (*.json) in {path}")
    records = [json.loads(file.read_text()) for file in files]
    return {key(record["part"], record.get("backend", "cpu")): record for record in records}


def spread(rounds: Sequence[float]) -> Spread:
    """Where these rounds lie."""
    ends = (25, 75) if len(rounds) >= 8 else (0, 100)  # quartiles of a few say little
    low, median, high = np.percentile(rounds, [ends[0], 50, ends[1]])
    return Spread(float(median), float(low), float(high), len(rounds))


def ratios(seconds: Mapping[str, Sequence[float]], name: str, other: str) -> list[float]:
    """How many times as long `name` takes as `other`, in each round."""
    return [one / two for one, two in zip(seconds[name], seconds[other], strict=True)]


def table(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Markdown, padded to be read as it is."""
    widths = [max(map(len, cells)) for cells in zip(columns, *lines, strict=True)]
    rows = [columns, ["-" * width for width in widths], *lines]
    padded = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows)
    return "\n".join(f"| {' | '.join(row)} |" for row in padded)
