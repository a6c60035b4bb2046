"""Memory and rate of `embed_folder`: does its peak grow with the number of pictures?

    python benchmarks/embed_folder.py [--write]

Writes pictures of random blocks to a temporary folder, embeds 2,000 and then 10,000 of them in processes of their own
with a thin IR-ResNet18 (random weights), and prints the peak of resident memory and the pictures a second of each as
JSON. `--write` also keeps the result as benchmarks/results/embed_folder.json.
"""

import argparse
import json
import pathlib
import platform
import resource
import subprocess
import sys
import tempfile
import time

RESULTS = pathlib.Path(__file__).parent / "results" / "embed_folder.json"
COUNTS = (2_000, 10_000)


def draw(folder: pathlib.Path, count: int) -> None:
    """Write `count` JPEG pictures of 112 x 112 pixels."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(0)
    for i in range(count):
        blocks = Image.fromarray(random.integers(0, 256, (7, 7, 3), np.uint8))
        blocks.resize((112, 112), Image.Resampling.BICUBIC).save(folder / f"{i:05d}.jpg", quality=90)


def measure(folder: str) -> None:
    """Embed one folder in this process and print what it took."""
    import jax
    import jax.numpy as jnp

    import perface_jax

    model = perface_jax.iresnet("r18", width=8, crop="arcface")
    variables = jax.jit(model.init)(jax.random.key(0, impl="rbg"), jnp.zeros((1, 112, 112, 3)))
    start = time.perf_counter()
    names, embeddings, skipped = perface_jax.embed_folder(model, variables, folder, crop="arcface")
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"pictures": len(names), "peak_mib": round(peak), "pictures_per_second": len(names) / seconds}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="keep the result in benchmarks/results")
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    parser.add_argument("--pictures", type=int, nargs="*", default=COUNTS, help="sizes of the folders")
    args = parser.parse_args()
    if args.folder:
        return measure(args.folder)
    rows = []
    for count in args.pictures:
        with tempfile.TemporaryDirectory() as folder:
            draw(pathlib.Path(folder), count)
            done = subprocess.run(
                [sys.executable, __file__, "--folder", folder], check=True, stdout=subprocess.PIPE, text=True
            )
            rows.append(json.loads(done.stdout))
    import jax

    machine = {"machine": platform.machine(), "device": jax.devices()[0].device_kind, "jax": jax.__version__}
    result = {**machine, "rows": rows}
    print(json.dumps(result, indent=2))
    if args.write:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
