"""What the pipeline offers to every query, row by row, and how both axes move with the degree of a swap."""

import functools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from perface_jax.anonymization.anonymize import Anonymized, swap_all
from perface_jax.anonymization.embedders import FaceEmbedder
from perface_jax.anonymization.scores import mean
from perface_jax.similarity import similarity
from perface_jax.swap import Face, swap_face


class ProposalRow(NamedTuple):
    """One result of one query.

    Attributes:
      query: its name.
      group: the one STEP 1 chose for it.
      rank: from 1, in the order of the rule.
      source: the face that was swapped in.
      perceived: similarity of original and result as people see it.
      matched: machine -> the same as the machine sees it.
      lost: features lost.
      admitted: no machine matches it, and people see it in the band.
      given: it is the one that is given.
    """

    query: str
    group: str
    rank: int
    source: str
    perceived: float
    matched: dict[str, float]
    lost: float
    admitted: bool
    given: bool


def proposal_rows(
    found: Anonymized, queries: Sequence[str], gallery: Sequence[str], groups: Sequence[str]
) -> list[ProposalRow]:
    """Every result that exists, query by query, in the order of the rule; names of queries, candidates and groups."""
    rows = []
    for i, name in enumerate(queries):
        for rank, place in enumerate(found.choice.order[i], 1):
            if (source := found.offered.index[i, place]) < 0:
                continue
            matched = {machine: float(values[i, place]) for machine, values in found.axes.matched.items()}
            scores = float(found.axes.perceived[i, place]), matched, float(found.axes.lost[i, place])
            admitted, given = bool(found.choice.admitted[i, place]), found.choice.chosen[i] == place
            rows.append(
                ProposalRow(name, groups[found.offered.group[i]], rank, gallery[source], *scores, admitted, bool(given))
            )
    return rows


def first(found: Anonymized) -> tuple[np.ndarray, np.ndarray]:
    """The place that the rule puts first for every query, admitted or not, and who was swapped in, int `[Q]` each."""
    place = np.asarray(found.choice.order)[:, 0]
    return place, np.take_along_axis(np.asarray(found.offered.index), place[:, None], axis=1)[:, 0]


def given(found: Anonymized) -> tuple[Face, np.ndarray]:
    """The results that are given, `[n, ...]`, and whose they are, int `[n]`; queries without one are not among them."""
    (queries,) = np.nonzero(np.asarray(found.choice.chosen) >= 0)
    places = np.asarray(found.choice.chosen)[queries]
    return Face(found.images[queries, places], found.landmarks[queries, places]), queries


def degree_curves(
    queries: Face,
    gallery: Face,
    sources: np.ndarray,
    degrees: Sequence[float],
    *,
    perceive: FaceEmbedder,
    machines: Mapping[str, FaceEmbedder],
) -> dict[str, tuple[np.ndarray, ...]]:
    """The similarity to the original by the degree of the classical swap, on average over the queries.

    Args:
      queries: `[Q, ...]`.
      gallery: `[N, ...]`.
      sources: int `[Q]`, who is swapped into each; below 0 = nobody, and the query does not count.
      degrees: 0 (no change) to 1 (full swap).
      perceive: what people see.
      machines: by name.

    Returns:
      `perceived` and every machine -> (degrees, mean, low, high), float `[d]` each.
    """
    there = sources >= 0
    hidden, index = Face(*(part[there] for part in queries)), sources[there, None]
    results = [swap_all(hidden, gallery, index, functools.partial(swap_face, degree=degree)) for degree in degrees]
    curves = {}
    for name, eye in {"perceived": perceive, **machines}.items():
        original = eye(*hidden)
        alike = [np.asarray(similarity(original, eye(*(part[:, 0] for part in one)))) for one in results]
        means = [mean(values, np.arange(len(values))) for values in alike]
        curves[name] = (np.asarray(degrees, np.float64), *np.transpose(means))
    return curves
