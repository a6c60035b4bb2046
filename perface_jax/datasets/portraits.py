"""Folders of faces of any size, with landmarks: originals, candidates, and the results of an anonymizer.

Every face is cropped to a square and resized. With landmarks, the square follows the rule of CelebA-HQ
(`images.celeba_hq_square`), shrunk to fit into the picture. Without landmarks, a picture must be a square crop of a
known kind; it is used whole, with the points of that kind's template, which fit no face exactly.

`portrait_files` has the formats of landmarks. A picture is identified by its name without folder and suffix.
"""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Float32, Float64, Int, UInt8
from PIL import Image

from perface_jax import images
from perface_jax.datasets import celeba_files
from perface_jax.datasets.portrait_files import refuse_doubled
from perface_jax.landmarks import GENERIC, five_points, outline

CELEBA_HQ = "celeba_hq"
ROUNDING = 1e-6  # pixels, of edges that were stored as shares


@dataclasses.dataclass(frozen=True, eq=False)
class Portraits:
    """Faces in memory."""

    names: tuple[str, ...]  # without folder and suffix
    images: UInt8[np.ndarray, "n s s 3"]
    landmarks: Float32[np.ndarray, "n p 2"]  # pixels of `images`
    measured: bool  # whether the landmarks belong to these pictures, not to a template or other pictures
    boxes: Float64[np.ndarray, "n 3"]  # left, top, side of each square, as shares of its picture's width
    sizes: Int[np.ndarray, "n 2"]  # width and height of the pictures, pixels
    skipped: tuple[tuple[str, str], ...] = ()  # (name, reason) of pictures that could not be used

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, places: Int[np.ndarray, " n"]) -> "Portraits":
        """The faces at these positions."""
        names = tuple(self.names[i] for i in places)
        pictures, points = self.images[places], self.landmarks[places]
        return Portraits(names, pictures, points, self.measured, self.boxes[places], self.sizes[places])


def read_portraits(
    folder: str, names: Sequence[str], *, size: int, landmarks: Mapping[str, np.ndarray] | None, crop: str = CELEBA_HQ
) -> Portraits:
    """Read the faces of a folder, in the order of the names. Skips pictures that are unreadable or lack landmarks.

    Args:
      folder, names: the pictures as paths relative to the folder.
      size: side of the squares in pixels.
      landmarks: by name; None = all pictures are square crops of the kind `crop`.
      crop: `celeba_hq` or a template of `images`.

    Raises:
      ValueError: two pictures with one name, landmarks with different numbers of points or of other pictures, or no
        usable picture.
    """
    refuse_doubled(folder, names)
    if landmarks is not None:
        _refuse_misplaced(folder, names, landmarks)

    def read(_, name):
        picture = images.read_as(pathlib.Path(folder) / name, name)
        points = _whole(picture, crop) if landmarks is None else _of(landmarks, name)
        box = _box(points, picture)
        cut = _cut(picture, box, size), _into(points, picture, box, size)
        return images.stem(name), *cut, box, picture.shape[1::-1]

    (stems, *arrays), skipped = _usable(folder, names, read)
    pictures, points, boxes, sizes = map(np.stack, arrays)
    return Portraits(stems, pictures, points, landmarks is not None, boxes, sizes, skipped)


def read_results(
    folder: str, names: Sequence[str], originals: Portraits, *, landmarks: Mapping[str, np.ndarray] | None
) -> tuple[Portraits, Int[np.ndarray, " n"]]:
    """Read the results of an anonymizer: whole pictures with the names of the originals, cropped like those.

    Args:
      folder, names: the results as paths relative to the folder; names without an original are ignored.
      originals: results may differ in size, but not in aspect ratio. An original without a result is skipped.
      landmarks: of the results; None = use those of the originals, and set `measured` to False.

    Returns:
      The results, and the positions of their originals.

    Raises:
      ValueError: two pictures with one name, or no result of any original.
    """
    refuse_doubled(folder, names)
    paths = {images.stem(name): name for name in names}
    if not paths.keys() & set(originals.names):
        raise ValueError(
            f"no picture of {folder} has the name of an original; names there: {', '.join([*paths][:3])}, originals:"
            f" {', '.join(originals.names[:3])}"
        )

    def read(place, name):
        if name not in paths:
            raise ValueError("no result")
        picture = images.read_as(pathlib.Path(folder) / paths[name], name)
        return place, *_as_original(picture, originals, place, landmarks)

    columns, skipped = _usable(folder, originals.names, read)
    places, pictures, points = map(np.stack, columns)
    faces, measured = originals[places], landmarks is not None
    return dataclasses.replace(faces, images=pictures, landmarks=points, measured=measured, skipped=skipped), places


def _usable(folder, names, read):
    """Calls `read` for every position and name; returns its results in columns, and (name, reason) of each refusal."""
    rows, skipped = [], []
    for place, name in enumerate(names):
        try:
            rows.append(read(place, name))
        except (ValueError, TypeError, OSError) as error:
            skipped.append((name, images.reason_of(error, name)))
    if not rows:
        raise ValueError(f"no picture of {folder} can be used: {images.count_reasons(skipped)}")
    return tuple(zip(*rows, strict=True)), tuple(skipped)


def paste(
    picture: UInt8[np.ndarray, "h w 3"], box: Float[np.ndarray, "3"], square: UInt8[np.ndarray, "s s 3"]
) -> UInt8[np.ndarray, "h w 3"]:
    """A picture with a square pasted back where `Portraits.boxes` says it was cropped.

    Pixels only partly inside the square stay unchanged.
    """
    left, top, side = box * picture.shape[1]
    edges = np.array([left, top, left + side, top + side])
    first, last = np.ceil(edges[:2] - ROUNDING).astype(int), np.floor(edges[2:] + ROUNDING).astype(int)
    inside = (np.array([*first, *last]) - [left, top, left, top]) / side * len(square)
    shown = Image.fromarray(square).resize(
        tuple(last - first), Image.Resampling.BILINEAR, tuple(np.clip(inside, 0, len(square)))
    )
    pasted = picture.copy()
    pasted[first[1] : last[1], first[0] : last[0]] = shown
    return pasted


def in_picture(
    points: Float[np.ndarray, "p 2"], box: Float[np.ndarray, "3"], *, width: int, size: int
) -> Float[np.ndarray, "p 2"]:
    """Points in a square of `size` pixels, as pixels of the picture (of this `width`) that it was cropped from."""
    return ((points + 0.5) / size * box[2] + box[:2]) * width - 0.5


def _refuse_misplaced(folder, names, landmarks):
    """Refuse landmarks of copies or crops of these pictures."""
    paths = [pathlib.Path(folder) / name for name in names]
    found = {place: landmarks.get(images.stem(name)) for place, name in enumerate(names)}
    points = {place: five_points(one) for place, one in found.items() if one is not None and np.isfinite(one).all()}
    try:
        images.refuse_misplaced(paths, points, celeba_hq=pathlib.Path(folder).name == celeba_files.PICTURES)
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from error


def _of(landmarks, name):
    if (points := landmarks.get(images.stem(name))) is None:
        raise ValueError("no landmarks for this picture")
    if not np.isfinite(points).all():
        raise ValueError("landmarks that are not finite numbers")
    return np.asarray(points, np.float64)


def _as_original(picture, originals, place, landmarks):
    """The square and the landmarks of a result, at the place where its original was cropped."""
    (height, width), (whole_width, whole_height) = picture.shape[:2], originals.sizes[place]
    if abs(height * whole_width - width * whole_height) > max(whole_width, whole_height):  # sides are rounded
        raise ValueError(
            f"{width} x {height} pixels, its original {whole_width} x {whole_height}; wanted the whole picture, of any"
            " size but of the same aspect ratio"
        )
    box, size, points = originals.boxes[place], originals.images.shape[1], originals.landmarks[place]
    if landmarks is not None:
        points = _into(_of(landmarks, originals.names[place]), picture, box, size)
    return _cut(picture, box, size), points


def _whole(picture, crop):
    """The five points of a square crop of a known kind, pixels."""
    height, width = picture.shape[:2]
    if height != width:
        raise ValueError(f"not square and without landmarks ({width} x {height} pixels): give landmarks, or crop it")
    if crop != CELEBA_HQ:
        return images.template_points(crop, width)[0]
    generic = GENERIC[:5, :2]
    left, top, side = images.celeba_hq_square(generic)
    return (generic - (left, top)) / side * width - 0.5


def _box(points, picture):
    height, width = picture.shape[:2]
    left, top, side = images.celeba_hq_square(np.asarray(outline(points))[:5] + 0.5)
    shrunk = min(side, width, height)
    left, top = left + (side - shrunk) / 2, top + (side - shrunk) / 2
    return np.array([np.clip(left, 0, width - shrunk), np.clip(top, 0, height - shrunk), shrunk], np.float64) / width


def _cut(picture, box, size):
    left, top, side = box * picture.shape[1]
    edges = (left, top, min(left + side, picture.shape[1]), min(top + side, picture.shape[0]))
    return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.BILINEAR, edges))


def _into(points, picture, box, size):
    scaled = (points + 0.5) / picture.shape[1]
    return ((scaled - box[:2]) / box[2] * size - 0.5).astype(np.float32)
