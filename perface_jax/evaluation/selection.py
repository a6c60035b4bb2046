"""STEP 2 on faces with attributes: what each way of choosing offers to a few queries."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from perface_jax import groups, selection
from perface_jax.evaluation.groups import Embedded, others, tasks


class SelectionRow(NamedTuple):
    """One face offered to one query.

    Attributes:
      query: its name.
      group: the one STEP 1 chose for it.
      model: whose similarities chose.
      method: `least similar`; `least similar, diverse`; `least similar in the band`; or `random`.
      rank: from 1, in the order offered.
      candidate: its name.
      similarity: of query and candidate, to the model that chose.
    """

    query: str
    group: str
    model: str
    method: str
    rank: int
    candidate: str
    similarity: float


class Ranked(NamedTuple):
    """What one model offers to the shown queries.

    Attributes:
      places: of the shown queries among all, `[S]`.
      group: of each, position in `names`.
      names: of the groups.
      limits: float `[S, G]`, the distance of each to each group, by which STEP 1 chose.
      most: the two most similar members, `selection.Selection` `[S, 2]`.
      offered: method -> `selection.Selection` `[S, k]`.
    """

    places: np.ndarray
    group: np.ndarray
    names: tuple[str, ...]
    limits: np.ndarray
    most: selection.Selection
    offered: Mapping[str, selection.Selection]


def select(
    embedded: Embedded,
    gallery: Any,
    queries: Any,
    names: Sequence[str],
    *,
    rule: groups.Rule,
    factor: float,
    each: int,
    k: int,
    max_similarity: float,
    band: tuple[float, float],
    seed: int = 0,
) -> Ranked:
    """STEP 1 and STEP 2 for the first queries of every group.

    Args:
      embedded: of one model.
      gallery, queries: of `datasets.celeba_hq`.
      names: of the four narrow groups.
      rule, factor: of STEP 1.
      each: queries of each group.
      k: faces to offer.
      max_similarity: of two faces offered together by the diverse way.
      band: quantiles of similarity among the members, of the band.
      seed: of the random way.

    Raises:
      ValueError: a group with fewer than two members.
    """
    classes, members, truth = tasks(gallery, queries, names)["four groups"]
    where = others(members, gallery, queries)
    groups.check_groups(classes, where)
    shown = np.sort(np.concatenate([np.flatnonzero(truth == i)[:each] for i in range(len(classes))]))
    found = groups.classify(embedded.distances, where=where, rule=rule, factor=factor)
    chosen, limits = np.asarray(found.group)[shown], np.asarray(found.distances)[shown]
    where = np.broadcast_to(where, (len(truth), *members.shape))[shown, chosen]
    both = embedded.queries[shown], embedded.gallery
    inside = selection.similarity_band(*both, low=band[0], high=band[1], where=where)
    offered = {
        "least similar": selection.least_similar(*both, k=k, where=where),
        "least similar, diverse": selection.least_similar_diverse(
            *both, k=k, max_similarity=max_similarity, where=where
        ),
        "least similar in the band": selection.least_similar(*both, k=k, where=inside),
        "random": selection.random_choice(jax.random.key(seed), *both, k=k, where=where),
    }
    most = selection.most_similar(*both, k=2, where=where)
    return Ranked(shown, chosen, classes, limits, *jax.device_get((most, offered)))


def selection_rows(models: Mapping[str, Ranked], gallery: Any, queries: Any) -> list[SelectionRow]:
    """Every face offered, query by query, model by model, method by method."""
    return [
        SelectionRow(
            queries.names[place], ranked.names[ranked.group[i]], model, method, rank, gallery.names[index], float(value)
        )
        for i, place in enumerate(next(iter(models.values())).places)
        for model, ranked in models.items()
        for method, offered in ranked.offered.items()
        for rank, (index, value) in enumerate(zip(offered.index[i], offered.similarity[i], strict=True), 1)
        if index >= 0
    ]
