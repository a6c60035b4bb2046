"""STEP 1 on faces with attributes: the group chosen for every query, task by task, as in the paper's Table 4."""

import enum
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, Float32, Int

from perface_jax import groups
from perface_jax.classification import Drawn, classification_report, top1_gain
from perface_jax.evaluation.group_draws import draw_members, drawn_distances
from perface_jax.evaluation.inputs import Embedder, Faces
from perface_jax.statistics.estimates import UNKNOWN, Estimate

ALL = "all"  # the `group` of the row on a task as a whole


class Task(enum.StrEnum):
    """The groups to choose from."""

    GENDER = "male / female"
    AGE = "young / older"
    FOUR = "four groups"


class GroupRow(NamedTuple):
    """One class of one task for one model, as in `classification.ClassRow`; or ALL: the task as a whole.

    Estimates are resampled over queries and over the members of each group. Only a whole task has `top1`, the share of
    queries assigned to their own group, and `gain`, its increase over the model before training, with p.
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
    gain: Estimate = UNKNOWN
    p: float = np.nan
    note: str = ""


class Embedded(NamedTuple):
    """Queries and gallery embedded by one model; distances are 1 - cosine."""

    queries: Float32[np.ndarray, "q d"]
    gallery: Float32[np.ndarray, "n d"]
    distances: Float32[np.ndarray, "q n"]


def embed_faces(embedder: Embedder, gallery: Faces, queries: Faces) -> Embedded:
    """Embed gallery and queries, each face once. ValueError with the names of faces whose distances are NaN."""
    one, other = (
        embedder.items([[name] for name in faces.names], lambda i, faces=faces: faces[i][None])[:, 0]
        for faces in (queries, gallery)
    )
    return checked(Embedded(one, other, np.asarray(groups.distances(one, other))), gallery, queries)


def checked(embedded: Embedded, gallery: Faces, queries: Faces) -> Embedded:
    """The same; ValueError with the names of faces whose distances are NaN."""
    groups.check_distances(embedded.distances, queries=queries.names, members=gallery.names)
    return embedded


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


def itself(gallery: Faces, queries: Faces) -> Bool[np.ndarray, "q n"] | None:
    """For each query, which member of the gallery it is; None if no query is a member."""
    same = np.asarray(queries.names)[:, None] == np.asarray(gallery.names)[None]
    return same if same.any() else None


def others(
    members: Bool[np.ndarray, "g n"], gallery: Faces, queries: Faces
) -> Bool[np.ndarray, "g n"] | Bool[np.ndarray, "q g n"]:
    """Membership without the query itself; has an axis of queries if a query is also a member."""
    own = itself(gallery, queries)
    return members if own is None else members[None] & ~own[:, None]


def group_warnings(
    gallery: Faces, queries: Faces, names: Sequence[str], *, rule: groups.Rule, equalize: groups.Equalize
) -> list[str]:
    """`groups.size_warning` of every task."""
    fair = equalize is not groups.Equalize.NO
    sizes = [(of, others(members, gallery, queries)) for of, members, _ in tasks(gallery, queries, names).values()]
    return [text for one in sizes if (text := groups.size_warning(*one, rule=rule, equalize=fair))]


def group_rows(
    models: Mapping[str, Embedded],
    gallery: Faces,
    queries: Faces,
    names: Sequence[str],
    *,
    rule: groups.Rule,
    factor: float,
    equalize: groups.Equalize = groups.Equalize.NO,
    before: Mapping[str, str] | None = None,
    seed: int = 0,
    resamples: int = 500,
) -> list[GroupRow]:
    """Every task, class by class and as a whole, of every model; see `tasks` and `perface_jax.groups.classify`.

    Args:
      before: the name of a trained model -> the name of the same model before training, for `GroupRow.gain`.
      seed: of the bootstrap, and of the members that Equalize.SUBSAMPLE draws.

    Raises:
      ValueError: a group with fewer than two members, or a face whose distances are NaN.
    """
    rows, own = [], itself(gallery, queries)
    for task, (classes, members, truth) in tasks(gallery, queries, names).items():
        where = others(members, gallery, queries)
        groups.check_groups(classes, where, rule=rule, equalize=equalize is not groups.Equalize.NO)
        where, limit = groups.equalized(jax.random.key(seed), where, equalize)
        options = {"rule": rule, "factor": factor, "equalize": limit}
        size = int(members.sum(axis=1).min()) if equalize is groups.Equalize.SUBSAMPLE else None
        weights = draw_members(members, resamples=resamples, size=size, seed=seed)
        found = {}
        for model, embedded in models.items():
            distances = checked(embedded, gallery, queries).distances
            chosen = groups.classify(distances, where=where, **options)
            drawn = drawn_distances(distances, members, weights, own=own, **options)
            found[model] = chosen, Drawn(_nearest(drawn), drawn, int(members.sum(axis=1).min()))
        for model, start in {model: (before or {}).get(model) for model in models}.items():
            rows += _rows(task, model, truth, classes, found[model], found.get(start), seed)
    return rows


def _rows(task, model, truth, classes, found, start, seed) -> list[GroupRow]:
    """The rows of one task and model. `found` has its choices and draws, `start` the same before training."""
    chosen, drawn = found
    report = classification_report(truth, chosen.group, chosen.distances, classes, drawn=drawn, seed=seed)
    rows = []
    for row in report.rows:
        values = row._asdict()
        rows.append(GroupRow(task, model, values.pop("name"), **values))
    whole = GroupRow(task, model, ALL, len(truth), top1=report.top1, note=report.note)
    if start is not None:
        gain = top1_gain(truth, chosen.group, start[0].group, drawn=(drawn, start[1]), seed=seed)
        whole = whole._replace(gain=gain.gain, p=gain.p)
    return [*rows, whole]


def _nearest(distances: np.ndarray) -> np.ndarray:
    """The group of each query; a group that a draw leaves with fewer than two members is not chosen."""
    return np.argmin(np.where(np.isnan(distances), np.inf, distances), axis=-1)
