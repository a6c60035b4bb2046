"""The similarities of an evaluated run, kept in its workdir for a comparison with another one."""

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from etils import epath

from perface_jax.evaluation.runs import Run, label
from perface_jax.files import replacing

FILE = "similarities.npz"


def by_model(cells: Mapping[str, Sequence[Run]]) -> dict[str, list[np.ndarray]]:
    """By the name to print, the similarities of each run."""
    return {
        label(runs[0].similarities, model, cell): [run.similarities[model] for run in runs]
        for cell, runs in cells.items()
        for model in runs[0].similarities
    }


def save_similarities(file: epath.Path, triplets: Any, cells: Mapping[str, Sequence[Run]]) -> None:
    """Write those of every model with what tells data and division; nothing where cells are divided differently."""
    if (settings := _settings(cells)) is None:
        return  # nothing that could be compared
    models = {f"model {name}": np.stack(runs) for name, runs in by_model(cells).items()}
    with (
        replacing(file) as unfinished,
        unfinished.open("wb") as opened,
    ):  # another evaluation may be reading the old one
        np.savez_compressed(opened, data=_digests(triplets), settings=settings, **models)


def load_similarities(
    file: epath.Path, triplets: Any, cells: Mapping[str, Sequence[Run]]
) -> dict[str, list[np.ndarray]]:
    """Those of another run by the name to print, of each of its runs.

    Raises:
      FileNotFoundError: the run was not evaluated.
      ValueError: a damaged file; or a run on other data, of another division, of other seeds and folds in number.
    """
    arrays, here = read(file), _settings(cells)
    if not np.array_equal(arrays["data"], _digests(triplets)):
        raise ValueError(
            f"{file.parent} was evaluated on other pictures or answers; wanted those of {triplets.metadata['release']}"
        )
    if arrays["settings"].shape != here.shape:
        runs = f"{len(arrays['settings'])} seeds and folds, here are {len(here)}"
        raise ValueError(f"{file.parent} has {runs}; wanted as many: compare runs of one kind of sweep")
    if not np.array_equal(arrays["settings"], here):
        raise ValueError(
            f"{file.parent} was divided otherwise: its test triplets are not those of this run (config.split)"
        )
    return {
        f"{name.removeprefix('model ')} of {file.parent.name}": list(runs)
        for name, runs in arrays.items()
        if name.startswith("model ")
    }


def read(file: epath.Path) -> dict[str, np.ndarray]:
    """The arrays of the file.

    Raises:
      FileNotFoundError, ValueError: it is not there, or damaged.
    """
    if not file.exists():
        raise FileNotFoundError(f"{file.parent} has no {FILE} to compare with: run evaluate.py on it first")
    try:
        with file.open("rb") as opened, np.load(opened) as arrays:
            held = {name: arrays[name] for name in ("data", "settings")}
            return held | {name: arrays[name] for name in arrays.files if name.startswith("model ")}
    except (ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{file} is damaged ({error}); run evaluate.py on {file.parent} again") from error


def _digests(triplets):
    """What tells one data set from another."""
    return np.array([triplets.metadata["answers_sha256"], triplets.metadata["pictures_sha256"], str(len(triplets))])


def require_one_division(cells: Mapping[str, Sequence[Run]]) -> None:
    """Raise a ValueError where the cells of a sweep are divided differently: they have no common test triplets."""
    if _settings(cells) is None:
        raise ValueError(
            "the cells of this sweep are divided differently (combine=list with folds or split seeds): they have no"
            " common test triplets to compare models on. Vary folds and split seeds in every cell alike"
        )


def _settings(cells):
    """Which setting each triplet of each run of a cell stands in, text `[R, T]`; None where the cells differ in it."""
    of_cells = []
    for runs in cells.values():
        places = np.full((len(runs), len(runs[0].data.labels)), "", "U20")
        for row, run in zip(places, runs, strict=True):
            for name, rows in run.data.rows.items():
                row[rows] = name
        of_cells.append(places)
    alike = all(np.array_equal(places, of_cells[0]) for places in of_cells)
    return of_cells[0] if alike else None
