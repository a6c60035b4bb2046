"""Folders of faces of any size, with landmarks and groups: originals, candidates, and what an anonymiser made of them.

Every face is cut out as a square and resized: with landmarks by the rule of CelebA-HQ (`images.celeba_hq_box`), as far
as the picture reaches; without landmarks a picture must be a square crop of a known kind and is taken whole, with the
points of that kind's template, which no face has exactly.

    landmarks     CSV: name,left_eye_x,... (five points) or name,x0,y0,x1,y1,...; or .npz with names and landmarks
                  [N, P, 2 or more]. Pixels of the picture; P is one of `landmarks.COUNTS`
    attributes    CSV: name and the columns to group by; or CelebAMask-HQ-attribute-anno.txt, its Young and Male

A picture is known by its name without folder and suffix.
"""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from perface_jax import images
from perface_jax.datasets import celeba_files
from perface_jax.landmarks import COUNTS, GENERIC, outline

CELEBA_HQ = "celeba_hq"
PERSON = "person"  # a column that says who is on a picture


@dataclasses.dataclass(frozen=True, eq=False)
class Portraits:
    """Faces in memory.

    Attributes:
      names: without folder and suffix.
      images: uint8 `[N, S, S, 3]`.
      landmarks: float32 `[N, P, 2]`, pixels of `images`.
      measured: whether the landmarks belong to these pictures, and not to a template.
      boxes: float64 `[N, 3]`, left, top and side of each square in its picture, as shares of the picture's width.
      skipped: (name, reason) of the pictures that could not be used.
    """

    names: tuple[str, ...]
    images: np.ndarray
    landmarks: np.ndarray
    measured: bool
    boxes: np.ndarray
    skipped: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, places: np.ndarray) -> "Portraits":
        """The faces at these places."""
        names = tuple(self.names[i] for i in places)
        return Portraits(names, self.images[places], self.landmarks[places], self.measured, self.boxes[places])


def read_portraits(
    folder: str, names: Sequence[str], *, size: int, landmarks: Mapping[str, np.ndarray] | None, crop: str = CELEBA_HQ
) -> Portraits:
    """Read the faces of a folder.

    Args:
      folder: holds the pictures.
      names: paths relative to it.
      size: S, pixels.
      landmarks: see `read_landmarks`; None = all pictures are square crops of the kind `crop`.
      crop: `celeba_hq` or a template of `images`.

    Returns:
      `Portraits`, in the order of the names. A picture that cannot be read, or has no landmarks, is skipped.

    Raises:
      ValueError: two pictures of one name, landmarks of different numbers of points, or nothing left.
    """
    _refuse_doubled(folder, names)
    kept, skipped = [], []
    for name in names:
        try:
            picture = images.read(pathlib.Path(folder) / name)
            points = _whole(picture, crop) if landmarks is None else _of(landmarks, name)
            box = _box(points, picture)
            kept.append((_stem(name), _cut(picture, box, size), _into(points, picture, box, size), box))
        except (ValueError, TypeError, OSError) as error:
            skipped.append((name, str(error)))
    if not kept:
        raise ValueError(f"no picture of {folder} can be used; the first ones: {skipped[:3]}")
    stems, pictures, points, boxes = zip(*kept, strict=True)
    return Portraits(
        stems, np.stack(pictures), np.stack(points), landmarks is not None, np.stack(boxes), tuple(skipped)
    )


def read_results(
    folder: str, names: Sequence[str], originals: Portraits, *, landmarks: Mapping[str, np.ndarray] | None
) -> tuple[Portraits, np.ndarray]:
    """Read what an anonymiser made of originals: pictures of the same names, cut out where the originals were.

    Args:
      folder: holds the results.
      names: paths relative to it; other names than those of the originals are left out.
      originals: their pictures may have had another size, not another shape.
      landmarks: of the results; None = those of the originals are used, and `measured` is False.

    Returns:
      (results, places of their originals, int [n]).

    Raises:
      ValueError: two pictures of one name, or no result of any original.
    """
    _refuse_doubled(folder, names)
    paths = {_stem(name): name for name in names}
    places = [i for i, name in enumerate(originals.names) if name in paths]
    if not places:
        raise ValueError(
            f"no picture of {folder} has the name of an original; names there: {', '.join([*paths][:3])}, originals:"
            f" {', '.join(originals.names[:3])}"
        )
    size, kept, skipped = originals.images.shape[1], [], []
    for place in places:
        name = originals.names[place]
        try:
            picture = images.read(pathlib.Path(folder) / paths[name])
            box = originals.boxes[place]
            if box[1] + box[2] > picture.shape[0] / picture.shape[1] + 0.01:
                raise ValueError(f"{picture.shape[1]} x {picture.shape[0]} pixels: another shape than its original")
            points = (
                originals.landmarks[place] if landmarks is None else _into(_of(landmarks, name), picture, box, size)
            )
            kept.append((place, _cut(picture, box, size), points))
        except (ValueError, TypeError, OSError) as error:
            skipped.append((name, str(error)))
    if not kept:
        raise ValueError(f"no picture of {folder} can be used; the first ones: {skipped[:3]}")
    places, pictures, points = (np.stack(part) for part in zip(*kept, strict=True))
    chosen = tuple(originals.names[i] for i in places)
    boxes = originals.boxes[places]
    return Portraits(chosen, pictures, points, landmarks is not None, boxes, tuple(skipped)), places


def read_landmarks(path: str) -> dict[str, np.ndarray]:
    """Landmarks by name, float32 `[P, 2]` each; the forms are in the docstring of the module.

    Raises:
      ValueError: the file, and what was expected of it.
    """
    if pathlib.Path(path).suffix != ".npz":
        if "left_eye_x" in celeba_files.read_table(path)[0]:
            five = celeba_files.read_landmarks(path)
            return {_stem(name): points.astype(np.float32) for name, (points, _) in five.items()}
        return _dense(path)
    with np.load(path) as file:
        if missing := {"names", "landmarks"} - set(file):
            raise ValueError(f"{path}: no {' and no '.join(sorted(missing))} in it, it has {', '.join(file)}")
        names, points = [_stem(str(name)) for name in file["names"]], np.asarray(file["landmarks"], np.float32)
    if points.ndim != 3 or len(points) != len(names) or points.shape[-1] < 2 or points.shape[1] not in COUNTS:
        raise ValueError(
            f"{path}: {len(names)} names and landmarks of shape {list(points.shape)}; wanted [N, P, 2] with P one of"
            f" {', '.join(map(str, COUNTS))}"
        )
    return dict(zip(names, points[..., :2], strict=True))


def read_attributes(path: str, names: Sequence[str]) -> dict[str, np.ndarray]:
    """The attributes of every picture.

    Args:
      path: the forms are in the docstring of the module.
      names: of the pictures.

    Returns:
      attribute -> its value, strings `[N]`.

    Raises:
      ValueError: a picture without attributes, no attribute, or one that has another value for nearly every picture.
    """
    if pathlib.Path(path).suffix == ".txt":
        read = celeba_files.read_attributes(path)
        columns = ("age", "gender")
        told = {name: celeba_files.GROUPS[i].split() for name, i in zip(read.names, read.groups(), strict=True)}
    else:
        header, rows = celeba_files.read_table(path)
        columns = tuple(column for column in header if column != "name")
        if not columns or len(columns) == len(header):
            raise ValueError(f"{path}, line 1: columns {', '.join(header)}; expected name and the columns to group by")
        told = {_stem(row["name"]): [row[column] for column in columns] for _, row in rows}
    if missing := [name for name in names if name not in told]:
        raise ValueError(f"{path} says nothing of {', '.join(missing[:5])}; {len(missing)} pictures in all")
    values = {column: np.array([told[name][i] for name in names]) for i, column in enumerate(columns)}
    for column, value in values.items():
        if column != PERSON and len(found := set(value)) > max(2, len(names) // 2):
            raise ValueError(f"{path}: {column} has {len(found)} values in {len(names)} pictures; leave it out")
    return values


def _dense(path):
    header, rows = celeba_files.read_table(path)
    count = (len(header) - 1) // 2
    wanted = ["name", *(f"{axis}{i}" for i in range(count) for axis in "xy")]
    if header != wanted or count not in COUNTS:
        raise ValueError(
            f"{path}, line 1: {len(header)} columns, {', '.join(header[:4])}, ...; expected name,left_eye_x,... of five"
            f" points, or name,x0,y0,x1,y1,... of {', '.join(map(str, COUNTS))}"
        )
    try:
        numbers = [[float(row[column]) for column in header[1:]] for _, row in rows]
    except ValueError as error:
        raise ValueError(f"{path}: {error}; every cell but the name is a number") from error
    points = np.asarray(numbers, np.float32).reshape(len(rows), count, 2)
    return {_stem(row["name"]): one for (_, row), one in zip(rows, points, strict=True)}


def _of(landmarks, name):
    if (points := landmarks.get(_stem(name))) is None:
        raise ValueError("no landmarks for this picture")
    if not np.isfinite(points).all():
        raise ValueError("landmarks that are no finite numbers")
    return np.asarray(points, np.float64)


def _stem(name):
    return pathlib.PurePosixPath(name).stem


def _refuse_doubled(folder, names):
    stems = [_stem(name) for name in names]
    if doubled := sorted({stem for stem in stems if stems.count(stem) > 1}):
        raise ValueError(f"{folder} has several pictures called {', '.join(doubled[:5])}; names count without suffix")


def _whole(picture, crop):
    """The five points of a square picture that is a crop of a known kind, pixels."""
    height, width = picture.shape[:2]
    if height != width:
        raise ValueError(f"{width} x {height} pixels, wanted a square crop, or landmarks")
    if crop != CELEBA_HQ:
        return images.template_points(crop, width)[0]
    generic = GENERIC[:5, :2]
    left, top, side = _square(generic)
    return (generic - (left, top)) / side * width - 0.5


def _square(five):
    """Left, top and side of the square of CelebA-HQ around five points, on their scale."""
    eyes, mouth = five[:2].mean(0), five[3:].mean(0)
    half = max(2.0 * np.hypot(*(five[1] - five[0])), 1.8 * np.hypot(*(mouth - eyes)))
    return *(eyes + 0.1 * (mouth - eyes) - half), 2 * half


def _box(points, picture):
    height, width = picture.shape[:2]
    left, top, side = _square(np.asarray(outline(points))[:5] + 0.5)
    shrunk = min(side, width, height)
    left, top = left + (side - shrunk) / 2, top + (side - shrunk) / 2
    return np.array([np.clip(left, 0, width - shrunk), np.clip(top, 0, height - shrunk), shrunk]) / width


def _cut(picture, box, size):
    left, top, side = box * picture.shape[1]
    edges = (left, top, min(left + side, picture.shape[1]), min(top + side, picture.shape[0]))
    return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.BILINEAR, edges))


def _into(points, picture, box, size):
    scaled = (points + 0.5) / picture.shape[1]
    return ((scaled - box[:2]) / box[2] * size - 0.5).astype(np.float32)
