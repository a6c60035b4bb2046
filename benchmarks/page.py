"""docs/performance.md from the records: the words stand here, every figure comes from `benchmarks/results`.

    python -m benchmarks.page [--check]

`--check` writes nothing, and exits with 1 when the page that is there is another one.
"""

import argparse
import functools
import itertools
import pathlib
import sys
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from benchmarks import reading, targets
from benchmarks.record import RESULTS

PAGE = pathlib.Path(__file__).parent.parent / "docs" / "performance.md"
OPENING = """\
# Performance

Made by `python -m benchmarks.page` from the records in `benchmarks/results`, not by hand. `make bench` measures anew;
`python -m benchmarks.compare OLD NEW` says what has become slower or takes more memory. Where it says "GPU: not run
yet", what the benchmark does differently on a GPU is untried, too.

What stands in one line ran in one process, in turns: in every round each variant was timed once. A time is the median
of the rounds, behind it their quartiles, or their whole range where they were fewer than eight. Then follows how many
times as long a variant takes as the first one, the median of the ratios within rounds: above 1, the first is faster.
How long a part takes, all compiling included, stands behind its command.

## Targets

Figures are those of the tables below: medians of ratios within rounds, and medians of seconds.
"""
VERSIONS = ("python", "jax", "torch", "onnxruntime", "numpy", "faiss-cpu")
UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
Column = Callable[[dict, dict], str]  # (row, record) -> cell; "" where there is no such figure


class Part(NamedTuple):
    """What the page says of a part.

    Attributes:
      title: a few words.
      words: what is measured, and how to read it.
      columns: figures beside the times, by head.
      facts: figures of the whole record: heads by field.
      accelerator: whether it is to be measured on a GPU, too.
      ratios: whether the variants of a row do the same work.
    """

    title: str
    words: str
    columns: Mapping[str, Column] = {}
    facts: Mapping[str, str] = {}
    accelerator: bool = True
    ratios: bool = True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when the page is another one")
    options, text = parser.parse_args(), make(reading.read(RESULTS))
    if not options.check:
        PAGE.write_text(text)
    elif not PAGE.exists() or PAGE.read_text() != text:
        sys.exit(f"{PAGE.name} is not what the records say: python -m benchmarks.page")


def make(records: Mapping[str, dict]) -> str:
    """The page from the records of `reading.read`."""
    sections = (_section(name, part, records) for name, part in PARTS.items())
    return "\n".join([OPENING, targets.table(records) + "\n", *sections])


def _section(name, part, records):
    found = {"CPU": records.get(name)}
    if part.accelerator:
        found["GPU"] = records.get(reading.key(name, "gpu"))
    if reading.key(name, "tpu") in records:
        found["TPU"] = records[reading.key(name, "tpu")]
    shown = (f"{on}: not run yet.\n" if one is None else f"{on}: {_record(part, one)}" for on, one in found.items())
    return "\n".join([f"## {part.title}\n", f"{part.words}\n", *shown])


def _record(part, record):
    """Where the figures come from, and the tables."""
    facts = [f"{head} {record[field]:,}" for field, head in part.facts.items() if field in record]
    command = record.get("command", f"python -m benchmarks.{record['part']}")
    told = [f"`{command}`{_duration(record)}", _machine(record), *facts, *sorted({*_missing(record)})]
    # Rows with other variants have a table of their own.
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
    """What stands in a row under these names."""

    def column(row, record):
        for name in path:
            row = row.get(name, {})
        return f"{row:{form}}" if row != {} else ""

    return column


def _per_second(work: Callable[[dict, dict], float], *, variant: str = "", form: str = ",.4g") -> Column:
    """Work a second, of the first variant or of another one; how much work it is follows from row and record."""

    def column(row, record):
        seconds = row.get("seconds", {})
        name = variant or next(iter(seconds), "")
        return f"{work(row, record) / reading.spread(seconds[name]).median:{form}}" if name in seconds else ""

    return column


def _share(part: str, whole: Callable[[float, float], float], other: str) -> Column:
    """The median over rounds of a share of time, made of the seconds of two variants."""

    def column(row, record):
        seconds = row.get("seconds", {})
        if part not in seconds or other not in seconds:
            return ""
        pairs = zip(seconds[part], seconds[other], strict=True)
        return f"{np.median([whole(one, two) for one, two in pairs]):.1%}"

    return column


def _accessed(row, record):
    """GB/s of the first variant."""
    name = next(iter(row.get("seconds", {})), "")
    gbyte = row.get("gbyte_accessed", {}).get(name)
    return f"{gbyte / reading.spread(row['seconds'][name]).median:,.4g}" if gbyte else ""


def _losses(row, record):
    """The largest difference between losses of the same step, of the first variant's largest loss."""
    if "losses" not in row:
        return ""
    first, *others = row["losses"].values()
    pairs = itertools.chain.from_iterable(zip(first, other, strict=False) for other in others)
    return f"{max(abs(two - one) for one, two in pairs) / (max(first) or 1.0):.0e}"


def _phases(*path: str) -> Column:
    """What a start was made of, or how long it took by variant."""

    def column(row, record):
        phases = functools.reduce(lambda found, name: found.get(name, {}), path, row)
        return ", ".join(f"{name} {round(float(np.median(seconds)), 1):g}" for name, seconds in phases.items())

    return column


def _work(unit: str) -> dict[str, Column]:
    """Operations a second and their share of what a product of matrices reaches; bytes a second."""

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


MATRIX = {"matrix_gflop_per_second": "GFLOP/s of a product of matrices:"}
PARTS = {
    "embedding": Part(
        "Embedding",
        """\
Normalized pictures that lie in memory -> embeddings on the host. `perface_jax` folds the norms into the convolutions,
`unfolded` is the model as it is trained. PyTorch has the same weights and runs eager in both layouts, and compiled;
ONNX Runtime runs the exported network, where the exporter folds the norms behind a convolution, not those before one.
Operations are those of plain convolutions and the linear layer, two for a multiply-add, beside the rate of matrix
products on the same machine; on CPUs ours (Winograd) multiplies less, so that the share may exceed 100%. GB/s are what
the operations of our program read and write, as XLA counts them; what stays in caches is counted, too. The largest
difference is that of our embeddings from PyTorch's in float32 on the host, of the largest value. All of it is set
against a rate that was measured once, before the rows: on a machine whose speed changes a share is only rough.""",
        _work("picture") | {"largest difference": _field("largest_difference", "perface_jax", form=".0e")},
        MATRIX,
    ),
    "training_step": Part(
        "Training step",
        """\
Bytes of B triplets -> the next state: normalization, one forward pass of 3 B pictures with batch statistics, the cosine
triplet loss, its gradients, SGD with momentum and weight decay. All variants begin with the same weights and see the
same batch again and again; "losses differ by" is how far apart they are in any step, of the largest loss. `remat`
computes the activations of each block a second time instead of keeping them. MiB are what the compiled program holds
beside state and batch. Operations and bytes as above.

Beside PyTorch's eager step it depends on the processor: on an AMD EPYC ours was 1.10 times as fast (commit 16bddbf), on
an Intel Xeon, where PyTorch's convolutions use AVX-512, 0.89 times (commit 787953b), in the same seconds. Wide
convolutions and their derivatives have been Winograd's since.

With `--largest` (on a GPU without being asked) the batch is doubled until a step no longer fits into memory, or halved
until one does, in processes of their own, for ours, ours with `remat`, and PyTorch compiled: the largest batch of each
has a row of its own, with the memory it holds in all and why twice as many triplets did not fit.""",
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
    ),
    "layers": Part(
        "Layer by layer",
        """\
Single layers of IR-ResNet50 and why they are computed on CPUs as they are: each formulation of `perface_jax` beside the
plain one compiled with the same options, which tells what the formulation does, and that as XLA compiles it by itself,
which tells what `compilation.options` does; and PyTorch eager, in both layouts. Sizes are rows, columns and channels of
the pictures a layer sees.

- Convolution, 3x3 with stride 1, and its gradients by pictures and kernel: Winograd's 16 products for 36; why `folding`
  and training take `winograd`. Larger batches gain more than these: see the step.
- Gradients of a strided convolution, 3x3, by pictures and kernel: without the zeros that XLA multiplies; why the model
  takes `convolution.convolve`.
- Sum over rows, of each channel: slices added, and a product with ones, for XLA's reduction; why `kernels` has sums
  of its own.
- Norm + PReLU, there and back: statistics of the batch, values and derivatives by everything; the derivative written by
  hand in `batch_norm` against JAX's of the formula.
- Filter gradient, of a 3x3 convolution with stride 1: outside of loops XLA comes to our formulation by itself, so that
  only the options tell: XLA hands it to YNNPACK unless they say otherwise.

The largest difference is that of any other result from ours, of the largest value.""",
        {"largest difference": _field("largest_difference", form=".0e")},
        accelerator=False,
    ),
    "epoch": Part(
        "Whole epoch",
        """\
A pass over pictures that live on the device, as the trainer makes it (plans, calls, log), against the same steps on
batches that were placed before: the difference is what the host costs.""",
        {"share of the host": _share("epoch", lambda epoch, steps: (epoch - steps) / epoch, "steps")},
    ),
    "sweep": Part(
        "Sweep",
        """\
One step of R runs in one program, against R steps of one run, one after another. On a CPU the runs are on virtual
devices that share the cores, so that no more can be hoped for than the sum of the single runs.""",
        {"programs compiled": _field("compilations"), "first call, s": _field("first_call_seconds")},
    ),
    "devices": Part(
        "Devices",
        """\
One run, the same global batch on more and more devices that share it: what data parallelism gains, or costs. On a CPU
the devices are virtual ones that share the cores: nothing can be gained, and the same time is the best there is.""",
        {"first call, s": _phases("first_call_seconds")},
    ),
    "input": Part(
        "Input",
        """\
Stage by stage, one batch alone in one thread (decoding and resizing happen once, when the data set is built); then many
batches as training takes them, from disk with reading ahead, and from pictures on the device; then the steps of a small
network, and how long each waited for its batch.""",
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
STEP 2, the least similar K of N faces for every query, against NumPy and faiss; STEP 1, the distance of every query to
groups of N faces in all. Memory is the peak of the process above the gallery itself, Python and JAX included. The
error of a rank says how much more similar, in float64, a face at a rank is than the one that belongs there.""",
        {
            "peak MiB above the gallery": _field("peak_mib_above_the_gallery"),
            "largest error of a rank": _field("largest_error_of_rank", form=".0e"),
            "largest difference from NumPy": _field("largest_difference", form=".0e"),
        },
    ),
    "startup": Part(
        "Start",
        """\
Seconds from the start of `train.py` to the end of its first step, the validation before it included, in processes of
their own: with an empty folder of compiled programs, and with the one that this has filled. What JAX says that it did
in this time lies within the parts; functions within functions are counted twice in `tracing`.

What is left of a cold start is compiling: XLA's passes over a program of thousands of operations, then a kernel for
every kind of pass over memory. Of a warm one it is Python's work: JAX traces the step and its gradients anew at every
start. Then the program is read, and the step itself runs.
""".rstrip(),
        {
            "cold, in seconds": _phases("parts", "cold"),
            "of these JAX": _phases("compiling", "cold"),
            "warm, in seconds": _phases("parts", "warm"),
            "of these JAX, from its cache": _phases("compiling", "warm"),
        },
    ),
    "embed_folder": Part(
        "A folder of pictures",
        """\
`embed_folder` on JPEGs, each number of them in a process of its own, with a thin network: its memory must not grow with
the number of pictures.""",
        {"pictures/s": _per_second(lambda row, record: row["pictures"]), "peak MiB": _field("peak_mib")},
        accelerator=False,
    ),
    "renderer": Part(
        "Drawn faces",
        "The renderer of the synthetic world, a batch of different persons at a time. Wanted: 300 faces a second.",
        {"faces/s": _per_second(lambda row, record: row["batch_size"]), "compiled in, s": _field("compile_seconds")},
        accelerator=False,
    ),
    "replicas": Part(
        "Replicas on one device",
        """\
Gradients of R replicas of a small network on one device of a CPU: in a loop, as `parallel.spmd` has them, unrolled, or
under `vmap`. The loop is the smallest program, and costs little since the derivative of a convolution by its kernel is
written out (`convolution`): as JAX has it, the loop took 11 and 19 times as long as the unrolled program.""",
        {"compiled in, s": _phases("compile_seconds")},
        accelerator=False,
    ),
}

if __name__ == "__main__":
    main()
