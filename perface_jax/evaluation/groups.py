"""STEP 1 on faces with attributes: who is taken for which group, task by task, as in the paper's Table 4."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from perface_jax import classification, groups
from perface_jax.annotations.agreement import Estimate
from perface_jax.evaluation.runs import Embedder


class GroupRow(NamedTuple):
    """One class of one task, of one model; estimates are (value, low, high), resampled over queries.

    Attributes:
      task: the groups there was a choice among.
      model: whose distances.
      group: the class; `all` for the task as a whole.
      queries: how many of the class, or of all.
      precision, recall, accuracy, balanced_accuracy, ranking_auc: as in `classification.ClassRow`.
      top1: of the whole task: share of queries whose group was chosen.
      note: why numbers do not exist.
    """

    task: str
    model: str
    group: str
    queries: int
    precision: Estimate
    recall: Estimate
    accuracy: Estimate
    balanced_accuracy: Estimate
    ranking_auc: Estimate
    top1: Estimate
    note: str


class Embedded(NamedTuple):
    """Queries and gallery as one model sees them.

    Attributes:
      queries: float32 `[Q, D]`.
      gallery: float32 `[N, D]`.
      distances: float32 `[Q, N]`, 1 - cosine.
    """

    queries: np.ndarray
    gallery: np.ndarray
    distances: np.ndarray


NONE = Estimate(np.nan, np.nan, np.nan)


def embed_faces(embedder: Embedder, gallery: Any, queries: Any) -> Embedded:
    """Embed both splits of `datasets.celeba_hq`, each face once."""
    sides = [
        embedder.items([[name] for name in faces.names], lambda i, faces=faces: faces[i][None])[:, 0]
        for faces in (queries, gallery)
    ]
    return Embedded(*sides, np.asarray(groups.distances(*sides)))


def tasks(
    gallery: Any, queries: Any, names: Sequence[str]
) -> dict[str, tuple[tuple[str, ...], np.ndarray, np.ndarray]]:
    """The three choices of the paper: name -> (groups, membership bool `[G, N]`, truth int `[Q]`).

    Args:
      gallery, queries: of `datasets.celeba_hq`.
      names: of the four narrow groups; the broad ones are their unions.
    """
    choices = {
        "male / female": {"male": lambda faces: faces.male, "female": lambda faces: ~faces.male},
        "young / older": {"young": lambda faces: faces.young, "older": lambda faces: ~faces.young},
        "four groups": {name: lambda faces, i=i: faces.group == i for i, name in enumerate(names)},
    }
    return {
        name: (
            tuple(of),
            np.stack([choose(gallery) for choose in of.values()]),
            np.argmax([choose(queries) for choose in of.values()], axis=0),
        )
        for name, of in choices.items()
    }


def others(members: np.ndarray, gallery: Any, queries: Any) -> np.ndarray:
    """Membership without the query itself: bool `[Q, G, N]` where a query is also a member, else `[G, N]`."""
    same = np.asarray(queries.names)[:, None] == np.asarray(gallery.names)[None]
    return members[None] & ~same[:, None] if same.any() else members


def group_rows(
    models: Mapping[str, Embedded],
    gallery: Any,
    queries: Any,
    names: Sequence[str],
    *,
    rule: groups.Rule,
    factor: float,
) -> list[GroupRow]:
    """Every task, class by class and as a whole, of every model.

    Args:
      models: by name.
      gallery, queries: of `datasets.celeba_hq`.
      names: of the four narrow groups.
      rule: the distance of a query to a group.
      factor: its f.

    Raises:
      ValueError: a group with fewer than two members.
    """
    rows = []
    for task, (classes, members, truth) in tasks(gallery, queries, names).items():
        where = others(members, gallery, queries)
        groups.check_groups(classes, where)
        for model, embedded in models.items():
            chosen = groups.classify(embedded.distances, where=where, rule=rule, factor=factor)
            found = classification.classification_report(truth, np.asarray(chosen.group), chosen.distances, classes)
            rows += [GroupRow(task, model, row.name, row.queries, *row[2:7], NONE, row.note) for row in found.rows]
            rows.append(GroupRow(task, model, "all", len(truth), *[NONE] * 5, found.top1, found.note))
    return rows
