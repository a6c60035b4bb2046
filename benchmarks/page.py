"""Writes docs/performance.md: the text is here, every figure comes from the records in `benchmarks/results`.

    python -m benchmarks.page [--check]

`--check` writes nothing and exits with 1 if the page on disk is out of date.
"""

import argparse
import functools
import itertools
import pathlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks import compiled, reading, targets
from benchmarks.record import RESULTS

PAGE = pathlib.Path(__file__).parent.parent / "docs" / "performance.md"
OPENING = """\
# Performance

For anyone who asks how fast it is, compared with what. `python -m benchmarks.page` writes this page from the records
in `benchmarks/results`. `make bench` measures again; `python -m benchmarks.compare OLD NEW` lists what became slower or
uses more memory. "GPU: not run" also means that no GPU-specific code of that benchmark was tested.

The variants of a row ran in one process, in turns: each was timed once per round. A cell shows the median over rounds,
then in brackets the quartiles (the range if there were fewer than eight rounds), then the slowdown relative to the
first variant: the median over rounds of the ratio, above 1 where the first variant is faster. The duration after each
command includes compilation.

## Targets

The figures are those of the tables below: medians of per-round ratios and of seconds.
"""
VERSIONS = ("python", "jax", "torch", "onnxruntime", "numpy", "faiss-cpu")
UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
Column = Callable[[dict, dict], str]  # (row, record) -> cell; "" where there is no such figure


class Part(NamedTuple):
    """A section of the page.

    Attributes:
      title: heading.
      text: what is measured and how to read it.
      columns: further columns of the table, by heading.
      facts: figures of the whole record: headings by field.
      accelerator: whether it is to be measured on a GPU as well.
      program: of `perface aot`, which gives a bound where no GPU was there; "" if the host is what is timed.
      ratios: whether the variants of a row do the same work.
    """

    title: str
    text: str
    columns: Mapping[str, Column] = {}
    facts: Mapping[str, str] = {}
    accelerator: bool = True
    program: str = ""
    ratios: bool = True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if the page is out of date")
    options, text = parser.parse_args(), make(reading.read(RESULTS), compiled.read(RESULTS))
    if not options.check:
        PAGE.write_text(text)
    elif not PAGE.exists() or PAGE.read_text() != text:
        sys.exit(f"{PAGE.name} is out of date; run python -m benchmarks.page")


def make(records: Mapping[str, dict], aot: Sequence[Mapping] = ()) -> str:
    """The text of the page, from the records of `reading.read` and those of `compiled.read`."""
    sections = (_section(name, part, records, aot) for name, part in PARTS.items())
    return (
        "\n".join([OPENING, targets.table(records, aot) + "\n", *sections, compiled.section(aot)]).rstrip("\n") + "\n"
    )


def _section(name, part, records, aot):
    found = {"CPU": records.get(name)}
    if part.accelerator:
        found["GPU"] = records.get(reading.key(name, "gpu"))
    if reading.key(name, "tpu") in records:
        found["TPU"] = records[reading.key(name, "tpu")]
    missing = {"CPU": "not run yet.", "GPU": compiled.bound(aot, part.program)}
    shown = (f"{on}: {missing[on]}\n" if one is None else f"{on}: {_record(part, one)}" for on, one in found.items())
    return "\n".join([f"## {part.title}\n", f"{part.text}\n", *shown])


def _record(part, record):
    """The provenance of the figures, and the tables."""
    facts = [f"{head} {record[field]:,}" for field, head in part.facts.items() if field in record]
    command = record.get("command", f"python -m benchmarks.{record['part']}")
    told = [f"`{command}`{_duration(record)}", _machine(record), *facts, *sorted({*_missing(record)})]
    # Rows with the same variants share a table.
    groups = itertools.groupby(sorted(record["rows"], key=_place(record)), key=_variants)
    tables = (_table(part, record, variants, list(rows)) for variants, rows in groups)
    return "\n".join([f"{'; '.join(told)}.\n", *tables])


def _duration(record):
    if "duration_seconds" not in record:
        return ", duration not recorded"
    return f", {record['duration_seconds'] / 60:.1f} minutes"


def _machine(record):
    versions = [f"{name} {record[name]}" for name in VERSIONS if name in record]
    machine = f"{record.get('processor', record.get('machine'))}, {record['device']}"
    if record.get("backend", "cpu") != "cpu":
        machine += f" x {record['devices']}"
    cores = f", {record['cores']} cores, load {record['load_average']} before it began" if "cores" in record else ""
    return f"{machine}{cores}; commit {record.get('commit', 'not recorded')}; {', '.join(versions)}"


def _missing(record):
    for row in record["rows"]:
        yield from (f"{name} did not run: {why}" for name, why in row.get("not_run", {}).items())


def _variants(row):
    return (*row.get("seconds", {}), *row.get("not_run", {}))


def _place(record):
    order = list(dict.fromkeys(map(_variants, record["rows"])))
    return lambda row: order.index(_variants(row))


def _table(part, record, variants, rows):
    cells = {head: [column(row, record) for row in rows] for head, column in part.columns.items()}
    cells = {head: column for head, column in cells.items() if any(column)}
    times = [[_time(row.get("seconds", {}), variant, ratio=part.ratios) for variant in variants] for row in rows]
    beside = zip(*cells.values(), strict=True) if cells else itertools.repeat(())
    lines = [[row["name"], *time, *more] for row, time, more in zip(rows, times, beside, strict=False)]
    return reading.table(["", *variants, *cells], lines) + "\n"


def _time(seconds, name, *, ratio):
    """`130 ms [128, 135] 1.41x`."""
    if name not in seconds:
        return "-"
    seen, first = reading.spread(seconds[name]), next(iter(seconds))
    unit, letters = next((pair for pair in UNITS if seen.median >= pair[0]), UNITS[-1])
    median, low, high = (f"{value:.3g}" if value < 1000 else f"{value:,.0f}" for value in np.divide(seen[:3], unit))
    text = f"{median} {letters}" + (f" [{low}, {high}]" if seen.rounds > 1 else "")
    if not ratio or name == first:
        return text
    return f"{text} {np.median(reading.ratios(seconds, name, first)):.2f}x"


def _field(*path: str, form: str = ",") -> Column:
    """The value at this path of a row."""

    def column(row, record):
        for name in path:
            row = row.get(name, {})
        return f"{row:{form}}" if row != {} else ""

    return column


def _per_second(work: Callable[[dict, dict], float], *, variant: str = "", form: str = ",.4g") -> Column:
    """Work per second of the first or the named variant; `work` computes it from row and record."""

    def column(row, record):
        seconds = row.get("seconds", {})
        name = variant or next(iter(seconds), "")
        return f"{work(row, record) / reading.spread(seconds[name]).median:{form}}" if name in seconds else ""

    return column


def _share(part: str, whole: Callable[[float, float], float], other: str) -> Column:
    """The median over rounds of a share, computed from the seconds of two variants."""

    def column(row, record):
        seconds = row.get("seconds", {})
        if part not in seconds or other not in seconds:
            return ""
        pairs = zip(seconds[part], seconds[other], strict=True)
        return f"{np.median([whole(one, two) for one, two in pairs]):.1%}"

    return column


def _accessed(row, record):
    """Bytes per second of the first variant, in GB/s."""
    name = next(iter(row.get("seconds", {})), "")
    gbyte = row.get("gbyte_accessed", {}).get(name)
    return f"{gbyte / reading.spread(row['seconds'][name]).median:,.4g}" if gbyte else ""


def _losses(row, record):
    """The largest difference between losses of the same step, relative to the first variant's largest loss."""
    if "losses" not in row:
        return ""
    first, *others = row["losses"].values()
    pairs = itertools.chain.from_iterable(zip(first, other, strict=False) for other in others)
    return f"{max(abs(two - one) for one, two in pairs) / (max(first) or 1.0):.0e}"


def _phases(*path: str) -> Column:
    """Seconds by phase or by variant, in one cell."""

    def column(row, record):
        phases = functools.reduce(lambda found, name: found.get(name, {}), path, row)
        return ", ".join(f"{name} {round(float(np.median(seconds)), 1):g}" for name, seconds in phases.items())

    return column


def _work(unit: str) -> dict[str, Column]:
    """Operations per second, their share of the rate of a matrix product, and bytes per second."""

    def gflop(row, record):
        return row["batch"] * row[f"gflop_per_{unit}"]

    return {
        f"{unit}s/s": _per_second(lambda row, record: row["batch"]),
        "GFLOP/s": _per_second(gflop),
        "of the matrix rate": _per_second(
            lambda row, record: gflop(row, record) / record["matrix_gflop_per_second"], form=".0%"
        ),
        "GB/s": _accessed,
    }


MATRIX = {"matrix_gflop_per_second": "GFLOP/s of a matrix product:"}
PARTS = {
    "embedding": Part(
        "Embedding",
        """\
From normalized images in memory to embeddings on the host. `perface_jax` folds the norms into the convolutions;
`unfolded` is the model as trained. PyTorch runs the same weights eagerly in both memory layouts, and compiled. ONNX
Runtime runs the exported network; the exporter folds the norms that follow a convolution, but not those that precede
one.

The rows of batch 1 precede a faster last layer: the product of a single picture with 25,088 x 512 weights, which XLA
computed on one core, is now divided among the cores (`folding`). The next section is newer.

GFLOP/s counts the operations of direct convolutions and the linear layer, two per multiply-add. On CPUs our Winograd
convolutions multiply less, so the share of the matrix rate can exceed 100%. The matrix rate was measured once, before
the rows, so shares are approximate on a machine whose speed varies. GB/s counts the bytes that the operations of our
program read and write according to XLA, including those served from caches. The largest difference compares our
embeddings with PyTorch's float32 embeddings on the CPU, relative to the largest value.""",
        _work("picture") | {"largest difference": _field("largest_difference", "perface_jax", form=".0e")},
        MATRIX,
        program="embedding",
    ),
    "exported": Part(
        "Exported networks",
        """\
From uint8 pictures to embeddings on the host: the library, the ONNX file of `perface export` in ONNX Runtime, and its
StableHLO file in JAX.""",
        {
            "difference, ONNX Runtime": _field("largest_difference", "ONNX Runtime", form=".0e"),
            "difference, StableHLO": _field("largest_difference", "StableHLO", form=".0e"),
            "bytes of ONNX": _field("onnx_bytes"),
            "bytes of StableHLO": _field("stablehlo_bytes"),
        },
        accelerator=False,
    ),
    "training_step": Part(
        "Training step",
        """\
From the uint8 images of B triplets to the next state: normalization, one forward pass of 3 B images with batch
statistics, the cosine triplet loss, its gradients, SGD with momentum and weight decay. All variants start from the same
weights and train on the same batch repeatedly; "losses differ by" is the largest difference between variants in any
step, relative to the largest loss. `remat` recomputes the activations of each block instead of storing them. MiB is the
memory of the compiled program apart from state and batch. Operations and bytes are counted as above.

The ratio to PyTorch's eager step depends on the processor. Before wide convolutions and their derivatives used
Winograd's algorithm, our step was 1.10 times as fast on an AMD EPYC (commit 16bddbf) and 0.89 times as fast on an Intel
Xeon, where PyTorch's convolutions use AVX-512 (commit 787953b).

With `--largest` (the default on a GPU) the batch is doubled until a step no longer fits into memory, or halved until
one fits, each trial in its own process, for our step, our step with `remat`, and compiled PyTorch. Each gets a row for
its largest batch, with its total memory and the reason why twice as many triplets did not fit.""",
        _work("triplet")
        | {
            "MiB": _field("working_memory_mib", "perface_jax", form=",.0f"),
            "MiB with remat": _field("working_memory_mib", "perface_jax remat", form=",.0f"),
            "losses differ by": _losses,
            "triplets": _field("largest_batch"),
            "MiB in all": _field("memory_mib", "a step", form=",.0f"),
            "twice as many": _field("twice_as_many", form=""),
        },
        MATRIX,
        program="step",
    ),
    "layers": Part(
        "Layer by layer",
        """\
Single layers of IR-ResNet50, to justify how they are computed on CPUs. Each of our formulations is compared with the
plain one compiled with the same options (the effect of the formulation), with the plain one compiled with XLA's
defaults (the effect of `compilation.options`), and with eager PyTorch in both memory layouts. Sizes are height, width
and channels of a layer's input.

- Convolution, 3x3 with stride 1, and its gradients with respect to images and kernel: Winograd's algorithm needs 16
  multiplications instead of 36, so `folding` and training use `winograd`. Larger batches gain more; see the training
  step.
- Gradients of a strided 3x3 convolution with respect to images and kernel: `convolution.convolve` avoids XLA's
  multiplications by zero.
- Sum over rows, per channel: `kernels` adds slices and multiplies by ones instead of using XLA's reduction.
- Norm + PReLU, forward and backward: batch statistics, values and all derivatives; the hand-written derivative in
  `batch_norm` against JAX's derivative of the formula.
- Filter gradient of a 3x3 convolution with stride 1: outside of loops XLA finds our formulation itself, so only the
  options matter: by default XLA passes it to YNNPACK.

The largest difference is that of any other result from ours, relative to the largest value.""",
        {"largest difference": _field("largest_difference", form=".0e")},
        accelerator=False,
    ),
    "epoch": Part(
        "Whole epoch",
        """\
One pass over images stored on the device, as the trainer makes it (planning, calls, logging), against the same steps on
batches placed in advance. The difference is the cost of the host.""",
        {"share of the host": _share("epoch", lambda epoch, steps: (epoch - steps) / epoch, "steps")},
        program="step",
    ),
    "sweep": Part(
        "Sweep",
        """\
One step of R runs in one program, against R steps of one run in sequence. On a CPU the virtual devices share the cores,
so at best the program takes as long as the single runs together.""",
        {"programs compiled": _field("compilations"), "first call, s": _field("first_call_seconds")},
        program="step",
    ),
    "devices": Part(
        "Devices",
        """\
One run with the same global batch divided over more and more devices: the gain or cost of data parallelism. On a CPU
the virtual devices share the cores, so at best the time stays the same.""",
        {"first call, s": _phases("first_call_seconds")},
        program="step",
    ),
    "input": Part(
        "Input",
        """\
First each stage for a single batch in one thread (decoding and resizing happen once, when the data set is built). Then
many batches as training reads them, from disk with prefetching and from images on the device. Then the steps of a small
network, with the time each step waited for its batch.""",
        {
            "triplets/s": _field("triplets_per_second"),
            "triplets/s, disk": _per_second(
                lambda row, record: row["batches"] * record["batch_size"], variant="disk, warm"
            ),
            "triplets/s, resident": _per_second(
                lambda row, record: row["batches"] * record["batch_size"], variant="resident"
            ),
            "share of waiting": _share("waiting", lambda waiting, step: waiting / (waiting + step), "step"),
        },
        {
            "build_triplets_per_second": "triplets built a second:",
            "stored_bytes_per_triplet": "stored bytes of a triplet:",
        },
        ratios=False,
    ),
    "selection": Part(
        "Groups and the least similar faces",
        """\
STEP 2 selects the K least similar of N faces for every original, against NumPy and faiss. STEP 1 computes the distance
of every original to groups that have N faces in total. Memory is the peak of the process minus the gallery, including
Python and JAX. The error of a rank is the similarity, in float64, of the face at that rank minus that of the face that
belongs there.

NumPy's selection is a product and `argpartition`; faiss takes the product in its own way. Ours is the product, done in
parts that stay in the caches; ranking adds little, since only the blocks of faces with the lowest minima are ranked.
So a product of float32 matrices, which NumPy computes as well, bounds how much faster than NumPy it can be.""",
        {
            "peak MiB above the gallery": _field("peak_mib_above_the_gallery"),
            "largest error of a rank": _field("largest_error_of_rank", form=".0e"),
            "largest difference from NumPy": _field("largest_difference", form=".0e"),
        },
        program="selection",
    ),
    "startup": Part(
        "Start",
        """\
Seconds from the start of `train.py` to its first step, done or only dispatched, each in its own process: first with an
empty folder of programs, then with the folder that the first start filled. The start is validated after the first step
and not part of it; its program is made while the step computes. JAX's own times lie within the phases; `tracing` counts
nested functions twice.

A cold start is mostly compilation: XLA's passes over thousands of operations, then code generation for every kernel. A
warm start traces nothing, because the traced programs are on disk as well (`training/stored_traces.py`). What is left
is mostly the step itself, then loading its compiled kernels, imports, and weights, whose hashes are checked.
""".rstrip(),
        {
            "cold, in seconds": _phases("parts", "cold"),
            "of these JAX": _phases("compiling", "cold"),
            "CPU seconds so far, cold": _phases("cpu_seconds", "cold"),
            "warm, in seconds": _phases("parts", "warm"),
            "of these JAX, from its cache": _phases("compiling", "warm"),
            "CPU seconds so far, warm": _phases("cpu_seconds", "warm"),
        },
    ),
    "embed_folder": Part(
        "A folder of pictures",
        """\
`embed_folder` on JPEGs with a thin network, each number of files in its own process: memory must not grow with the
number of files.""",
        {"pictures/s": _per_second(lambda row, record: row["pictures"]), "peak MiB": _field("peak_mib")},
        accelerator=False,
    ),
    "renderer": Part(
        "Drawn faces",
        "The renderer of the synthetic world, on batches of different people. Target: 300 faces per second.",
        {"faces/s": _per_second(lambda row, record: row["batch_size"]), "compiled in, s": _field("compile_seconds")},
        accelerator=False,
    ),
    "replicas": Part(
        "Replicas on one device",
        """\
Gradients of R replicas of a small network on one CPU device: in a loop, as in `parallel.spmd`, unrolled, or under
`vmap`. The loop is the smallest program. It is fast because `convolution` writes out the derivative of a convolution
with respect to its kernel; with JAX's derivative the loop took 11 and 19 times as long as the unrolled program.""",
        {"compiled in, s": _phases("compile_seconds")},
        accelerator=False,
    ),
    "million_triplets": Part(
        "A million triplets",
        """\
Votes on 1,000 sources x 1,000 targets, three columns, one of them in another row order, and two models. Every step
runs once, compilation included, in the order of the rows. The audit searches the row orders of all columns and makes
all its intervals. The scores include triplet scores of 512-dimensional embeddings, soft scores, agreement, best
achievable accuracy and calibration. The intervals are two-way cluster-robust, with a paired test, and two bootstraps of
2,000 resamples. Dawid-Skene has a million votes of 300 annotators. The peak is that of the process so far;
CPU seconds are those of all threads.""",
        {"CPU seconds": _field("cpu_seconds"), "peak MiB": _field("peak_mib")},
        accelerator=False,
    ),
}

if __name__ == "__main__":
    main()
