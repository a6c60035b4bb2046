"""Files about portraits: their landmarks, and the groups and persons that the faces belong to.

    landmarks     CSV: name,left_eye_x,... (five points) or name,x0,y0,x1,y1,...; or .npz with names and landmarks
                  [N, P, 2 or more]. Pixels of the picture; P is one of `landmarks.COUNTS`
    attributes    CSV: name and the columns to group by; or CelebAMask-HQ-attribute-anno.txt, its Young and Male.
                  A column person names the person in a picture, and forms no groups

A picture is identified by its name without folder and suffix, once per file.
"""

import collections
import pathlib
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from jaxtyping import Float32, Shaped

from perface_jax.datasets import celeba_files
from perface_jax.images import stem
from perface_jax.landmarks import COUNTS

PERSON = "person"
ARRAYS = ("names", "landmarks")


def refuse_doubled(origin: str, names: Iterable[str]) -> None:
    """Raise a ValueError if two names are equal without folder and suffix; the message names `origin`."""
    counts = collections.Counter(map(stem, names))
    if doubled := sorted(name for name, count in counts.items() if count > 1):
        raise ValueError(
            f"{origin} has several pictures called {', '.join(doubled[:5])}; names count without folder and suffix"
        )


def read_landmarks(path: str) -> dict[str, Float32[np.ndarray, "p 2"]]:
    """Landmarks by name. ValueError for another format, FileNotFoundError without a file."""
    if pathlib.Path(path).suffix == ".npz":
        names, points = _arrays(path)
    elif "left_eye_x" in celeba_files.read_table(path)[0]:
        five = celeba_files.read_landmarks(path)
        names, points = [*five], [points for points, _ in five.values()]
    else:
        names, points = _dense(path)
    refuse_doubled(path, names)
    return {stem(name): np.asarray(face, np.float32) for name, face in zip(names, points, strict=True)}


def read_attributes(path: str, names: Sequence[str]) -> dict[str, Shaped[np.ndarray, " n"]]:
    """The attributes of every picture: attribute -> its values.

    Raises:
      ValueError: a picture without attributes, no attribute, or one that differs for nearly every picture.
    """
    columns, rows = _read_columns(path)
    columns = [column for column in columns if column != PERSON]
    values = {column: _values(path, rows, column, names) for column in columns}
    for column, value in values.items():
        if len(found := set(value)) > max(2, len(names) // 2):
            raise ValueError(f"{path}: {column} has {len(found)} values in {len(names)} pictures; leave it out")
    return values


def read_persons(path: str, names: Sequence[str]) -> Shaped[np.ndarray, " n"] | None:
    """The person on every picture; None if the file has no column `person`. ValueError for an unknown picture."""
    columns, rows = _read_columns(path)
    return _values(path, rows, PERSON, names) if PERSON in columns else None


def _read_columns(path: str) -> tuple[Sequence[str], Mapping[str, Mapping[str, str]]]:
    """The columns, and name -> column -> value."""
    if pathlib.Path(path).suffix == ".txt":
        read = celeba_files.read_attributes(path)
        groups, columns = (celeba_files.GROUPS[i].split() for i in read.groups()), ("age", "gender")
        rows = (dict(zip(columns, words, strict=True)) for words in groups)
        return columns, {stem(name): row for name, row in zip(read.names, rows, strict=True)}
    header, rows = celeba_files.read_table(path)
    columns = [column for column in header if column != "name"]
    if not columns or len(columns) != len(header) - 1:
        raise ValueError(f"{path}, line 1: columns {', '.join(header)}; expected name and the columns to group by")
    refuse_doubled(path, [row["name"] for _, row in rows])
    return columns, {stem(row["name"]): row for _, row in rows}


def _values(path, rows, column, names):
    if missing := [name for name in names if name not in rows]:
        raise ValueError(f"{path} has no row for {', '.join(missing[:5])}; {len(missing)} pictures in all")
    return np.array([rows[name][column] for name in names])


def _arrays(path):
    wanted = f"wanted a .npz with the arrays {' and '.join(ARRAYS)}"
    try:
        with np.load(path, allow_pickle=False) as file:
            names, points = file["names"].astype(str), file["landmarks"].astype(np.float32)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"no file {path}; {wanted}") from error
    except (KeyError, ValueError, OSError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path}: {wanted} ({error})") from error
    if points.ndim != 3 or len(points) != names.size or points.shape[-1] < 2 or points.shape[1] not in COUNTS:
        raise ValueError(
            f"{path}: {names.size} names and landmarks of shape {list(points.shape)}; wanted [N, P, 2] with P one of"
            f" {', '.join(map(str, COUNTS))}"
        )
    return names.ravel(), points[..., :2]


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
    return [row["name"] for _, row in rows], np.reshape(numbers, (len(rows), count, 2))
