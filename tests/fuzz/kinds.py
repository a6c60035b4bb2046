"""All kinds of inputs; the seed of the run and the number of an input determine it."""

import pathlib
import shutil
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tests.fuzz import (
    checkpoints,
    judging,
    model_folders,
    pictures,
    points,
    records,
    releases,
    running,
    tables,
    vectors,
)
from tests.fuzz.case import Case, Outcome
from tests.fuzz.world import World

KINDS = {  # and how many of a hundred inputs are of each
    "pictures": (pictures, 25),
    "tables": (tables, 25),
    "checkpoints": (checkpoints, 15),
    "model folders": (model_folders, 10),
    "points": (points, 10),
    "vectors": (vectors, 8),
    "records": (records, 12),
    "releases": (releases, 8),
}


class Tried(NamedTuple):
    """An input, how it ended, and what is wrong with that."""

    case: Case
    outcome: Outcome
    faults: Sequence[str]

    @property
    def came(self) -> str:
        return "refused" if self.outcome.code else f"accepted, as {self.case.expect.value}"


def try_one(seed: int, number: int, folder: pathlib.Path, world: World, *, only: str | None = None) -> Tried:
    """Makes an input in a fresh folder, and tries it."""
    random = np.random.default_rng((seed, number))
    shares = np.array([share for _, share in KINDS.values()], float)
    kind = [*KINDS][random.choice(len(shares), p=shares / shares.sum())]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return try_case(KINDS[only or kind][0].case(random, folder, world), folder)


def try_case(case: Case, folder: pathlib.Path) -> Tried:
    """Tries a case whose files are in this folder."""
    outcome = running.run(case, folder)
    return Tried(case, outcome, judging.faults(case, outcome, folder))
