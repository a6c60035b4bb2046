"""Replicas of one device in turn: unrolled, in a loop, or under vmap. Why `parallel.spmd` unrolls them on CPU.

    python benchmarks/replicas.py [--write]

Times the gradients of a small network for R replicas, the variants taking turns in one process, and prints one JSON
object with the ratios to the unrolled program. `--write` also keeps it as benchmarks/results/replicas.json.
"""

import argparse
import functools
import json
import pathlib
import time

import jax
import jax.numpy as jnp
import machine
import numpy as np

from perface_jax import losses
from perface_jax.model import iresnet

RESULTS = pathlib.Path(__file__).parent / "results" / "replicas.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicas", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=5, help="rounds in which every variant is timed once")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS}")
    options = parser.parse_args()
    described = machine.describe()  # before this process itself makes load
    result = described | measure(options.replicas, options.repeats)
    print(json.dumps(result, indent=2))
    if options.write:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(result, indent=2) + "\n")


def measure(replicas: int, repeats: int) -> dict:
    """Seconds of the best round of each variant, its ratio to the unrolled one, and its compilation."""
    model = iresnet(layers=(1, 1, 1, 1), width=16, image_size=32, embedding_size=64)
    images = jnp.asarray(np.random.default_rng(0).normal(size=(replicas, 24, 32, 32, 3)), jnp.float32)
    variables = jax.jit(model.init)(jax.random.key(0, impl="rbg"), images[0, :1])
    stacked = jax.tree.map(lambda leaf: jnp.stack([leaf] * replicas), variables)
    gradients = functools.partial(_gradients, model)
    variants = {
        "unrolled": lambda v, x: [gradients(jax.tree.map(lambda a, i=i: a[i], v), x[i]) for i in range(replicas)],
        "loop": lambda v, x: jax.lax.map(lambda one: gradients(*one), (v, x)),
        "vmap": jax.vmap(gradients),
    }
    programs, compiling, seconds = {}, {}, {name: [] for name in variants}
    for name, variant in variants.items():
        started = time.perf_counter()
        programs[name] = jax.jit(variant).lower(stacked, images).compile()
        compiling[name] = round(time.perf_counter() - started, 1)
    for _ in range(repeats + 1):
        for name, program in programs.items():
            started = time.perf_counter()
            jax.block_until_ready(program(stacked, images))
            seconds[name].append(time.perf_counter() - started)
    best = {name: min(times[1:]) for name, times in seconds.items()}  # the first round warms up
    return {
        "replicas": replicas,
        "seconds": {name: round(value, 4) for name, value in best.items()},
        "ratio_to_unrolled": {name: round(value / best["unrolled"], 2) for name, value in best.items()},
        "compile_seconds": compiling,
    }


def _gradients(model, variables, images):
    def loss(params):
        flat, _ = model.apply({**variables, "params": params}, images, train=True, mutable=["batch_stats"])
        roles = flat.reshape(-1, 3, flat.shape[-1])
        return jnp.sum(losses.cosine_triplet(roles[:, 0], roles[:, 1], roles[:, 2]))

    return jax.grad(loss)(variables["params"])


if __name__ == "__main__":
    main()
