"""The known answer of a model folder, `known_answer.npz`: a few generated images and their embeddings."""

import zipfile
import zlib
from collections.abc import Mapping

import jax
import numpy as np
from etils import epath
from jaxtyping import Shaped

from perface_jax.images import normalize
from perface_jax.network.model import IResNet

NAME = "known_answer.npz"
ARRAYS = ("images", "embeddings")


def known_answer(model: IResNet, variables: Mapping) -> dict[str, Shaped[np.ndarray, "images ..."]]:
    """Four generated images, uint8, and their embeddings, computed in full precision and stored as float32."""
    size = model.image_size
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (4, size // 16, size // 16, 3)).repeat(16, axis=1).repeat(16, axis=2)
    images = np.clip(coarse + random.integers(-20, 21, (4, size, size, 3)), 0, 255).astype(np.uint8)
    exact = model.clone(dtype=model.param_dtype)
    with jax.default_matmul_precision("highest"):
        embeddings = jax.jit(exact.apply)(variables, normalize(images).astype(exact.dtype))
    return {"images": images, "embeddings": np.asarray(embeddings, np.float32)}


def write_known_answer(folder: epath.PathLike, answer: Mapping[str, Shaped[np.ndarray, "images ..."]]) -> None:
    """Write it into a model folder."""
    with (epath.Path(folder) / NAME).open("wb") as file:
        np.savez_compressed(file, **answer)  # pyright: ignore[reportArgumentType]


def read_known_answer(folder: epath.PathLike) -> dict[str, Shaped[np.ndarray, "images ..."]]:
    """The known answer of a model folder.

    Raises:
      FileNotFoundError: the folder has none.
      ValueError: the file is damaged; one line.
    """
    file = epath.Path(folder) / NAME
    if not file.exists():
        raise FileNotFoundError(f"{file} is missing: this model folder has no known answer")
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            return {name: stored[name] for name in ARRAYS}
    except (EOFError, KeyError, OSError, SyntaxError, ValueError, NotImplementedError, RuntimeError,
            zipfile.BadZipFile, zlib.error) as error:  # fmt: skip
        raise ValueError(f"{file} is damaged ({type(error).__name__})") from error
