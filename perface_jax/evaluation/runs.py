"""The input of every table of triplets: runs with the similarities of their models, and how runs are pooled.

A model answers a triplet with two numbers, its similarities of the reference to a and to b. `cells` maps a printed name
to the runs that differ only in seed and fold.
"""

import collections
import enum
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from jaxtyping import Float, Float32, Int

from perface_jax import metrics
from perface_jax.annotations import Setting
from perface_jax.evaluation.inputs import Embedder, LabeledTriplets, Triplets
from perface_jax.evaluation.intervals import Judged
from perface_jax.similarity import similarity
from perface_jax.statistics.votes import count_votes

Entry = TypeVar("Entry")


class Role(enum.StrEnum):
    """The role of a model in an evaluation."""

    START = "start"  # before training; the gain of the trained model is measured from it
    TRAINED = "trained"
    EXTERNAL = "external"  # embeddings from a file


class Kind(enum.StrEnum):
    """The subject of a line of a table."""

    MODEL = "model"
    BASELINE = "image-blind baseline"
    AGREEMENT = "human agreement"
    ACHIEVABLE = "best achievable"


class Answers(NamedTuple):
    """The similarities of one model. Models with the same `identity` (weights or file) share a line of a table."""

    name: str
    identity: str
    similarities: Float32[np.ndarray, "t 2"]


class Run(NamedTuple):
    """One run of a sweep, or external embeddings on the split of one.

    `seed` only repeats the run: runs that differ in nothing else give the spread of one cell of the table.
    """

    seed: tuple
    data: LabeledTriplets
    answers: Mapping[Role, Answers]


class Line(NamedTuple):
    """A model in the runs of one cell of a sweep, or of several cells in which it is the same."""

    name: str
    role: Role
    runs: Sequence[Run]

    @property
    def similarities(self) -> list[np.ndarray]:
        return [run.answers[self.role].similarities for run in self.runs]

    @property
    def start(self) -> list[np.ndarray] | None:
        """The answers of the models before training; None without training."""
        trained = self.role is Role.TRAINED
        return [run.answers[Role.START].similarities for run in self.runs] if trained else None


def triplet_similarities(embedder: Embedder, triplets: Triplets) -> Float32[np.ndarray, "t 2"]:
    """The similarities of every reference to its a and its b; each picture is embedded once, as `t0000_a` by name."""
    return both_similarities(triplet_embeddings(embedder, triplets))


def triplet_embeddings(embedder: Embedder, triplets: Triplets) -> Float32[np.ndarray, "t 3 d"]:
    """The embeddings of a, b and reference of every triplet."""
    names = [[f"{name}_{role}" for role in "abc"] for name in triplets.ids]
    return embedder.items(names, triplets.__getitem__)


def both_similarities(embeddings: Float32[np.ndarray, "t 3 d"]) -> Float32[np.ndarray, "t 2"]:
    """The similarities of every reference to its a and its b."""
    a, b, reference = np.moveaxis(embeddings, 1, 0)
    return np.stack([similarity(reference, a), similarity(reference, b)], axis=1)


def scores(similarities: Float[np.ndarray, "t 2"], labels: Int[np.ndarray, " t"]) -> Float32[np.ndarray, " t"]:
    """1 where the picture that people chose is the more similar one, 1/2 for a tie, else 0; NaN without a label."""
    right = np.asarray(metrics.pair_scores(similarities[:, 0], similarities[:, 1]))
    return np.where(labels < 0, np.nan, np.where(labels == 0, right, 1 - right)).astype(np.float32)


def counts(votes: Int[np.ndarray, "t v"]) -> tuple[Float32[np.ndarray, " t"], Float32[np.ndarray, " t"]]:
    """Votes for a, and votes given."""
    a, b = count_votes(votes)
    return a.astype(np.float32), (a + b).astype(np.float32)


def title(role: Role, name: str, cell: str) -> str:
    """The printed name: all cells of a sweep share the start; trained models are named after their cell."""
    return f"{name} {cell}".strip() if role is Role.TRAINED else name


def distinguish(
    cells: Mapping[str, Sequence[Entry]], key: Callable[[Entry], Hashable]
) -> list[tuple[str, Sequence[Entry]]]:
    """(suffix of the name, entries) of each cell; only of the first if all cells have the same keys."""
    if len({tuple(map(key, entries)) for entries in cells.values()}) == 1:
        return [("", next(iter(cells.values())))]
    return [(f" ({cell})", entries) for cell, entries in cells.items()]


def lines(cells: Mapping[str, Sequence[Run]], places: Callable[[Run], np.ndarray] | None = None) -> list[Line]:
    """The models of all cells, those before training first.

    A model that cells share has one line if its triplets, at `places` of a run, are also the same.
    """
    named = collections.defaultdict(dict)
    for role in Role:
        for cell, runs in cells.items():
            if role in runs[0].answers:
                named[role, runs[0].answers[role].name][cell] = runs

    def key(run):
        return run.answers[role].identity, places(run).tobytes() if places else b""

    found = []
    for (role, name), of_name in named.items():
        found += [Line(name + suffix, role, runs) for suffix, runs in distinguish(of_name, key)]
    return found


def by_setting(cells: Mapping[str, Sequence[Run]]) -> dict[Setting, dict[str, Sequence[Run]]]:
    """The settings in order, each with the cells that have triplets in it."""
    found = {}
    for setting in Setting:
        present = {cell: runs for cell, runs in cells.items() if any(len(rows(run, setting)) for run in runs)}
        found |= {setting: present} if present else {}
    return found


def rows(run: Run, setting: Setting) -> Int[np.ndarray, " n"]:
    """The positions of all triplets of a setting, labeled or not."""
    return run.data.split.rows.get(setting, np.empty(0, int))


def labeled(run: Run, setting: Setting) -> Int[np.ndarray, " n"]:
    """The positions of the triplets of a setting that have an evaluation label."""
    return run.data.settings[setting]


def pooled(arrays: Sequence[np.ndarray], places: Sequence[np.ndarray]) -> np.ndarray:
    """The values of each run's array at its places, one run after another."""
    return np.concatenate([array[at] for array, at in zip(arrays, places, strict=True)])


def judged(runs: Sequence[Run], places: Sequence[np.ndarray]) -> Judged:
    """The source and target ids of each run at its places, one run after another."""
    return Judged(
        *(pooled([getattr(run.data.triplets, of) for run in runs], places) for of in ("source_id", "target_id"))
    )
