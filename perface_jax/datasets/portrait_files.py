"""Files about portraits: their landmarks, and the groups and persons that the faces belong to.

    landmarks     CSV: name,left_eye_x,... (five points) or name,x0,y0,x1,y1,...; or .npz with names and landmarks
                  [N, P, 2 or more]. Pixels of the picture; P is one of `landmarks.COUNTS`
    attributes    CSV: name and the columns to group by; or CelebAMask-HQ-attribute-anno.txt, its Young and Male.
                  A column person names the person in a picture, and forms no groups. Columns of GUARDED say what a
                  swap cannot change, and form no groups either: glasses, beard

A picture is identified by its name without folder and suffix, once per file. CSV is as `annotations.tables` says.
"""

import collections
import pathlib
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Shaped

from perface_jax import files
from perface_jax.annotations import spellings, tables
from perface_jax.datasets import celeba_files
from perface_jax.datasets.landmark_columns import LANDMARKS, five_columns, name_column, numbered_columns
from perface_jax.images import stem
from perface_jax.landmarks import COUNTS

PERSON = "person"
LIKE_PERSON = frozenset("persons person_id personid pid identity identity_id id subject subject_id people".split())
GUARDED = {"glasses": ("glasses", "eyeglasses"), "beard": ("beard", "facial_hair")}  # columns of a CSV, any case
CELEBA_BEARD = ("Mustache", "Goatee")  # besides the opposite of No_Beard
ARRAYS = ("names", "landmarks")


def refuse_doubled(origin: str, names: Iterable[str]) -> None:
    """Raise a ValueError if two names are equal without folder and suffix; the message names `origin`."""
    counts = collections.Counter(map(stem, names))
    if doubled := sorted(name for name, count in counts.items() if count > 1):
        raise ValueError(
            f"{origin} has several pictures called {', '.join(doubled[:5])}; names count without folder and suffix"
        )


class Rows(NamedTuple):
    """The columns of a file about pictures besides their names, and for each picture the line and the cells."""

    columns: Sequence[str]
    cells: Mapping[str, tuple[int, Mapping[str, str]]]


def read_landmarks(path: str) -> dict[str, Float32[np.ndarray, "p 2"]]:
    """Landmarks by name. ValueError for another format, FileNotFoundError without a file."""
    if pathlib.Path(path).suffix == ".npz":
        names, points = _arrays(path)
    elif _is_named(tables.read(path, LANDMARKS).header):
        five = celeba_files.read_landmarks(path)
        names, points = [*five], [points for points, _ in five.values()]
    else:
        names, points = _dense(path)
    refuse_doubled(path, names)
    return {stem(name): np.asarray(face, np.float32) for name, face in zip(names, points, strict=True)}


def read_attributes(path: str, names: Sequence[str]) -> dict[str, Shaped[np.ndarray, " n"]]:
    """The attributes of every picture: attribute -> its values.

    Raises:
      ValueError: a picture without attributes, or with an empty one; two spellings of a value; no attribute, or one
        that differs for nearly every picture.
    """
    rows = _read_rows(path)
    columns = [column for column in rows.columns if column != PERSON and not _guarded(column)]
    values = {column: _values(path, rows, column, names, spellings.MISSING) for column in columns}
    for column, value in values.items():
        if len(found := set(value)) > max(2, len(names) // 2):
            raise ValueError(f"{path}: {column} has {len(found)} values in {len(names)} pictures; leave it out")
    return values


def read_guarded(path: str, names: Sequence[str]) -> dict[str, Shaped[np.ndarray, " n"]]:
    """`glasses` and `beard` of every picture, those that the file has; of CelebAMask-HQ's file Eyeglasses, and whether
    there is a Mustache, a Goatee, or no No_Beard. The values are strings; only whether two are equal matters.

    Raises:
      ValueError: a picture that is missing, or has an empty cell; two spellings of a value.
    """
    if pathlib.Path(path).suffix == ".txt":
        return _guarded_marks(path, names)
    rows = _read_rows(path)
    found = {kind: column for column in rows.columns if (kind := _guarded(column))}
    return {kind: _values(path, rows, column, names, spellings.MISSING) for kind, column in found.items()}


def _guarded(column):
    """What of GUARDED a column is about; None for others."""
    return next((kind for kind, columns in GUARDED.items() if column.lower() in columns), None)


def _guarded_marks(path, names):
    pictures, marks = celeba_files.read_marks(path)
    there, found = {stem(name): i for i, name in enumerate(pictures)}, {}
    if missing := [name for name in names if name not in there]:
        raise ValueError(f"{path} has no row for {', '.join(missing[:5])}; {len(missing)} pictures in all")
    places = [there[name] for name in names]
    if "Eyeglasses" in marks:
        found["glasses"] = marks["Eyeglasses"][places].astype(str)
    beards = [marks[name] for name in CELEBA_BEARD if name in marks]
    beards += [~marks["No_Beard"]] if "No_Beard" in marks else []
    if beards:
        found["beard"] = np.any(beards, axis=0)[places].astype(str)
    return found


def read_persons(path: str, names: Sequence[str]) -> Shaped[np.ndarray, " n"] | None:
    """The person on every picture; None if the file has no column `person`. A column such as `identity` is warned of.

    Raises:
      ValueError: a picture without a person, or a person with two spellings; see `annotations.spellings`.
    """
    rows = _read_rows(path)
    if PERSON in rows.columns:
        return _values(path, rows, PERSON, names, spellings.NOBODY)
    if like := [column for column in rows.columns if column.lower() in LIKE_PERSON]:
        warnings.warn(
            f"{path} has no column person, so every picture counts as another person; rename {like[0]} if it has them",
            stacklevel=2,
        )
    return None


def _read_rows(path: str) -> Rows:
    if pathlib.Path(path).suffix == ".txt":
        read = celeba_files.read_attributes(path)
        groups, columns = (celeba_files.GROUPS[i].split() for i in read.groups()), ("age", "gender")
        rows = (dict(zip(columns, words, strict=True)) for words in groups)
        lines = enumerate(zip(read.names, rows, strict=True), 3)
        return Rows(columns, {stem(name): (line, row) for line, (name, row) in lines})
    table = tables.read(path, ("name", PERSON), wanted="name and the columns to group by")
    columns = [column for column in table.header if column != "name"]
    if not columns or len(columns) != len(table.header) - 1:
        seen = f"the columns {','.join(table.header)}"
        raise tables.wrong(path, table.line, seen, "name and the columns to group by, or person")
    tables.require_rows(path, table, "picture")
    _refuse_twice(path, [(line, row["name"]) for line, row in table.cells()])
    return Rows(columns, {stem(row["name"]): (line, row) for line, row in table.cells()})


def _refuse_twice(path, names: Iterable[tuple[int, str]]) -> None:
    """Raise a ValueError for a picture that is named on two lines, or not at all."""
    first: dict[str, tuple[int, str]] = {}
    for line, name in names:
        if not name:
            raise tables.wrong(path, line, "an empty cell in column name", "the name of a picture")
        before, other = first.setdefault(stem(name), (line, name))
        if before != line:
            seen = f"{name}, which is also on line {before}" + (f" as {other}" if other != name else "")
            raise tables.wrong(path, line, seen, "every picture once; names count without folder and suffix")


def _values(path, rows: Rows, column, names, nothing):
    if missing := [name for name in names if name not in rows.cells]:
        raise ValueError(f"{path} has no row for {', '.join(missing[:5])}; {len(missing)} pictures in all")
    found = [(line, row[column]) for line, row in map(rows.cells.__getitem__, names)]
    spellings.refuse_unclear(path, column, sorted(found), nothing=nothing)
    return np.array([value for _, value in found])


def _arrays(path):
    names, points = files.read_arrays(path, ARRAYS)
    if points.dtype.kind not in "fiu":
        raise ValueError(f"{path}: landmarks are {points.dtype}; wanted numbers")
    try:
        names, points = files.read_names(names), points.astype(np.float32)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if points.ndim != 3 or len(points) != len(names) or points.shape[-1] < 2 or points.shape[1] not in COUNTS:
        raise ValueError(
            f"{path}: {len(names)} names and landmarks of shape {list(points.shape)}; wanted [N, P, 2] with P one of"
            f" {', '.join(map(str, COUNTS))}"
        )
    return names, points[..., :2]


def _is_named(header):
    """Whether the columns of a file of landmarks are named for five points, or some of them."""
    return not numbered_columns(header) and (five_columns(header) is not None or "left_eye_x" in header)


def _dense(path):
    most = [f"{axis}{i}" for i in range(max(COUNTS)) for axis in "xy"]
    table = tables.read(path, ("name", *most))
    header, named, columns = table.header, name_column(table.header), numbered_columns(table.header)
    if not named or not columns or len(columns) // 2 not in COUNTS:
        seen = f"{len(header)} columns, {', '.join(header[:4])}, ..."
        counts = ", ".join(map(str, COUNTS))
        raise tables.wrong(
            path, table.line, seen, f"name,left_eye_x,... of five points, or name,x0,y0,x1,y1,... of {counts}"
        )
    rows = table.cells()
    tables.require_rows(path, table, "face")
    _refuse_twice(path, [(line, cells[named]) for line, cells in rows])
    numbers = [_numbers(path, line, [cells[column] for column in columns]) for line, cells in rows]
    return [cells[named] for _, cells in rows], np.reshape(numbers, (len(rows), len(columns) // 2, 2))


def _numbers(path, line: int, cells: Sequence[str]) -> list[float]:
    try:
        return [tables.real(cell) for cell in cells]
    except ValueError as error:
        raise tables.wrong(path, line, str(error), "a number in every cell but the name") from error
