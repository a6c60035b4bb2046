"""STEP 1 on faces with attributes: the group chosen for every query, task by task, as in the paper's Table 4."""

import enum
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Int

from perface_jax import classification, groups
from perface_jax.evaluation.inputs import Embedder, Faces
from perface_jax.statistics.estimates import UNKNOWN, Estimate

ALL = "all"  # the `group` of the row on a task as a whole


class Task(enum.StrEnum):
    """Which groups there are to choose from."""

    GENDER = "male / female"
    AGE = "young / older"
    FOUR = "four groups"


class GroupRow(NamedTuple):
    """One class of one task, of one model, as in `classification.ClassRow`; or ALL: the task as a whole.

    Estimates are resampled over queries. `top1`, the share of queries whose group was chosen, is of a whole task.
    """

    task: Task
    model: str
    group: str
    queries: int
    precision: Estimate = UNKNOWN
    recall: Estimate = UNKNOWN
    accuracy: Estimate = UNKNOWN
    balanced_accuracy: Estimate = UNKNOWN
    ranking_auc: Estimate = UNKNOWN
    top1: Estimate = UNKNOWN
    note: str = ""


class Embedded(NamedTuple):
    """Queries and gallery embedded by one model; distances are 1 - cosine."""

    queries: Float32[np.ndarray, "q d"]
    gallery: Float32[np.ndarray, "n d"]
    distances: Float32[np.ndarray, "q n"]


def embed_faces(embedder: Embedder, gallery: Faces, queries: Faces) -> Embedded:
    """Embed gallery and queries, each face once."""
    one, other = (
        embedder.items([[name] for name in faces.names], lambda i, faces=faces: faces[i][None])[:, 0]
        for faces in (queries, gallery)
    )
    return Embedded(one, other, np.asarray(groups.distances(one, other)))


def tasks(
    gallery: Faces, queries: Faces, names: Sequence[str]
) -> dict[Task, tuple[tuple[str, ...], Bool[np.ndarray, "g n"], Int[np.ndarray, " q"]]]:
    """The three tasks of the paper: (groups, members of each, true group of each query).

    `names` are those of the four narrow groups; the broad ones are their unions.
    """
    choices = {
        Task.GENDER: {"male": lambda faces: faces.male, "female": lambda faces: ~faces.male},
        Task.AGE: {"young": lambda faces: faces.young, "older": lambda faces: ~faces.young},
        Task.FOUR: {name: lambda faces, i=i: faces.group == i for i, name in enumerate(names)},
    }
    return {
        name: (
            tuple(of),
            np.stack([choose(gallery) for choose in of.values()]),
            np.argmax([choose(queries) for choose in of.values()], axis=0),
        )
        for name, of in choices.items()
    }


def others(
    members: Bool[np.ndarray, "g n"], gallery: Faces, queries: Faces
) -> Bool[np.ndarray, "g n"] | Bool[np.ndarray, "q g n"]:
    """Membership without the query itself; with an axis of queries where a query is also a member."""
    same = np.asarray(queries.names)[:, None] == np.asarray(gallery.names)[None]
    return members[None] & ~same[:, None] if same.any() else members


def group_rows(
    models: Mapping[str, Embedded],
    gallery: Faces,
    queries: Faces,
    names: Sequence[str],
    *,
    rule: groups.Rule,
    factor: float,
) -> list[GroupRow]:
    """Every task, class by class and as a whole, of every model; see `tasks` and `perface_jax.groups.classify`.

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
            for row in found.rows:
                values = row._asdict()
                rows.append(GroupRow(task, model, values.pop("name"), **values))
            rows.append(GroupRow(task, model, ALL, len(truth), top1=found.top1, note=found.note))
    return rows
