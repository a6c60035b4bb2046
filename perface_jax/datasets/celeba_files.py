"""The text files for CelebAMask-HQ: its attributes, and your corrected attributes and landmarks.

    CelebAMask-HQ-attribute-anno.txt      line 1: count; line 2: attribute names; then `0.jpg  -1 1 ...`
    corrections, CSV                      name,Male,Young     1, -1, or empty to keep a value
    landmarks, CSV                        name,left_eye_x,left_eye_y,right_eye_x,...     pixels of the picture; other
                                          headings and orders: `landmark_columns`

Pictures are named with or without folder and suffix. Files are only read; CSV as `annotations.tables` says. Every
error is a ValueError that names file and line, what was seen and what was expected.
"""

import dataclasses
import os
import pathlib
import re

import numpy as np
from jaxtyping import Bool, Float64, Int

from perface_jax import formatting
from perface_jax.annotations import tables
from perface_jax.datasets.landmark_columns import LANDMARKS, five_columns, name_column
from perface_jax.images import stem

GROUPS = ("young male", "young female", "older male", "older female")
PICTURES = "CelebA-HQ-img"
ATTRIBUTES = "CelebAMask-HQ-attribute-anno.txt"
MALE, YOUNG = "Male", "Young"


@dataclasses.dataclass(frozen=True)
class Attributes:
    """Apparent gender and age group of every picture, by its name without folder and suffix."""

    names: tuple[str, ...]
    male: Bool[np.ndarray, " n"]
    young: Bool[np.ndarray, " n"]

    def groups(self) -> Int[np.ndarray, " n"]:
        """Position in GROUPS of every picture."""
        return 2 * ~self.young + ~self.male


def read_attributes(path: str | os.PathLike) -> Attributes:
    """Read the attribute file of CelebAMask-HQ; its count, its columns Male and Young and every row are checked."""
    names, marks = read_marks(path)
    return Attributes(names, marks[MALE], marks[YOUNG])


def read_marks(path: str | os.PathLike) -> tuple[tuple[str, ...], dict[str, Bool[np.ndarray, " n"]]]:
    """Names of the pictures, and every attribute of the file by its name; checked as by `read_attributes`."""
    count, header, *rows = [*_read_text(path).splitlines(), "", ""]  # also of a file without two lines
    if not re.fullmatch(r"\s*\d{1,9}\s*", count):
        raise ValueError(
            f"{path}, line 1: '{formatting.shown(count, 60)}', expected the number of pictures, such as 30000"
        )
    header, rows = header.split(), [(i, line.split()) for i, line in enumerate(rows, 3) if line.strip()]
    if len(rows) != int(count):
        raise ValueError(f"{path}, line 1: says {int(count)} pictures, the file has {len(rows)} rows of attributes")
    for name in (MALE, YOUNG):
        if header.count(name) != 1:
            raise ValueError(
                f"{path}, line 2: {header.count(name)} attributes {name}, expected 1: {tables.listed(header)}"
            )
    for line, row in rows:
        if len(row) != len(header) + 1 or set(row[1:]) - {"1", "-1"}:
            seen = formatting.shown(" ".join(row), 60)
            raise ValueError(f"{path}, line {line}: '{seen}', expected a name and {len(header)} values 1 or -1")
    marks = {name: np.array([row[i] == "1" for _, row in rows]) for i, name in enumerate(header, 1)}
    return _unique([(line, row[0]) for line, row in rows], path), marks


def correct(attributes: Attributes, path: str | os.PathLike) -> tuple[Attributes, int]:
    """The attributes after corrections from a CSV (name, and Male, Young or both), and how many values changed."""
    table = tables.read(path, ("name", MALE, YOUNG))
    header, rows = table.header, table.cells()
    if sorted(header) not in (sorted(("name", *marks)) for marks in ((MALE,), (YOUNG,), (MALE, YOUNG))):
        seen = ", ".join(header)
        raise ValueError(f"{path}, line 1: columns {seen}, expected name and Male, Young or both, once each")
    tables.require_rows(path, table, "picture")
    position = {name: i for i, name in enumerate(attributes.names)}
    names = _unique([(line, row["name"]) for line, row in rows], path)
    corrected = {MALE: attributes.male.copy(), YOUNG: attributes.young.copy()}
    for name, (line, row) in zip(names, rows, strict=True):
        if name not in position:
            raise ValueError(f"{path}, line {line}: '{formatting.shown(name)}' is not in the attribute file")
        for attribute in corrected.keys() & row.keys():
            if row[attribute] not in ("1", "-1", ""):
                seen = formatting.shown(row[attribute])
                raise ValueError(f"{path}, line {line}: {attribute} is '{seen}', expected 1, -1 or nothing")
            if row[attribute]:
                corrected[attribute][position[name]] = row[attribute] == "1"
    changed = (corrected[MALE] != attributes.male).sum() + (corrected[YOUNG] != attributes.young).sum()
    return Attributes(attributes.names, corrected[MALE], corrected[YOUNG]), int(changed)


def read_landmarks(path: str | os.PathLike) -> dict[str, tuple[Float64[np.ndarray, "5 2"], int]]:
    """Five points per face: name -> (points in pixels of the picture, line of the file)."""
    table = tables.read(path, ("name", *LANDMARKS))
    named, columns, rows = name_column(table.header), five_columns(table.header), table.cells()
    if not named or not columns:
        missing = [column for column in ("name", *LANDMARKS) if column not in table.header]
        wanted = f"name, {LANDMARKS[0]}, {LANDMARKS[1]}, ..., {LANDMARKS[-1]}"
        raise ValueError(f"{path}, line 1: no column {tables.listed(missing, 3)}; expected {wanted}")
    tables.require_rows(path, table, "face")
    names = _unique([(line, row[named]) for line, row in rows], path)
    landmarks = {}
    for name, (line, row) in zip(names, rows, strict=True):
        try:
            points = np.array([tables.real(row[column]) for column in columns]).reshape(5, 2)
        except ValueError as error:
            raise tables.wrong(path, line, str(error), "ten numbers: x and y of five points") from error
        landmarks[name] = points, line
    return landmarks


def _read_text(path: str | os.PathLike) -> str:
    data = pathlib.Path(path).read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, bad = data.count(b"\n", 0, error.start) + 1, data[error.start : error.start + 1]
        raise ValueError(f"{path}, line {line}: the byte {bad!r}, expected text in UTF-8") from error


def _unique(names: list[tuple[int, str]], path: str | os.PathLike) -> tuple[str, ...]:
    """Names without folder and suffix; a repeated name is an error."""
    lines: dict[str, int] = {}
    for line, name in ((line, stem(name)) for line, name in names):
        if name in lines:
            raise ValueError(
                f"{path}, line {line}: '{formatting.shown(name)}' was already on line {lines[name]}, expected it once"
            )
        lines[name] = line
    return tuple(lines)
