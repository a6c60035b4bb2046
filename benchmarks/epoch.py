"""A whole epoch over pictures on the device against the sum of its steps: the cost of the host.

`epoch` is what `trainer` does between two validations: plan the batches, send the plans, call the program, log. `steps`
calls the same program on batches placed beforehand. Both are waited for at their end only, so the host may work ahead
of the device in both. The share of the host is (`epoch` - `steps`) / `epoch`.

One row has one step per call, the other the whole epoch as one call.
"""

import argparse
import contextlib
import functools
import itertools
import pathlib
import sys
import tempfile

import jax

from benchmarks import record, runs
from perface_jax import parallel
from perface_jax.training.progress import Progress

PASSES = 1_000  # more than are timed: the log tells how many steps are left


def parser() -> argparse.ArgumentParser:
    gpu = jax.default_backend() == "gpu"
    parser = record.parser(__doc__)
    parser.add_argument("--networks", nargs="+", default=["r50"] if gpu else ["r18-16", "r18"], help="r18 or r18-WIDTH")
    parser.add_argument("--image-size", type=int, default=112, help="side in pixels")
    parser.add_argument("--batch-size", type=int, default=128 if gpu else 4, help="triplets")
    parser.add_argument("--steps", type=int, default=20 if gpu else 10, help="in an epoch")
    parser.add_argument("--steps-per-call", type=int, nargs="+", default=[1, 0], help="0: the whole epoch")
    parser.add_argument("--rounds", type=int, default=3, help="in which both are timed once")
    return parser


def measure(options: argparse.Namespace) -> dict:
    """A row for each network and number of steps a call."""
    pairs = itertools.product(options.networks, options.steps_per_call)
    return {"rows": [_row(network, count or options.steps, options) for network, count in pairs]}


def _row(network, count, options):
    config = runs.configure(network, image_size=options.image_size, batch_size=options.batch_size)
    triplets = runs.random_triplets(options.steps * options.batch_size, image_size=options.image_size)
    run = runs.Run(config, triplets, parallel.make_mesh(devices=jax.devices()[:1]))
    prepared = [run.feed.training(at, length) for at, length in _calls(options.steps, count)]
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):  # the log is also shown
        last = PASSES * options.steps
        progress = Progress(pathlib.Path(folder), [""], first=0, last=last, every=config.log_every, tensorboard=False)
        passes = itertools.count()
        calls = {
            "epoch": lambda: _epoch(run, progress, next(passes) * options.steps, options.steps, count),
            "steps": functools.partial(_steps, run, prepared),
        }
        seconds = record.in_turns(calls, options.rounds)
    return {
        "name": f"{network}, {count} steps a call",
        "network": network,
        "image_size": options.image_size,
        "batch_size": options.batch_size,
        "steps": options.steps,
        "steps_per_call": count,
        "seconds": seconds,
    }


def _epoch(run, progress, first, steps, count):
    for at, length in _calls(steps, count):
        sums = run.step(run.feed.training(first + at, length))
        progress.after_steps(first + at + length, length, sums, run.state.diverged)
    progress.flush(first + steps, run.state.diverged)
    jax.block_until_ready(run.state)


def _steps(run, prepared):
    for batches in prepared:
        run.step(batches)
    jax.block_until_ready(run.state)


def _calls(steps, count):
    """First step and length of each call."""
    return [(at, min(count, steps - at)) for at in range(0, steps, count)]


if __name__ == "__main__":
    record.run("epoch", parser(), measure)
