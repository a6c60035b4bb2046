"""The anonymizer for whole batches: pictures of faces with landmarks in, results of the same size out."""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Num, UInt8
from PIL import Image

from perface_jax.arrays import AnyArray
from perface_jax.generator.heat_maps import face_mask
from perface_jax.generator.networks import GENERATOR, Networks
from perface_jax.landmarks import outline


class FaceInpainter:
    """Paints faces anew with a trained generator; `batch` faces at a time, so that one program serves any number."""

    def __init__(self, networks: Networks, params: Mapping[str, Any], *, batch: int = 16):
        self._networks, self._batch = networks, batch
        self._params = {GENERATOR: params[GENERATOR]}

    def __call__(
        self, pictures: UInt8[AnyArray, "n s s 3"], points: Num[AnyArray, "n p 2"]
    ) -> UInt8[np.ndarray, "n s s 3"]:
        """A result for each picture, with the original's pixels outside of the face.

        The generator sees squares of the size it was trained on; what it painted is enlarged to the picture's size, and
        put in with a soft edge. The landmarks of the results are those of the originals.

        Args:
          pictures: squares cropped as in training: `datasets.portraits`.
          points: landmarks in pixels of `pictures`, in any layout of `perface_jax.landmarks`.

        Raises:
          ValueError: landmarks that are not finite, or other shapes.
        """
        pictures, points = np.asarray(pictures), np.asarray(points, np.float32)
        if pictures.ndim != 4 or pictures.shape[1] != pictures.shape[2] or len(pictures) != len(points):
            shapes = f"{list(pictures.shape)} with landmarks {list(points.shape)}"
            raise ValueError(f"saw pictures {shapes}, wanted [n, s, s, 3] with landmarks [n, p, 2]")
        if not np.isfinite(points).all():
            raise ValueError("saw NaN or infinity in the landmarks: leave out faces that were not found")
        return np.concatenate([self._some(pictures[i : i + self._batch], points[i : i + self._batch])
                               for i in range(0, len(pictures), self._batch)] or [pictures])  # fmt: skip

    def _some(self, pictures, points):
        count, side, size = len(pictures), pictures.shape[1], self._networks.size
        points = np.asarray(outline(points))
        places = np.minimum(np.arange(self._batch), count - 1)  # the last batch repeats its last face
        small = np.stack([_resized(picture, size) for picture in pictures])
        scaled = (points + 0.5) * (size / side) - 0.5
        painted = np.asarray(_paint(self._params, small[places], scaled[places], networks=self._networks))[:count]
        mask = np.asarray(_masks(points[places], size=side))[:count, ..., None]
        large = np.stack([_resized(picture, side) for picture in painted])
        return np.rint(mask * large + (1 - mask) * pictures).astype(np.uint8)


@functools.partial(jax.jit, static_argnames="networks")
def _paint(params, pictures, points, *, networks):
    _, painted, _ = networks.paint(params, pictures, points)
    return jnp.clip(jnp.rint(painted), 0, 255).astype(jnp.uint8)


_masks = jax.jit(face_mask, static_argnames="size")


def _resized(picture, size):
    if len(picture) == size:
        return picture
    return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.LANCZOS))
