"""Targets of the benchmarks, and whether the records reach them."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks import compiled, reading

LAYOUTS = ("PyTorch contiguous", "PyTorch channels_last")


class Target(NamedTuple):
    """The target of one figure of one row.

    Attributes:
      record: its `reading.key`.
      row: its name, or the beginning of the name up to a comma.
      what: description of the figure.
      figure: (row, record) -> its value; raises KeyError if the row lacks the data.
      wanted: the bound.
      most: whether it is an upper bound.
      percent: whether the figure is a share.
      compiled: program and size of `perface aot` whose share of peak bounds the figure while it is not run.
    """

    record: str
    row: str
    what: str
    figure: Callable[[dict, dict], float]
    wanted: float
    most: bool = False
    percent: bool = False
    compiled: tuple[str, str] = ("", "")


def table(records: Mapping[str, dict], aot: Sequence[Mapping] = ()) -> str:
    """All targets as a Markdown table, with `reached`, `not reached`, `did not run` or `not run yet`."""
    heads = ["target", "on", "figure", "wanted", "measured", "verdict"]
    return reading.table(heads, [_line(one, records, aot) for one in TARGETS])


def _line(target, records, aot):
    form = ".1%" if target.percent else ".3g"
    part = target.record.removesuffix("_gpu")
    told = [f"{part}: {target.row}", "GPU" if target.record != part else "CPU", target.what]
    wanted = f"{'at most' if target.most else 'at least'} {target.wanted:{'.0%' if target.percent else 'g'}}"
    row, record = _row(target, records)
    try:
        found = target.figure(row, record)
    except KeyError as missing:
        bound = compiled.share(aot, *target.compiled)
        can_be = "" if bound is None else f"{bound:{form}} at most"
        return [*told, wanted, can_be, "did not run" if missing.args[0] in row.get("not_run", ()) else "not run yet"]
    reached = found <= target.wanted if target.most else found >= target.wanted
    return [*told, wanted, f"{found:{form}}", "reached" if reached else "not reached"]


def _row(target, records):
    """The row of a target (empty if there is none) and its record."""
    record = records.get(target.record, {"rows": []})
    return next((row for row in record["rows"] if f"{row['name']},".startswith(f"{target.row},")), {}), record


def _against(*others: str, ours: str = "perface_jax") -> Callable[[dict, dict], float]:
    """Seconds of the fastest other variant divided by ours: the median of the ratios within rounds."""

    def figure(row, record):
        return min(float(np.median(reading.ratios(row["seconds"], other, ours))) for other in others)

    return figure


def _matrix_share(unit: str, variant: str = "perface_jax") -> Callable[[dict, dict], float]:
    """Operations per second of a variant, divided by the rate of a matrix product."""

    def figure(row, record):
        seconds = reading.spread(row["seconds"][variant]).median
        return row["batch"] * row[f"gflop_per_{unit}"] / seconds / record["matrix_gflop_per_second"]

    return figure


def _seconds(variant: str) -> Callable[[dict, dict], float]:
    return lambda row, record: reading.spread(row["seconds"][variant]).median


def _host_share(row, record):
    return 1 - _against("steps", ours="epoch")(row, record)


TARGETS = (
    *(
        Target("embedding", f"r50, batch {batch}", what, _against(*others), wanted)
        for batch in (8, 64)
        for what, others, wanted in (
            ("times as fast as PyTorch's better layout", LAYOUTS, 1.1),
            ("times as fast as ONNX Runtime", ("ONNX Runtime",), 0.9),
        )
    ),
    Target("exported", "r50, batch 1", "times as fast as ONNX Runtime", _against("ONNX Runtime"), 1.0),
    Target("training_step", "r50, batch 32", "times as fast as PyTorch's better layout", _against(*LAYOUTS), 1.0),
    Target(
        "sweep",
        "replicas: 8",
        "time of one program, of the sum of single runs",
        _against("one program", ours="one after another"),
        1.15,
        most=True,
    ),
    Target("sweep", "replicas: 8", "programs compiled", lambda row, record: row["compilations"], 1, most=True),
    *(
        Target("selection", f"least similar {k} of {faces}", what, _against(other), wanted)
        for faces in (100_000, 1_000_000)
        for k in (10, 100)
        for what, other, wanted in (("times as fast as NumPy", "NumPy", 3), ("times as fast as faiss", "faiss", 5))
    ),
    Target(
        "selection",
        "least similar 100 of 1000000",
        "MiB above the gallery",
        lambda row, record: row["peak_mib_above_the_gallery"],
        500,
        most=True,
    ),
    *(
        Target(
            "selection",
            f"4 groups of {faces}",
            f"times as fast as NumPy, {rule}",
            _against("NumPy, mean", ours=f"perface_jax, {rule}"),
            1,
        )
        for faces in (10_000, 100_000, 1_000_000)
        for rule in ("mean", "confidence limit")
    ),
    *(
        Target("startup", f"r50 from {start}", f"seconds to a first step, {stage}", _seconds(stage), wanted, most=True)
        for start in ("a model folder", "random weights")
        for stage, wanted in (("cold", 35), ("warm", 13), ("warm, dispatched", 6))
    ),
    Target(
        "million_triplets",
        "audit, scores, intervals and tests",
        "seconds for a million triplets",
        _seconds("perface_jax"),
        60,
        most=True,
    ),
    Target(
        "million_triplets",
        "audit, scores, intervals and tests",
        "MiB for a million triplets",
        lambda row, record: row["peak_mib"],
        4096,
        most=True,
    ),
    *(
        Target(
            "training_step_gpu",
            f"r50, batch {batch}",
            "times as fast as PyTorch compiled",
            _against("PyTorch compiled"),
            1.3,
        )
        for batch in (32, 128)
    ),
    Target(
        "training_step_gpu",
        "r50, largest batch of perface_jax",
        "of the rate of matrix products",
        _matrix_share("triplet", "a step"),
        0.35,
        percent=True,
        compiled=("step", "512 triplets"),
    ),
    Target(
        "embedding_gpu",
        "r50, batch 1024",
        "of the rate of matrix products",
        _matrix_share("picture"),
        0.45,
        percent=True,
        compiled=("embedding", "1024 pictures a device"),
    ),
    Target("epoch_gpu", "r50, 1 steps a call", "share of the host", _host_share, 0.03, most=True, percent=True),
)
