"""The section of docs/performance.md on programs compiled for chips that are not here.

Its records are those of `perface aot --json=benchmarks/results/aot_NAME.json`. They depend on no machine, but for the
seconds of compilation.
"""

import json
import math
import pathlib
import re
from collections.abc import Mapping, Sequence

from benchmarks import reading

TEXT = """\
## Compiled for TPUs and an H200

**Nothing ran on these chips.** The programs were compiled for them on a computer without them, and the figures are what
`perface aot` reports ([pods.md](pods.md#before-you-rent-chips-perface-aot)), for one call on one chip:

- TFLOP counts convolutions and products, without the zeros around an image. GB is what kernels read from and write to
  main memory; what a TPU prefetches into its vector memory counts once.
- The roofline is a lower bound: each kernel at the chip's peak or at its full bandwidth, whichever takes longer.
- The estimate is that of libtpu's cost model, without communication. There is none for the GPU.
- The share of peak is reached if the estimate holds. On the GPU it belongs to the roofline, so it is an upper bound.
- Small kernels write less than 64 KiB; small all-reduces send less.

Rows marked "before" are those of commit e0e9434; where there is no other row, no later one was compiled. Since then:

- By the estimate, 13.6 ms of a step on TPUs were a copy of all 19,200 pictures into another order of axes, from which a
  few are gathered. They now lie in that order (`parallel.picture_place`).
- Norms read a batch once for their statistics, and devices share both statistics in one message, and the derivatives by
  both in another (`batch_norm.normalize_batch`).
- The check whether all parameters are finite sums all vectors at once.
- On the GPU, biases per pixel of the folded network are no longer written out for the whole batch: 12 GB fewer for 1024
  pictures (`kernels.barrier_on_gpu`).

- The mesh of a sweep is chosen by cost (`mesh_choice`): the 30 runs of table3 use 16 chips as 16 groups, two runs in
  turn, in the place of 2 groups of 8 chips with 15 runs in turn.

One run on more chips: r18, whose step compiles sooner, takes 9.17 ms by the estimate on 4 chips (8 triplets each) and
11.6 ms on 16 (2 triplets each), both without the 55 messages. `mesh_choice` therefore gives a chip at least 8 triplets
where it can.

The step of r50 for a v6e:1x1 has no row: libtpu 0.0.42.1 ended with a segmentation fault while it compiled it (tried
once, December 2026).

What is left, and why:

- The first stage has 64 channels, which fill half of a TPU's matrix unit, and XLA puts the 96 pictures of 32 triplets
  where 128 would fit. Most of the kernels that the record of one v5e lists as slowest belong to it. Embeddings lose
  most there, too.
- The derivative of the first norm is one of them: it reads 0.9 GB, among them the derivative of a strided shortcut,
  which is spread out with zeros in memory.
- The step on four chips sends 152 all-reduces. All gradients and the loss travel in 2 of them, and the norm of a
  shortcut in those of the norm beside it: XLA has combined whatever may be combined. The other 150 are those of
  the other 75 norms, one forward and one backward, and each waits for the one before. 60 all-reduces in a step of r50
  are therefore out of reach with `batch_norm=global`; `per_device` sends the gradients and the running statistics only.
- The same step misses 13 ms by the estimate. Its 24 pictures a chip leave the first block (112 x 112, 64 channels) at 8
  to 24% of peak, and the derivative of the first norm takes 0.8 ms.
- About 900 of the GPU's kernels stay small: the updates of 260 vectors, sums that XLA takes in two kernels, and the
  running statistics. They cost the time to start them, which no figure here contains.
"""
HEADS = ("", "chips", "GiB", "TFLOP", "GB", "roofline", "estimate", "of peak", "kernels (small)", "all-reduces (small)")


def read(folder: pathlib.Path) -> list[dict]:
    """The records of a folder, by name."""
    return [json.loads(file.read_text()) for file in sorted(folder.glob("aot_*.json"))]


def bound(records: Sequence[Mapping], program: str) -> str:
    """What the compiled program says of a GPU on which nothing was run."""
    if not program:
        return "not run, and without a bound: it times the host."
    rows = _on_gpu(records, program)
    if not rows:
        return "not run yet."
    told = (
        f"{row['what']}: at least {1000 * row['roofline_seconds']:.3g} ms ({row['share_of_peak']:.0%} of peak)"
        for row in rows
    )
    source = "[the program compiled for it](#compiled-for-tpus-and-an-h200)"
    return f"not run. Bounds of one {program} on an NVIDIA H200, from {source}: {'; '.join(told)}."


def share(records: Sequence[Mapping], program: str, what: str) -> float | None:
    """The largest share of peak that this program could reach on a GPU; None where it was not compiled."""
    return next((row["share_of_peak"] for row in _on_gpu(records, program) if row["what"] == what), None)


def _on_gpu(records, program):
    found = [record for record in records if record.get("topology") == "h200" and "before" not in record]
    return [row for one in found for row in one["rows"] if row["program"] == program and "memory_bytes" in row]


def section(records: Sequence[Mapping]) -> str:
    """The tables of these records; nothing if there are none."""
    if not records:
        return ""
    lines = [_line(record, row) for record in records for row in record["rows"]]
    sources = {f"{record['chip']['name']}: {record['chip']['source']}" for record in records}
    commands = dict.fromkeys(f"`{record['command']}`" for record in records)
    packages = ("jax", "libtpu", "jax-cuda12-plugin")
    versions = {f"{name} {record[name]}" for record in records for name in packages if name in record}
    told = [f"Compiled with {', '.join(sorted(versions))}."]
    told += ["", "Commands: " + "; ".join(commands) + "."]
    told += ["", "Peaks, memory and bandwidth: " + "; ".join(sorted(sources)) + "."]
    return "\n".join([TEXT, reading.table(HEADS, lines), "", *told, ""])


def _line(record: Mapping, row: Mapping) -> list[str]:
    chips = f"{math.prod(row['mesh'].values())} x {record['chip']['name']}"
    name = f"{_network(record)}{row['program']}, {row['what']}{', before' if 'before' in record else ''}"
    if "memory_bytes" not in row:
        return [name, chips, "does not fit", *[""] * 7]
    sums = [one for one in row["collectives"] if one["kind"] == "all-reduce"]
    count, small = (sum(one[field] for one in sums) for field in ("count", "small"))
    estimate = row.get("estimated_seconds")
    return [
        name,
        chips,
        f"{row['memory_bytes']['total'] / 2**30:.1f}",
        f"{row['tflop']:.3g}",
        f"{row['gbyte']:.3g}",
        f"{1000 * row['roofline_seconds']:.3g} ms",
        f"{1000 * estimate:.3g} ms" if estimate else "-",
        f"{row['share_of_peak']:.0%}",
        f"{row['kernels']:,} ({row['small_kernels']:,})",
        f"{count} ({small})" if count else "0",
    ]


def _network(record: Mapping) -> str:
    """`r18: ` where the command names a network; the others are of r50."""
    found = re.search(r"--config\.model\.arch=(\w+)", record["command"])
    return f"{found[1]}: " if found else ""
