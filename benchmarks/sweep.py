"""A sweep of R replicas as one program against R runs one after another.

One step of all R replicas is timed against R steps of a program for one run on one device of the same process, each
waited for. On CPUs the R replicas are on R virtual devices that share the cores: the best possible result is the sum of
the single runs. Elsewhere they are on the available devices, in turn if there are fewer. `compilations` counts the
programs that two calls of the sweep compile: 1 if all replicas and steps are one program.
"""

import argparse
import contextlib
import time
from collections.abc import Iterator

import jax

from benchmarks import record, runs
from perface_jax import parallel

COMPILED = "/jax/core/compile/backend_compile_duration"
DEVICES = 8  # virtual ones, on CPUs


def parser() -> argparse.ArgumentParser:
    parser = record.parser(__doc__)
    parser.add_argument("--network", default="r18-16", help="architecture, or with -WIDTH")
    parser.add_argument("--image-size", type=int, default=112, help="side in pixels")
    parser.add_argument("--batch-size", type=int, default=8, help="triplets of each run")
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 2, 4, 8], help=f"on CPUs up to {DEVICES}")
    parser.add_argument("--rounds", type=int, default=5, help="in which both are timed once")
    return parser


def measure(options: argparse.Namespace) -> dict:
    """A row for each number of replicas.

    Raises:
      ValueError: more replicas than virtual devices.
    """
    if jax.default_backend() == "cpu" and max(options.replicas) > len(jax.devices()):
        raise ValueError(f"--replicas {max(options.replicas)} on {len(jax.devices())} virtual devices; wanted no more")
    triplets = runs.random_triplets(options.batch_size, image_size=options.image_size)
    single = runs.Run(_config(options, 1), triplets, parallel.make_mesh(devices=jax.devices()[:1]))
    return {"rows": [_row(replicas, single, triplets, options) for replicas in options.replicas]}


def _row(replicas, single, triplets, options):
    mesh = parallel.make_mesh(replicas, devices=jax.devices()[:replicas])
    sweep = runs.Run(_config(options, replicas), triplets, mesh)
    batches, batch = (run.feed.training(0, 1) for run in (sweep, single))
    started = time.perf_counter()
    with compilations() as compiled:
        jax.block_until_ready(sweep.step(batches))
        first = time.perf_counter() - started
        jax.block_until_ready(sweep.step(batches))

    def one_after_another():
        for _ in range(replicas):
            jax.block_until_ready(single.step(batch))

    calls = {"one program": lambda: jax.block_until_ready(sweep.step(batches)), "one after another": one_after_another}
    return {
        "name": f"replicas: {replicas}",
        "network": options.network,
        "image_size": options.image_size,
        "batch_size": options.batch_size,
        "replicas": replicas,
        "devices": mesh.size,
        "compilations": len(compiled),
        "first_call_seconds": round(first, 1),
        "seconds": record.in_turns(calls, options.rounds),
    }


def _config(options, replicas):
    config = runs.configure(options.network, image_size=options.image_size, batch_size=options.batch_size)
    config.sweep.seed = tuple(range(replicas))
    return config


@contextlib.contextmanager
def compilations() -> Iterator[list[str]]:
    """The names of the programs that JAX compiles, or takes from its cache, within the context."""
    names = []

    def listen(event, duration, *, fun_name="", **_):
        if event == COMPILED:
            names.append(fun_name)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield names
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


if __name__ == "__main__":
    jax.config.update("jax_num_cpu_devices", DEVICES)  # read when the first device is asked for
    record.run("sweep", parser(), measure)
