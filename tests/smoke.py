"""The smallest thing that a user does, with the core alone: draw a picture, embed its folder, compare. Prints one line.

    python smoke.py

It imports nothing but the installed package, so that it can be copied anywhere.
"""

import pathlib
import tempfile

import jax
import numpy as np
from PIL import Image

import perface_jax


def main() -> None:
    model = perface_jax.iresnet("r18", width=4, image_size=32)
    variables = jax.jit(model.init)(jax.random.key(0), jax.numpy.zeros((1, 32, 32, 3)))
    with tempfile.TemporaryDirectory() as folder:
        pictures, saved = pathlib.Path(folder, "pictures"), pathlib.Path(folder, "model")
        pictures.mkdir()
        ramp = np.arange(64 * 64 * 3).reshape(64, 64, 3) % 256
        Image.fromarray(ramp.astype(np.uint8)).save(pictures / "drawn.png")
        perface_jax.save_model(saved, model, variables, source={}, license="")
        names, embeddings, skipped = perface_jax.embed_folder(*perface_jax.load_model(saved), pictures, crop="simswap")
    if (names, embeddings.shape, skipped) != (["drawn.png"], (1, 512), []) or not np.isfinite(embeddings).all():
        raise SystemExit(f"saw {names}, {embeddings.shape}, {skipped}; wanted the finite embedding of drawn.png")
    print(f"perface_jax {perface_jax.__version__}: similarity {perface_jax.similarity(*embeddings, *embeddings):.4f}")


if __name__ == "__main__":
    main()
