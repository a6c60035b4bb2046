"""The cost of the input: by stage, from disk and on the device, and how long a training step waits for it.

The first row has each stage of one batch alone, in this thread. Decoding and resizing happen once, when the data set is
built; then a batch is planned, its pictures are read, put in the order of their roles and mirrored, and placed.

The second row takes many batches as training does, with reading ahead, from the first one on: from stored files that
were dropped from the page cache before (`disk, cold`) or not (`disk, warm`), and from pictures that live on the device.

The other rows train a small network, wait for each step, and report separately the time for its batch (`waiting`) and
for the step itself (`step`).
"""

import argparse
import contextlib
import functools
import itertools
import os
import pathlib
import sys
import tempfile
import time

import jax
import numpy as np
from PIL import Image

from benchmarks import record, runs
from perface_jax import annotations, images, parallel
from perface_jax.datasets import batches, plans, release, sim_celeba

STORED = 224  # side in pixels of the generated pictures


def parser() -> argparse.ArgumentParser:
    parser = record.parser(__doc__)
    parser.add_argument("--release", help="a folder in the release layout; default: generated pictures")
    parser.add_argument("--triplets", type=int, default=1000, help="to generate")
    parser.add_argument("--image-size", type=int, default=112, help="side in pixels, as stored")
    parser.add_argument("--batch-size", type=int, default=32, help="triplets")
    parser.add_argument("--batches", type=int, default=100, help="taken in a round of the second row")
    parser.add_argument("--network", default="r18-16", help="that is trained: architecture, or with -WIDTH")
    parser.add_argument("--steps", type=int, default=20, help="of training")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=0, help="reading processes; 0 = threads")
    return parser


def measure(options: argparse.Namespace) -> dict:
    """The rows, on the release that is named or on a generated one."""
    with tempfile.TemporaryDirectory() as folder:
        of_user = options.release and pathlib.Path(options.release)
        pictures = of_user or generate(pathlib.Path(folder) / "release", options.triplets)
        order = "auto" if of_user else "unknown"
        started = time.perf_counter()
        with contextlib.redirect_stdout(sys.stderr):  # silences TFDS
            builder = sim_celeba.build(pictures, folder, image_size=options.image_size, order=order)
        built = time.perf_counter() - started
        triplets, stored = sim_celeba.load(builder), pathlib.Path(builder.data_dir)
        resident = triplets.all_pictures()
        return {
            "triplets": len(triplets),
            "image_size": options.image_size,
            "batch_size": options.batch_size,
            "workers": options.workers,
            "stored_bytes_per_triplet": round(sum(file.stat().st_size for file in _files(stored)) / len(triplets)),
            "build_triplets_per_second": round(len(triplets) / built, 1),
            "rows": [
                _stages(pictures, triplets, resident, options),
                _feeds(triplets, resident, stored, options),
                *(_training(feed, triplets, options) for feed in ("disk", "resident")),
            ],
        }


def _stages(folder, triplets, resident, options):
    """Each stage of one batch."""
    plan = _planner(triplets, options)
    first, flat = plan(step=0), resident.reshape(-1, *resident.shape[2:])
    paths = [release.picture_path(folder, triplets.ids[i], role) for i in first["triplet"] for role in release.ROLES]
    on_device, gather = jax.device_put(flat), jax.jit(plans.gather)
    host = plans.gather(flat, first)

    def decode():
        squares = (release.decode_square(path.read_bytes(), path=path) for path in paths)
        return [images.fit(square, crop="simswap", size=options.image_size) for square in squares]

    calls = {
        "decode and resize": decode,
        "plan": lambda: plan(step=1),
        "read": lambda: [triplets[int(i)] for i in first["triplet"]],
        "roles and flips on the host": lambda: plans.gather(flat, first),
        "place": lambda: jax.block_until_ready(jax.device_put(host)),
        "roles and flips on the device": lambda: jax.block_until_ready(gather(on_device, first)),
    }
    return {"name": f"stages of {options.batch_size} triplets", "seconds": record.in_turns(calls, options.rounds)}


def _feeds(triplets, resident, stored, options):
    """Many batches, from disk and on the device."""
    plan, gather = _planner(triplets, options), jax.jit(plans.gather)
    on_device = jax.device_put(resident.reshape(-1, *resident.shape[2:]))

    def from_disk(*, cold):
        if cold:
            drop_from_cache(stored)
        for _ in itertools.islice(_reader(triplets, options), options.batches):
            pass

    def from_device():
        for step in range(options.batches):
            jax.block_until_ready(gather(on_device, plan(step=step)))

    calls = {
        "disk, cold": functools.partial(from_disk, cold=True),
        "disk, warm": functools.partial(from_disk, cold=False),
        "resident": from_device,
    }
    return {
        "name": f"{options.batches} batches of {options.batch_size} triplets",
        "batches": options.batches,
        "seconds": record.in_turns(calls, options.rounds),
    }


def _training(feed, triplets, options):
    """Steps of a small network, and how long each waited for its batch."""
    config = runs.configure(options.network, image_size=options.image_size, batch_size=options.batch_size, feed=feed)
    config.workers = options.workers
    run = runs.Run(config, triplets, parallel.make_mesh(devices=jax.devices()[:1]))
    seconds = {"waiting": [], "step": []}
    for step in range(options.steps + 1):
        started = time.perf_counter()
        batch = jax.block_until_ready(run.feed.training(step, 1))
        ready = time.perf_counter()
        run.step(batch)
        jax.block_until_ready(run.state)
        seconds["waiting"].append(round(ready - started, 6))
        seconds["step"].append(round(time.perf_counter() - ready, 6))
    seconds = {name: values[1:] for name, values in seconds.items()}  # the first step compiles
    return {"name": f"training {options.network}, {feed}", "network": options.network, "seconds": seconds}


def _order(triplets, options):
    labels = annotations.majority(annotations.Votes(triplets.ids, triplets.votes)).label
    return (triplets, labels, np.flatnonzero(labels >= 0)), {"batch_size": options.batch_size, "seed": 0}


def _planner(triplets, options):
    arguments, choices = _order(triplets, options)
    return functools.partial(plans.training_plan, *arguments, **choices)


def _reader(triplets, options):
    arguments, choices = _order(triplets, options)
    return batches.training_batches(*arguments, workers=options.workers, **choices)


def _files(stored):
    return list(stored.glob("*.array_record*"))


def drop_from_cache(folder: pathlib.Path) -> None:
    """Ask the system to drop the stored files from its cache."""
    for path in _files(folder):
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def generate(folder: pathlib.Path, triplets: int) -> pathlib.Path:
    """Write a release of smooth pictures with the grain of photographs."""
    generator = np.random.default_rng(0)
    (folder / release.PICTURES).mkdir(parents=True)
    ids = [f"t{i:04d}" for i in range(triplets)]
    for triplet, role in itertools.product(ids, release.ROLES):
        coarse = Image.fromarray(generator.integers(0, 256, (8, 8, 3), np.uint8))
        smooth = np.asarray(coarse.resize((STORED, STORED), Image.Resampling.BICUBIC), np.int16)
        picture = np.clip(smooth + generator.integers(-8, 9, smooth.shape, np.int16), 0, 255).astype(np.uint8)
        Image.fromarray(picture).save(release.picture_path(folder, triplet, role), quality=90)
    votes = "".join(f"{triplet},{','.join(generator.choice(['a', 'b'], 3))}\n" for triplet in ids)
    (folder / release.ANSWERS).write_text("tripletId,ans1,ans2,ans3\n" + votes)
    return folder


if __name__ == "__main__":
    record.run("input", parser(), measure)
