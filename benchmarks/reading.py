"""Reads records and computes spreads, ratios within rounds, and tables, for `compare` and `page`."""

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np


class Spread(NamedTuple):
    """Median and spread of the rounds of a measurement.

    Attributes:
      median: of the rounds.
      low, high: quartiles; minimum and maximum if there are fewer than eight rounds.
      rounds: their number.
    """

    median: float
    low: float
    high: float
    rounds: int


def key(part: str, backend: str) -> str:
    """The name of a record: that of its part, followed by `_gpu` or `_tpu` where JAX ran on one."""
    return part if backend == "cpu" else f"{part}_{backend}"


def read(path: pathlib.Path) -> dict[str, dict]:
    """The record in a file, or all records in a folder, by `key`.

    Raises:
      FileNotFoundError: there is no record.
    """
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise FileNotFoundError(f"no record (*.json) in {path}")
    records = [json.loads(file.read_text()) for file in files]
    timed = [record for record in records if record["part"] != "aot"]  # those are `compiled`, not timed
    return {key(record["part"], record.get("backend", "cpu")): record for record in timed}


def spread(rounds: Sequence[float]) -> Spread:
    """Median and spread of these rounds."""
    ends = (25, 75) if len(rounds) >= 8 else (0, 100)  # quartiles of a few values mean little
    low, median, high = np.percentile(rounds, [ends[0], 50, ends[1]])
    return Spread(float(median), float(low), float(high), len(rounds))


def ratios(seconds: Mapping[str, Sequence[float]], name: str, other: str) -> list[float]:
    """The seconds of `name` divided by those of `other`, in each round."""
    return [one / two for one, two in zip(seconds[name], seconds[other], strict=True)]


def table(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table, padded so that the source is readable."""
    widths = [max(map(len, cells)) for cells in zip(columns, *lines, strict=True)]
    rows = [columns, ["-" * width for width in widths], *lines]
    padded = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows)
    return "\n".join(f"| {' | '.join(row)} |" for row in padded)
