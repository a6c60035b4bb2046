"""The faces of all pictures of a folder, and the file of their landmarks."""

import concurrent.futures
import functools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from etils import epath
from jaxtyping import UInt8

from perface_jax import files, images
from perface_jax.datasets.celeba_files import LANDMARKS
from perface_jax.detection.faces import Detector, Face, by_size

THREADS = min(4, os.cpu_count() or 1)
Seen = Callable[[str, UInt8[np.ndarray, "h w 3"], Sequence[Face]], None]


def detect_folder(
    folder: epath.PathLike, detector: Detector, *, seen: Seen | None = None
) -> Iterator[tuple[str, list[Face] | str]]:
    """For each picture of a folder and its subfolders, in order: its name, and its faces or why it cannot be read.

    Args:
      folder: searched by `images.list_pictures`, whose skipped files come with their reasons.
      seen: called with the name, the picture and its faces (largest first), in the thread that found them.

    Raises:
      FileNotFoundError: no such folder.
      ValueError: no picture in it.
    """
    pictures, skipped = images.list_pictures(folder)
    names, reasons = sorted([*pictures, *(name for name, _ in skipped)]), dict(skipped)
    look = functools.partial(_look, epath.Path(folder), detector, seen, reasons)
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        yield from zip(names, pool.map(look, names), strict=True)


def _look(folder, detector, seen, reasons, name):
    if name in reasons:
        return reasons[name]
    try:
        picture = images.read_as(folder / name, name)
    except (images.PictureError, OSError) as error:
        return images.reason_of(error, name)
    faces = by_size(detector(picture))
    if seen is not None:
        seen(name, picture, faces)
    return faces


def write_landmarks(file: epath.PathLike, faces: Mapping[str, Face]) -> None:
    """A CSV with a row for each face: name, five points in pixels, score and box.

    `datasets.portrait_files.read_landmarks` and the readers of CelebA-HQ accept this file.
    """
    rows = [["name", *LANDMARKS, "score", "left", "top", "right", "bottom"]]
    for name, face in faces.items():
        points, box = (f"{x:.2f}" for x in face.landmarks.ravel()), (f"{x:.1f}" for x in face.box)
        rows.append([name, *points, f"{face.score:.4f}", *box])
    files.write_csv(file, rows)
