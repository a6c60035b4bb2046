"""One run on more and more devices that share its batch: the same step, the same global batch.

    python -m benchmarks.devices [--write]

Each device computes its rows; statistics of the norms and gradients are over all devices. On a CPU the devices are
virtual and share the cores: no time can be gained, and the extra time of more devices is the cost of dividing.
Elsewhere they are real devices. `first_call_seconds` is almost all compilation.
"""

import argparse
import functools
import time

import jax

from benchmarks import record, runs
from perface_jax import parallel

VIRTUAL = 8  # on CPUs


def parser() -> argparse.ArgumentParser:
    """The options of this part."""
    gpu = jax.default_backend() == "gpu"
    made = record.parser(__doc__)
    made.add_argument("--network", default="r50" if gpu else "r18-16", help="architecture, or with -WIDTH")
    made.add_argument("--image-size", type=int, default=112, help="side in pixels")
    made.add_argument("--batch-size", type=int, default=128 if gpu else 16, help="triplets of all devices together")
    made.add_argument("--devices", type=int, nargs="+", help="default: 1, 2, 4, ... of those there are")
    made.add_argument("--rounds", type=int, default=5, help="in which each is timed once")
    return made


def measure(options: argparse.Namespace) -> dict:
    """One row, whose variants are the numbers of devices.

    Raises:
      ValueError: more devices than exist, or a batch that they cannot share.
    """
    there = jax.device_count()
    counts = options.devices or [2**i for i in range(there.bit_length())]
    if max(counts) > there:
        raise ValueError(f"--devices {max(counts)} of {there}; wanted no more than there are")
    triplets = runs.random_triplets(options.batch_size, image_size=options.image_size)
    config = runs.configure(options.network, image_size=options.image_size, batch_size=options.batch_size)
    calls, first = {}, {}
    for count in counts:
        mesh = parallel.make_mesh(devices=jax.devices()[:count])
        parallel.check_batch_size(options.batch_size, mesh)
        name = f"{count} device{'s' * (count > 1)}"
        run = runs.Run(config, triplets, mesh)
        calls[name] = functools.partial(_step, run, run.feed.training(0, 1))
        started = time.perf_counter()
        calls[name]()
        first[name] = round(time.perf_counter() - started, 1)
    return {
        "rows": [
            {
                "name": f"{options.network}, batch {options.batch_size}",
                "network": options.network,
                "image_size": options.image_size,
                "batch_size": options.batch_size,
                "first_call_seconds": first,
                "seconds": record.in_turns(calls, options.rounds, warm=True),
            }
        ]
    }


def _step(run, batch):
    jax.block_until_ready(run.step(batch))


if __name__ == "__main__":
    jax.config.update("jax_num_cpu_devices", VIRTUAL)  # read when the first device is asked for
    record.run("devices", parser(), measure)
