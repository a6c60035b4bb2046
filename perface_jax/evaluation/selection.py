"""STEP 2 on faces with attributes: the candidates that each method proposes for a few queries."""

import enum
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int

from perface_jax import groups, selection
from perface_jax.evaluation.groups import Embedded, Task, checked, others, tasks
from perface_jax.evaluation.inputs import Faces


class Method(enum.StrEnum):
    """The method that chooses candidates."""

    LEAST = "least similar"
    DIVERSE = "least similar, diverse"
    BAND = "least similar in the band"
    RANDOM = "random"


class SelectionRow(NamedTuple):
    """One candidate proposed for one query, in the group that STEP 1 chose; ranks are from 1, `truth` is its group."""

    query: str
    group: str
    model: str
    method: Method
    rank: int
    candidate: str
    similarity: float
    truth: str = ""


class Ranked(NamedTuple):
    """The candidates that one model proposes for the shown queries.

    Attributes:
      places: positions of the shown queries among all.
      group: of each query, position in `names`.
      limits: the distance of each query to each group, which decides STEP 1.
      most: the two most similar members.
      proposed: k candidates of each method.
    """

    places: Int[np.ndarray, " s"]
    group: Int[np.ndarray, " s"]
    names: tuple[str, ...]
    limits: Float[np.ndarray, "s g"]
    most: selection.Selection
    proposed: Mapping[Method, selection.Selection]


def select(
    embedded: Embedded,
    gallery: Faces,
    queries: Faces,
    names: Sequence[str],
    *,
    rule: groups.Rule,
    factor: float,
    equalize: groups.Equalize = groups.Equalize.NO,
    each: int,
    k: int,
    max_similarity: float,
    band: tuple[float, float],
    seed: int = 0,
) -> Ranked:
    """STEP 1 and STEP 2 for the first queries of every group; other arguments as in `group_rows`.

    Args:
      each: queries per group.
      k: candidates to propose.
      max_similarity: of two candidates that the diverse method proposes together.
      band: quantiles of similarity among the members.

    Raises:
      ValueError: a group with fewer than two members, or a face whose distances are NaN.
    """
    classes, members, truth = tasks(gallery, queries, names)[Task.FOUR]
    where = others(members, gallery, queries)
    groups.check_groups(classes, where, rule=rule, equalize=equalize is not groups.Equalize.NO)
    shown = np.sort(np.concatenate([np.flatnonzero(truth == i)[:each] for i in range(len(classes))]))
    kept, limit = groups.equalized(jax.random.key(seed), where, equalize)
    distances = checked(embedded, gallery, queries).distances
    found = groups.classify(distances, where=kept, rule=rule, factor=factor, equalize=limit)
    chosen, limits = np.asarray(found.group)[shown], np.asarray(found.distances)[shown]
    where = np.broadcast_to(where, (len(truth), *members.shape))[shown, chosen]
    both = embedded.queries[shown], embedded.gallery
    inside = selection.similarity_band(*both, low=band[0], high=band[1], where=where)
    proposed = {
        Method.LEAST: selection.least_similar(*both, k=k, where=where),
        Method.DIVERSE: selection.least_similar_diverse(*both, k=k, max_similarity=max_similarity, where=where),
        Method.BAND: selection.least_similar(*both, k=k, where=inside),
        Method.RANDOM: selection.random_choice(jax.random.key(seed), *both, k=k, where=where),
    }
    most = selection.most_similar(*both, k=2, where=where)
    return Ranked(shown, chosen, classes, limits, *jax.device_get((most, proposed)))


def selection_rows(models: Mapping[str, Ranked], gallery: Faces, queries: Faces) -> list[SelectionRow]:
    """Every candidate proposed, query by query, model by model, method by method."""
    return [
        SelectionRow(
            queries.names[int(place)],
            ranked.names[ranked.group[i]],
            model,
            method,
            rank,
            gallery.names[int(index)],
            float(value),
            ranked.names[int(queries.group[int(place)])],
        )
        for i, place in enumerate(next(iter(models.values())).places)
        for model, ranked in models.items()
        for method, chosen in ranked.proposed.items()
        for rank, (index, value) in enumerate(zip(chosen.index[i], chosen.similarity[i], strict=True), 1)
        if index >= 0
    ]
