"""Memory and rate of `embed_folder`: does its peak grow with the number of pictures?

    python -m benchmarks.embed_folder [--write]

Writes pictures of random blocks to a temporary folder, and embeds each number of them in a process of its own with a
thin IR-ResNet18 (random weights): `peak_mib` is the peak of its resident memory.
"""

import argparse
import json
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

import perface_jax
from benchmarks import record

ROOT = pathlib.Path(__file__).parent.parent


def parser() -> argparse.ArgumentParser:
    """The options of this part."""
    made = record.parser(__doc__)
    made.add_argument("--pictures", type=int, nargs="+", default=[2_000, 10_000], help="sizes of the folders")
    return made


def measure(options: argparse.Namespace) -> dict:
    """A row for each size of the folder."""
    return {"rows": [_row(count) for count in options.pictures]}


def _row(count):
    with tempfile.TemporaryDirectory() as folder:
        draw(pathlib.Path(folder), count)
        command = [sys.executable, "-m", "benchmarks.embed_folder", "--folder", folder]
        done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return {"name": f"{count} pictures"} | json.loads(done.stdout)


def draw(folder: pathlib.Path, count: int) -> None:
    """Write `count` JPEG pictures of 112 x 112 pixels."""
    random = np.random.default_rng(0)
    for i in range(count):
        blocks = Image.fromarray(random.integers(0, 256, (7, 7, 3), np.uint8))
        blocks.resize((112, 112), Image.Resampling.BICUBIC).save(folder / f"{i:05d}.jpg", quality=90)


def embed(folder: str) -> dict:
    """Embed one folder in this process: what it took."""
    model = perface_jax.iresnet("r18", width=8, crop="arcface")
    variables = jax.jit(model.init)(jax.random.key(0, impl="rbg"), jnp.zeros((1, 112, 112, 3)))
    started = time.perf_counter()
    names, _, _ = perface_jax.embed_folder(model, variables, folder, crop="arcface")
    seconds = round(time.perf_counter() - started, 3)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"pictures": len(names), "peak_mib": round(peak), "seconds": {"perface_jax": [seconds]}}


if __name__ == "__main__":
    if "--folder" in sys.argv:
        print(json.dumps(embed(sys.argv[-1])))
    else:
        record.run("embed_folder", parser(), measure)
