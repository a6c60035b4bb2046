"""What a study is made of: triplets of picture files, with their sources and targets.

Two forms. A folder in the layout of the SimCelebA release has the pictures triplet/NAME_c.jpg (the reference),
NAME_a.jpg and NAME_b.jpg. Any other folder has a file triplets.csv: reference,a,b[,triplet][,source,target].
"""

import os
import pathlib
from typing import NamedTuple

from perface_jax import annotations
from perface_jax.annotations import tables
from perface_jax.annotations.votes import naming_fault
from perface_jax.datasets import release as releases

LIST = "triplets.csv"
PICTURES = ("reference", "a", "b")


class Material(NamedTuple):
    """One triplet of picture files; a source that nobody named is the triplet itself."""

    triplet: str
    reference: pathlib.Path
    a: pathlib.Path
    b: pathlib.Path
    source: str
    target: str


def of_release(folder: str | os.PathLike, *, ids: str | os.PathLike | None = None) -> list[Material]:
    """The triplets of a release; answers are not needed.

    Args:
      ids: a file of sources and targets (`annotations.read_ids`); the study has the triplets that it names.

    Raises:
      FileNotFoundError: no pictures.
      ValueError: a triplet lacks a picture, or `ids` is wrong.
    """
    folder = pathlib.Path(folder)
    names = sorted(path.name for path in (folder / releases.PICTURES).glob("*.jpg") if path.name[0] != ".")
    triplets = [name.removesuffix("_c.jpg") for name in names if name.endswith("_c.jpg")]
    if not triplets:
        raise FileNotFoundError(f"{folder / releases.PICTURES} has no picture such as t0000_c.jpg; wanted a release")
    missing = {f"{triplet}_{role}.jpg" for triplet in triplets for role in "ab"} - set(names)
    if missing:
        raise ValueError(
            f"{folder / releases.PICTURES} lacks {len(missing)} pictures: {tables.listed(sorted(missing))}"
        )
    place = {triplet: (triplet, "") for triplet in triplets}
    if ids is not None:
        found = annotations.read_ids(ids, triplets)
        place = {name: (f"{s}", f"{t}") for name, s, t in zip(found.ids, found.source_id, found.target_id, strict=True)}
    c, a, b = ([releases.picture_path(folder, name, role) for name in place] for role in "cab")
    sources, targets = zip(*place.values(), strict=True)
    return list(map(Material, place, c, a, b, sources, targets))


def of_folder(folder: str | os.PathLike) -> list[Material]:
    """The triplets of a folder of pictures, from its triplets.csv.

    Raises:
      FileNotFoundError: no such file, or a picture that it names is not there.
      ValueError: a missing column, an empty cell, a repeated triplet, the same picture twice in a triplet, or a picture
        outside of the folder.
    """
    folder = pathlib.Path(folder)
    path = folder / LIST
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: wanted a list of triplets with the columns reference,a,b")
    columns = [name for name in ("triplet", "source", "target") if name in tables.read(path, _COLUMNS).header]
    rows = tables.read_rows(path, (*PICTURES, *columns), one="triplet")
    material = [_material(path, line, k, cells) for k, (line, cells) in enumerate(rows)]
    names = [one.triplet for one in material]
    if twice := next((k for k, name in enumerate(names) if name in names[:k]), None):
        raise tables.wrong(path, rows[twice][0], f"the triplet {names[twice]} again", "every triplet once")
    if fault := naming_fault(names):
        raise ValueError(f"{path}, line {rows[fault[0]][0]}: {fault[1]}")
    return material


_COLUMNS = (*PICTURES, "triplet", "source", "target")


def _material(path: pathlib.Path, line: int, number: int, cells: dict[str, str]) -> Material:
    name = cells.get("triplet", f"t{number:04d}")
    shown = [cells[role] for role in PICTURES]
    if len(set(shown)) < len(shown):
        raise tables.wrong(path, line, ", ".join(shown), "three different pictures")
    for one in shown:
        picture = (path.parent / one).resolve()
        if not picture.is_relative_to(path.parent.resolve()):
            raise tables.wrong(path, line, f"'{one}'", "the name of a picture in this folder")
        if not picture.is_file():
            raise FileNotFoundError(f"{path}, line {line}: there is no picture {one} in the folder")
    reference, a, b = (path.parent / one for one in shown)
    return Material(name, reference, a, b, cells.get("source", name), cells.get("target", ""))
