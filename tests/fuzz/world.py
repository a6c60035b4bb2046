"""Valid inputs, small and made once, from which the bad ones are made."""

import functools
import io
import pathlib
import shutil
from typing import Any

import numpy as np
from PIL import Image

from perface_jax import images
from perface_jax.network.model import iresnet
from perface_jax.network.model_folder import load_model, save_model
from tests.golden import formula

SIZE = 32  # of the pictures that the model takes
LAYERS = (1, 1, 1, 1)
SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "BMP": ".bmp", "TIFF": ".tif", "GIF": ".gif"}


class World:
    """A folder with a model; everything else is made when asked for."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder

    @functools.cached_property
    def model_folder(self) -> pathlib.Path:
        """A thin network with its known answer."""
        model = iresnet(layers=LAYERS, width=2, image_size=SIZE, embedding_size=8, crop="arcface")
        save_model(self.folder / "model", model, formula.variables(model))
        return self.folder / "model"

    @functools.cached_property
    def model(self) -> tuple[Any, dict]:
        """The same, loaded."""
        return load_model(self.model_folder)

    @functools.cached_property
    def state_dict(self) -> dict[str, np.ndarray]:
        """Its weights under the names of arcface_torch."""
        from converters import to_torch

        return to_torch.to_state_dict(*self.model)

    def copy_model(self, folder: pathlib.Path) -> pathlib.Path:
        """A model folder that may be damaged."""
        shutil.copytree(self.model_folder, folder)
        return folder


@functools.cache
def pixels(seed: int, size: int = SIZE) -> np.ndarray:
    """A smooth random square."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC))


@functools.cache
def encoded(kind: str, seed: int = 0, size: int = SIZE) -> bytes:
    """The bytes of a valid picture of one of `images.FORMATS`."""
    file = io.BytesIO()
    Image.fromarray(pixels(seed, size)).save(file, kind)
    return file.getvalue()


def five_points(size: int = SIZE) -> np.ndarray:
    """Five points as they lie in an ArcFace crop of this size."""
    return images.template_points("arcface", size)[0]
