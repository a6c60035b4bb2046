"""The pictures of a study: JPEG files without metadata, all of the same side and the same number of bytes.

Dummies and practice triplets have files of their own, with a little noise: a page that compares names, sizes or
contents of files cannot tell them.
"""

import io
import os
import pathlib
from collections.abc import Iterable

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from perface_jax import files, images

QUALITY = 92  # of JPEG, from 1 to 100
COMMENT = b"\xff\xfe"  # begins a JPEG segment that decoders pass over
LONGEST = 65_533  # bytes of a comment
START = 2  # bytes of a JPEG before its segments


def read_square(path: str | os.PathLike, *, size: int) -> UInt8[np.ndarray, "s s 3"]:
    """A picture with a side of `size` pixels, or of its own if that is smaller.

    Raises:
      ValueError: the picture is not square, or damaged (`images.PictureError`).
    """
    picture = images.read(path)
    height, width = picture.shape[:2]
    if height != width:
        raise ValueError(f"{path}: {width} x {height} pixels, wanted a square picture; cut out the faces first")
    if width <= size:
        return picture
    return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.LANCZOS))


def encode(picture: UInt8[np.ndarray, "s s 3"], *, noise: np.random.Generator | None = None) -> bytes:
    """A picture as JPEG; with `noise`, every value changes by at most two steps, which nobody sees."""
    if noise is not None:
        change = (5 * noise.random(picture.shape)).astype(np.int16) - 2
        picture = np.clip(picture.astype(np.int16) + change, 0, 255).astype(np.uint8)
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "JPEG", quality=QUALITY, subsampling=0)
    return data.getvalue()


def pad(data: bytes, size: int) -> bytes:
    """A JPEG of exactly `size` bytes, by comments; ValueError unless it grows by four bytes or more."""
    missing, comments = size - len(data), []
    if missing < len(COMMENT) + 2:
        raise ValueError(f"a JPEG of {len(data)} bytes cannot become one of {size}; wanted at least four bytes more")
    while missing:
        left = min(missing - 4, LONGEST)
        if 0 < missing - 4 - left < 4:  # what is left must hold another comment
            left -= 4
        comments.append(COMMENT + (left + 2).to_bytes(2, "big") + bytes(left))
        missing -= 4 + left
    return data[:START] + b"".join(comments) + data[START:]


def pad_all(paths: Iterable[pathlib.Path]) -> int:
    """Pad JPEG files to one size, a little more than that of the largest; the size in bytes."""
    paths = list(paths)
    size = max(path.stat().st_size for path in paths) + len(COMMENT) + 2
    for path in paths:
        files.write_bytes(path, pad(path.read_bytes(), size))
    return size
