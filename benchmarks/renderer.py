"""How many faces a second the synthetic renderer draws.

    python benchmarks/renderer.py [--write]

Renders batches of different persons over and over, after one call that compiles, and prints one JSON object; wanted are
300 faces a second at 112 x 112 on 2 cores. `--write` also keeps it as benchmarks/results/renderer.json.
"""

import argparse
import json
import pathlib
import time

import jax
import machine

from perface_jax.datasets import faces, synthetic, world

RESULTS = pathlib.Path(__file__).parent / "results" / "renderer.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=112, help="pixels a side")
    parser.add_argument("--batch-size", type=int, default=synthetic.BATCH, help="faces")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--repeats", type=int, default=3, help="measurements")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS}")
    options = parser.parse_args()
    described = machine.describe()  # before this process itself makes load
    result = described | measure(options)
    print(json.dumps(result, indent=2))
    if options.write:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(result, indent=2) + "\n")


def measure(options: argparse.Namespace) -> dict:
    """Faces a second of every measurement, and of the best: the others had to share the cores."""
    sources, targets = world.create_people(0, options.batch_size)
    shown = jax.device_put((sources.faces, targets.faces, faces.natural(options.batch_size)))

    def draw() -> None:
        jax.block_until_ready(faces.render(*shown, size=options.size))

    started = time.perf_counter()
    draw()
    compiling = time.perf_counter() - started
    rates = []
    for _ in range(options.repeats):
        started, batches = time.perf_counter(), 0
        while time.perf_counter() - started < options.seconds:
            draw()
            batches += 1
        rates.append(round(batches * options.batch_size / (time.perf_counter() - started), 1))
    return {
        "faces_per_second": max(rates),
        "all_measurements": rates,
        "compile_seconds": round(compiling, 1),
        "image_size": options.size,
        "batch_size": options.batch_size,
    }


if __name__ == "__main__":
    main()
