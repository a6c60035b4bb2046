"""What one part of an evaluation is, and the names of its models."""

import collections
import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from perface_jax import evaluation
from perface_jax.evaluation import title
from perface_jax.evaluator.targets import EvaluationTarget
from perface_jax.report import Section, Summary
from perface_jax.training.sweeps import Replica

BY_CELL, BY_REPLICA = operator.attrgetter("cell"), operator.attrgetter("name")


class PartResult(NamedTuple):
    """Sections of the report, warnings as sentences, facts about the data by name, and summaries to join."""

    sections: list[Section]
    warnings: list[str]
    data: dict[str, Any]
    summaries: list[Summary]


class Part(NamedTuple):
    """One part of an evaluation.

    Attributes:
      open: config -> its data.
      cell: names the replicas; of replicas with the same name, only the first is shown.
      embed: (embedder, data) -> the result of a model for the data.
      report: (target, data, the result of each model by its identity) -> sections.
    """

    open: Callable[[ConfigDict], Any]
    cell: Callable[[Replica], str]
    embed: Callable[[evaluation.Embedder, Any], Any]
    report: Callable[[EvaluationTarget, Any, Mapping[str, Any]], PartResult]


def named(target: EvaluationTarget, cell_of: Callable[[Replica], str]) -> dict[str, str]:
    """The printed name and the identity of every distinct model."""
    found = collections.defaultdict(dict)
    for replica, models in zip(target.replicas, target.models, strict=True):
        cell = cell_of(replica)
        for role, model in models.items():
            found[title(role, model.name, cell)].setdefault(cell, [model.identity])
    return {
        name + suffix: identity
        for name, cells in found.items()
        for suffix, (identity,) in evaluation.distinguish(cells, str)
    }
