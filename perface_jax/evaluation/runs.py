"""What every table of triplets is made from: the runs, their similarities, and how runs are pooled.

A model's answer to a triplet are two numbers, its similarities of the reference to a and to b, `[T, 2]`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from perface_jax import metrics
from perface_jax.similarity import similarity


class Embedder(Protocol):
    """What gives vectors: `embedding.Network`, or `vectors.Vectors` by name."""

    def items(self, names: Sequence[Sequence[str]], load: Callable[[int], np.ndarray]) -> np.ndarray:
        """`[n, k, D]`, see `embedding.Network.items`."""


class Run(NamedTuple):
    """One run of a sweep, or the one set of vectors that is judged.

    Attributes:
      seed: what only repeats the run: runs that differ in nothing else are the spread of one cell of the table.
      data: labels, settings and training labels, `experiment.Data`.
      similarities: by name of the model, for instance `before` and `after`, float32 `[T, 2]` to a and to b.
    """

    seed: Any
    data: Any
    similarities: Mapping[str, np.ndarray]


def triplet_similarities(embedder: Embedder, triplets: Any) -> np.ndarray:
    """The similarities of every reference to its a and its b, each picture embedded once.

    Args:
      embedder: gives vectors, of pictures or by the names `t0000_a`.
      triplets: `datasets.sim_celeba.Triplets`, pictures a, b and c = reference.

    Returns:
      float32 `[T, 2]`.
    """
    names = [[f"{name}_{role}" for role in "abc"] for name in triplets.ids]
    a, b, reference = np.moveaxis(embedder.items(names, triplets.__getitem__), 1, 0)
    return np.stack([similarity(reference, a), similarity(reference, b)], axis=1)


def scores(similarities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """1 where the picture people chose is the more similar one, 1/2 at a tie, else 0; NaN without a label: `[T]`."""
    right = np.asarray(metrics.pair_scores(similarities[:, 0], similarities[:, 1]))
    return np.where(labels < 0, np.nan, np.where(labels == 0, right, 1 - right)).astype(np.float32)


def label(models: Mapping[str, Any], model: str, cell: str) -> str:
    """The name to print: all cells of a sweep start from the first model; what came of it is named by the cell."""
    return model if model == next(iter(models)) else f"{model} {cell}".strip()


def counts(votes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Votes for a and votes given, float32 `[T]` each."""
    return np.sum(votes == 0, axis=1).astype(np.float32), np.sum(votes >= 0, axis=1).astype(np.float32)


def in_order(cells: Mapping[str, Sequence[Run]]) -> list[str]:
    """The settings that are tests first."""
    return sorted(next(iter(cells.values()))[0].data.rows, key=lambda name: name in ("train", "validation"))


def pooled(values: Sequence[np.ndarray], runs: Sequence[Run], setting: str, of: str) -> np.ndarray:
    """The values `[T]` of each run at its triplets of a setting, one run after the other; `of`: settings or rows."""
    return np.concatenate([one[getattr(run.data, of)[setting]] for one, run in zip(values, runs, strict=True)])


def clusters_of(runs: Sequence[Run], setting: str, of: str) -> tuple[np.ndarray, np.ndarray]:
    """The sources of the pooled triplets: (ids, position of each triplet's among them)."""
    return np.unique(pooled([run.data.triplets.source_id for run in runs], runs, setting, of), return_inverse=True)


def interval(values: np.ndarray, clusters: np.ndarray, seed: int) -> tuple[float, float]:
    """The 95% interval of the mean of those that are numbers, clusters resampled; NaN for fewer than two."""
    kept = np.isfinite(values)
    if len(np.unique(clusters[kept])) < 2:
        return np.nan, np.nan
    return tuple(map(float, metrics.cluster_interval(jax.random.key(seed), values, clusters, where=kept)))


def by_cell(rows: Mapping[str, Any]) -> list:
    """One row where all cells agree, else one each, with the name of its cell."""
    if len({repr(row) for row in rows.values()}) == 1:
        return list(rows.values())[:1]
    return [row._replace(model=f"{row.model} ({name})") for name, row in rows.items()]


def once(rows: list) -> list:
    """Without repetitions: the row of a start that all cells share; NaN is not itself, its text is."""
    return list({repr(row): row for row in rows}.values())
