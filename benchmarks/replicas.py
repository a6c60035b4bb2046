"""Replicas on one device, in turn: in a loop as in `parallel.spmd`, unrolled, or under vmap.

    python -m benchmarks.replicas [--write]

Times the gradients of a small network for R replicas.
"""

import argparse
import functools
import time

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import record
from perface_jax import losses
from perface_jax.network import compilation
from perface_jax.network.model import iresnet


def parser() -> argparse.ArgumentParser:
    """The options of this part."""
    made = record.parser(__doc__)
    made.add_argument("--replicas", type=int, default=4)
    made.add_argument("--rounds", type=int, default=8, help="in which every variant is timed once")
    made.add_argument("--rows", type=int, default=8, help="triplets of each replica")
    made.add_argument("--layers", type=int, nargs=4, default=[1, 1, 1, 1], help="blocks of each stage")
    return made


def measure(options: argparse.Namespace) -> dict:
    """One row: the three ways."""
    replicas = options.replicas
    model = iresnet(layers=options.layers, width=16, image_size=32, embedding_size=64)
    images = np.random.default_rng(0).normal(size=(replicas, 3 * options.rows, 32, 32, 3)).astype(np.float32)
    variables = jax.jit(model.init)(jax.random.key(0, impl="rbg"), images[0, :1])
    stacked = jax.tree.map(lambda leaf: jnp.stack([leaf] * replicas), variables)
    gradients = functools.partial(_gradients, model)
    variants = {
        "loop": lambda v, x: jax.lax.map(lambda one: gradients(*one), (v, x)),
        "unrolled": lambda v, x: [gradients(jax.tree.map(lambda a, i=i: a[i], v), x[i]) for i in range(replicas)],
        "vmap": jax.vmap(gradients),
    }
    calls, compiling = {}, {}
    for name, variant in variants.items():
        started = time.perf_counter()
        program = jax.jit(variant, compiler_options=compilation.options()).lower(stacked, images).compile()
        compiling[name] = round(time.perf_counter() - started, 1)
        calls[name] = lambda program=program: jax.block_until_ready(program(stacked, images))
    return {
        "rows": [
            {
                "name": f"{replicas} replicas",
                "replicas": replicas,
                "compile_seconds": compiling,
                "seconds": record.in_turns(calls, options.rounds),
            }
        ]
    }


def _gradients(model, variables, images):
    def loss(params):
        flat, _ = model.apply({**variables, "params": params}, images, train=True, mutable=["batch_stats"])
        roles = flat.reshape(-1, 3, flat.shape[-1])
        return jnp.sum(losses.cosine_triplet(roles[:, 0], roles[:, 1], roles[:, 2]))

    return jax.grad(loss)(variables["params"])


if __name__ == "__main__":
    record.run("replicas", parser(), measure)
