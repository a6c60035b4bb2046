"""What the pipeline proposes for every original, row by row, and how both axes move with the degree of a swap."""

import functools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from perface_jax.anonymization.anonymize import Anonymized, Embed, swap_all
from perface_jax.anonymization.benchmark import mean
from perface_jax.similarity import similarity
from perface_jax.swap import Face, swap_face

PERCEIVED = "perceived"  # the curve of the perceptual model, among those of the recognizers


class ProposalRow(NamedTuple):
    """One result of one original.

    Attributes:
      original: its name.
      group: the one that STEP 1 chose for it.
      rank: from 1, in the order of the policy.
      candidate: the face that was swapped in.
      perceived: perceived similarity of original and result.
      matched: recognizer -> its similarity of original and result.
      feature_loss: of the result.
      admitted: no recognizer matches it, and its perceived similarity is in the band.
      selected: it replaces the original.
    """

    original: str
    group: str
    rank: int
    candidate: str
    perceived: float
    matched: dict[str, float]
    feature_loss: float
    admitted: bool
    selected: bool


def proposal_rows(
    found: Anonymized, originals: Sequence[str], candidates: Sequence[str], groups: Sequence[str]
) -> list[ProposalRow]:
    """Every result, original by original in the order of the policy; names of originals, candidates and groups."""
    rows = []
    for i, name in enumerate(originals):
        for rank, place in enumerate(found.choice.order[i], 1):
            if found.proposal.index[i, place] < 0:
                break  # those that do not exist come last
            rows.append(
                ProposalRow(
                    name,
                    groups[found.proposal.group[i]],
                    rank,
                    candidates[found.proposal.index[i, place]],
                    float(found.axes.perceived[i, place]),
                    {recognizer: float(values[i, place]) for recognizer, values in found.axes.matched.items()},
                    float(found.axes.feature_loss[i, place]),
                    bool(found.choice.admitted[i, place]),
                    bool(found.choice.chosen[i] == place),
                )
            )
    return rows


def best_candidates(found: Anonymized) -> np.ndarray:
    """The candidate of the best result of every original, admitted or not, int `[N]`; -1 = no candidate."""
    best = np.asarray(found.choice.order)[:, :1]
    return np.take_along_axis(np.asarray(found.proposal.index), best, axis=1)[:, 0]


def degree_curves(
    originals: Face,
    candidates: Face,
    chosen: np.ndarray,
    degrees: Sequence[float],
    *,
    perceive: Embed,
    recognizers: Mapping[str, Embed],
) -> dict[str, tuple[np.ndarray, ...]]:
    """The similarity to the original by the degree of the classical swap, on average over the originals.

    Args:
      originals: `[N, ...]`.
      candidates: `[M, ...]`.
      chosen: int `[N]`, the candidate swapped into each; below 0 = none, and the original does not count.
      degrees: 0 (no change) to 1 (full swap).
      perceive: the perceptual model.
      recognizers: by name.

    Returns:
      PERCEIVED and every recognizer -> (degrees, mean, low, high), float `[d]` each.
    """
    there = chosen >= 0
    own, index = Face(*(part[there] for part in originals)), chosen[there, None]
    results = [swap_all(own, candidates, index, functools.partial(swap_face, degree=degree)) for degree in degrees]
    curves = {}
    for name, embed in {PERCEIVED: perceive, **recognizers}.items():
        vectors = embed(*own)
        values = [np.asarray(similarity(vectors, embed(*(part[:, 0] for part in one)))) for one in results]
        means = [mean(one, np.arange(len(one))) for one in values]
        curves[name] = (np.asarray(degrees, np.float64), *np.transpose(means))
    return curves
