"""How many faces per second the synthetic renderer draws.

    python -m benchmarks.renderer [--write]

Renders a batch of different persons repeatedly, after one call that compiles. The target is 300 faces per second at
112 x 112 on 2 cores.
"""

import argparse
import time

import jax

from benchmarks import record
from perface_jax.synthetic import faces, world, write_world


def parser() -> argparse.ArgumentParser:
    """The options of this part."""
    made = record.parser(__doc__)
    made.add_argument("--size", type=int, default=112, help="side in pixels")
    made.add_argument("--batch-size", type=int, default=write_world.BATCH, help="faces")
    made.add_argument("--rounds", type=int, default=5, help="at least, in which a batch is drawn once")
    made.add_argument("--seconds", type=float, default=5.0, help="at least, of all rounds")
    return made


def measure(options: argparse.Namespace) -> dict:
    """One row: a batch of faces."""
    sources, targets = world.create_people(0, options.batch_size)
    shown = jax.device_put((sources.faces, targets.faces, faces.natural(options.batch_size)))

    def draw() -> None:
        jax.block_until_ready(faces.render(*shown, size=options.size))

    started = time.perf_counter()
    draw()
    compiling = time.perf_counter() - started
    return {
        "rows": [
            {
                "name": f"{options.batch_size} faces, {options.size} x {options.size}",
                "image_size": options.size,
                "batch_size": options.batch_size,
                "compile_seconds": round(compiling, 1),
                "seconds": record.in_turns({"perface_jax": draw}, options.rounds, seconds=options.seconds),
            }
        ]
    }


if __name__ == "__main__":
    record.run("renderer", parser(), measure)
