"""The similarities of an evaluated run, kept in its workdir for a comparison with another one."""

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from etils import epath
from jaxtyping import Float32, Shaped

from perface_jax.annotations import Setting
from perface_jax.evaluation.inputs import Triplets
from perface_jax.evaluation.runs import Run, lines
from perface_jax.files import write_arrays

FILE = "similarities.npz"


def by_model(cells: Mapping[str, Sequence[Run]]) -> dict[str, list[Float32[np.ndarray, "t 2"]]]:
    """By printed name, the similarities of each run."""
    return {line.name: line.similarities for line in lines(cells)}


def save_similarities(file: epath.Path, triplets: Triplets, cells: Mapping[str, Sequence[Run]]) -> None:
    """Write the similarities of every model with digests of data and split; nothing if cells are split differently."""
    try:
        arrays: dict[str, Any] = {"data": _digests(triplets), "settings": common_settings(cells)}
    except ValueError:
        return  # nothing to compare
    arrays |= {f"model {name}": np.stack(runs) for name, runs in by_model(cells).items()}
    write_arrays(file, arrays, compressed=True)  # another process may be reading it


def load_similarities(
    file: epath.Path, triplets: Triplets, cells: Mapping[str, Sequence[Run]]
) -> dict[str, list[Float32[np.ndarray, "t 2"]]]:
    """The similarities of another run by printed name, for each of its seeds and folds.

    Raises:
      FileNotFoundError: the run was not evaluated.
      ValueError: a damaged file; or other data, another split, another number of seeds and folds. The validation
        triplets may differ.
    """
    arrays, here = read(file), common_settings(cells)
    if not np.array_equal(arrays["data"], _digests(triplets)):
        raise ValueError(
            f"{file.parent} was evaluated on other pictures or answers; wanted those of {triplets.metadata['release']}"
        )
    if arrays["settings"].shape != here.shape:
        runs = f"{len(arrays['settings'])} seeds and folds, here are {len(here)}"
        raise ValueError(f"{file.parent} has {runs}; wanted as many: compare runs of one kind of sweep")
    if not np.array_equal(_without_validation(arrays["settings"]), _without_validation(here)):
        raise ValueError(f"{file.parent} has another split: its test triplets are not those of this run (config.split)")
    return {
        f"{name.removeprefix('model ')} of {file.parent.name}": list(runs)
        for name, runs in arrays.items()
        if name.startswith("model ")
    }


def read(file: epath.Path) -> dict[str, np.ndarray]:
    """The arrays of the file. FileNotFoundError or ValueError: it is missing or damaged."""
    if not file.exists():
        raise FileNotFoundError(f"{file.parent} has no {FILE} to compare with: run evaluate.py on it first")
    try:
        with file.open("rb") as opened, np.load(opened) as arrays:
            held = {name: arrays[name] for name in ("data", "settings")}
            return held | {name: arrays[name] for name in arrays.files if name.startswith("model ")}
    except (ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{file} is damaged ({error}); run evaluate.py on {file.parent} again") from error


def _without_validation(settings):
    """Ignores validation triplets: runs that differ only in these, as version 0.1 from later ones, are comparable."""
    return np.where(settings == Setting.VALIDATION.value, "", settings)


def _digests(triplets):
    """The digests that distinguish data sets."""
    return np.array([triplets.metadata["answers_sha256"], triplets.metadata["pictures_sha256"], str(len(triplets))])


def common_settings(cells: Mapping[str, Sequence[Run]]) -> Shaped[np.ndarray, "r t"]:
    """The setting of each triplet in each run of a cell, as text. ValueError if cells are split differently."""
    of_cells = []
    for runs in cells.values():
        places = np.full((len(runs), len(runs[0].data.labels)), "", "U20")
        for row, run in zip(places, runs, strict=True):
            for name, rows in run.data.split.rows.items():
                row[rows] = name
        of_cells.append(places)
    if not all(np.array_equal(places, of_cells[0]) for places in of_cells):
        raise ValueError(
            "the cells of this sweep are split differently (combine=list with folds or split seeds): they have no"
            " common test triplets to compare models on. Vary folds and split seeds in every cell alike"
        )
    return of_cells[0]
