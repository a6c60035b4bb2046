"""How many triplets a second the input gives: from disk through Grain, and resident in memory.

    python benchmarks/input.py                               # 2,000 generated triplets at 112 x 112
    python benchmarks/input.py --release DIR                 # a real release
    python benchmarks/input.py --write                       # also into benchmarks/results/input.json

Prints one JSON object. The stored files are dropped from the page cache before each reading from disk (`cold`) and not
before another (`warm`); nothing but reading, decoding, ordering of roles, flips and batching is timed.
"""

import argparse
import contextlib
import itertools
import json
import os
import pathlib
import sys
import tempfile
import time

import jax
import machine
import numpy as np
from PIL import Image

from perface_jax import annotations
from perface_jax.datasets import batches, sim_celeba

RESULTS = pathlib.Path(__file__).parent / "results" / "input.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--release", help="a folder in the release layout; default: generated pictures")
    parser.add_argument("--triplets", type=int, default=2000, help="to generate")
    parser.add_argument("--image-size", type=int, default=112, help="pixels a side, as stored")
    parser.add_argument("--batch-size", type=int, default=32, help="triplets")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--workers", type=int, default=0, help="reading processes; 0 = threads")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS}")
    options = parser.parse_args()
    described = machine.describe()  # before this process itself makes load
    with tempfile.TemporaryDirectory() as folder:
        release = options.release or generate(pathlib.Path(folder) / "release", options.triplets)
        order = "auto" if options.release else "unknown"
        started = time.perf_counter()
        with contextlib.redirect_stdout(sys.stderr):  # TFDS talks
            builder = sim_celeba.build(release, folder, image_size=options.image_size, order=order)
        built = time.perf_counter() - started
        result = measure(sim_celeba.load(builder), pathlib.Path(builder.data_dir), options)
    result = described | result | {"build_triplets_per_second": round(result["triplets"] / built, 1)}
    print(json.dumps(result, indent=2))
    if options.write:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(result, indent=2) + "\n")


def measure(triplets: sim_celeba.Triplets, folder, options) -> dict:
    """Triplets a second of every way to feed."""
    labels = annotations.majority(annotations.Votes(triplets.ids, triplets.votes)).label
    arguments = (triplets, labels, np.flatnonzero(labels >= 0))
    choices = {"batch_size": options.batch_size, "seed": 0}
    pictures = triplets.resident()
    resident, gather = jax.device_put(pictures.reshape(-1, *pictures.shape[2:])), jax.jit(batches.gather)

    def from_disk():
        return batches.training_batches(*arguments, workers=options.workers, **choices)

    def from_device():
        plans = (batches.training_plan(*arguments, step=step, **choices) for step in itertools.count())
        return (jax.block_until_ready(gather(resident, plan)) for plan in plans)

    drop_from_cache(folder)
    cold = rate(from_disk(), options)
    return {
        "disk_cold_triplets_per_second": cold,
        "disk_warm_triplets_per_second": rate(from_disk(), options),
        "resident_triplets_per_second": rate(from_device(), options),
        "triplets": len(triplets),
        "stored_bytes_per_triplet": round(
            sum(f.stat().st_size for f in folder.glob("*.array_record*")) / len(triplets)
        ),
        "image_size": options.image_size,
        "batch_size": options.batch_size,
        "workers": options.workers,
    }


def rate(iterator, options) -> float:
    """Triplets a second once the first batch is there."""
    next(iterator)
    started, steps = time.perf_counter(), 0
    while time.perf_counter() - started < options.seconds:
        next(iterator)
        steps += 1
    return round(steps * options.batch_size / (time.perf_counter() - started), 1)


def drop_from_cache(folder) -> None:
    """Ask the system to forget what it holds of the stored files."""
    for path in folder.glob("*.array_record*"):
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def generate(release: pathlib.Path, triplets: int) -> pathlib.Path:
    """A release of smooth pictures with the grain of photographs, 224 x 224."""
    generator = np.random.default_rng(0)
    (release / "triplet").mkdir(parents=True)
    for triplet, role in itertools.product(range(triplets), "abc"):
        coarse = Image.fromarray(generator.integers(0, 256, (8, 8, 3), np.uint8))
        smooth = np.asarray(coarse.resize((224, 224), Image.Resampling.BICUBIC), np.int16)
        picture = np.clip(smooth + generator.integers(-8, 9, smooth.shape, np.int16), 0, 255).astype(np.uint8)
        Image.fromarray(picture).save(release / "triplet" / f"t{triplet:04d}_{role}.jpg", quality=90)
    votes = "".join(f"t{i:04d},{','.join(generator.choice(['a', 'b'], 3))}\n" for i in range(triplets))
    (release / "triplet_answers.csv").write_text("tripletId,ans1,ans2,ans3\n" + votes)
    return release


if __name__ == "__main__":
    main()
