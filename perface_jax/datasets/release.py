"""A folder in the layout of the SimCelebA release: what it must contain, and how its pictures are read.

    triplet/t0000_a.jpg, t0000_b.jpg, t0000_c.jpg ...    squares of any size; c is the reference
    triplet_answers.csv                                  tripletId,ans1,ans2,ans3

The folder is never changed. An empty or damaged picture raises `images.PictureError`, which the caller lists. A picture
that is missing or not square is a ValueError about the whole folder. Triplets without answers are not read; their
number is reported. Triplets of your own have the same layout; their ids may be any names.
"""

import hashlib
import pathlib
from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8

from perface_jax import files, images

ANSWERS = "triplet_answers.csv"
COLLECTED = "collected.json"  # of a release that `perface collect export` wrote
PICTURES = "triplet"
ROLES = ("a", "b", "c")
REFERENCE = "c"


def picture_path(release: pathlib.Path, triplet: str, role: str) -> pathlib.Path:
    """Path of one picture, such as triplet/t0000_c.jpg."""
    return release / PICTURES / f"{triplet}_{role}.jpg"


def check_layout(release: pathlib.Path) -> None:
    """Raise a FileNotFoundError that names the missing part if the folder is not a release."""
    for part, present in ((ANSWERS, (release / ANSWERS).is_file()), (PICTURES, (release / PICTURES).is_dir())):
        if not present:
            raise FileNotFoundError(
                f"{release / part} is missing: expected the release folder, with {ANSWERS} and {PICTURES}/t0000_a.jpg"
            )


def check_pictures(release: pathlib.Path, triplets: Sequence[str], lines: Sequence[int]) -> list[str]:
    """The triplets of the folder that have no answers; ValueError if a triplet with answers lacks a picture.

    `lines` are the lines of `triplets` in the file of answers.
    """
    present = {path.name for path in _pictures(release)}
    line = {f"{triplet}_{role}.jpg": row for row, triplet in zip(lines, triplets, strict=True) for role in ROLES}
    if missing := sorted(line.keys() - present, key=lambda name: (line[name], name)):
        raise ValueError(
            f"{release / ANSWERS}, line {line[missing[0]]}: expected a picture {PICTURES}/{missing[0]}, there is none; "
            f"{len(missing)} of {len(line)} pictures are missing"
        )
    found = {name.removesuffix(".jpg").rpartition("_") for name in present - line.keys()}
    return sorted({triplet for triplet, _, role in found if triplet and role in ROLES} - set(triplets))


def decode_square(data: bytes, *, path: pathlib.Path) -> UInt8[np.ndarray, "s s 3"]:
    """The picture at `path`; PictureError if it is damaged, ValueError if it is not square."""
    picture = images.decode(data, name=path.name)
    height, width = picture.shape[:2]
    if height != width:
        raise ValueError(f"{path}: {width} x {height} pixels, expected a square picture")
    return picture


def fingerprint(release: pathlib.Path) -> dict[str, str]:
    """A quick fingerprint of a release: digests of the answers, and of picture names and sizes."""
    sizes = sorted((path.name, path.stat().st_size) for path in _pictures(release))
    return {
        "answers_sha256": files.sha256(release / ANSWERS),
        "picture_sizes_sha256": hashlib.sha256(repr(sizes).encode()).hexdigest(),
    }


def collected(release: pathlib.Path) -> str:
    """What was collected, in words, of a release that `perface collect export` wrote; "" of others.

    ValueError if the record is damaged.
    """
    path = release / COLLECTED
    if not path.is_file():
        return ""
    try:
        return str(files.read_json(path)["words"])
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} is damaged: {error}; remove it, or export the study once more") from error


def _pictures(release: pathlib.Path) -> list[pathlib.Path]:
    """Not hidden ones: macOS puts ._t0000_a.jpg beside t0000_a.jpg."""
    return [path for path in (release / PICTURES).glob("*.jpg") if path.name[0] != "."]
