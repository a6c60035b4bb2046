"""What the scores of a model vary with: the source, the target, or neither."""

import functools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from perface_jax.annotations import Setting
from perface_jax.evaluation.runs import Run, by_setting, judged, labeled, lines, pooled, scores
from perface_jax.statistics.variance_components import UNKNOWN, variance_components


class VarianceRow(NamedTuple):
    """The shares of the variance of a model's scores on unanimous triplets (means over all runs).

    NaN if sources or targets are unknown, or if there is only one.
    """

    setting: Setting
    model: str
    source: float
    target: float
    rest: float
    sources: int
    targets: int


def variance_rows(cells: Mapping[str, Sequence[Run]]) -> list[VarianceRow]:
    """The shares of every model in every test setting, by the names of `triplet_rows`."""
    found = []
    for setting, present in by_setting(cells).items():
        places = functools.partial(labeled, setting=setting)
        found += [_row(setting, line, places) for line in lines(present, places) if setting.is_test]
    return found


def _row(setting, line, places):
    at = [places(run) for run in line.runs]
    values = pooled([scores(one, run.data.labels) for one, run in zip(line.similarities, line.runs, strict=True)], at)
    triplets, first, place = np.unique(np.concatenate(at), return_index=True, return_inverse=True)
    ids = judged(line.runs, at).at(first)
    known = len(triplets) > 0 and min(one.min() for one in ids) >= 0
    means = np.bincount(place, values) / np.maximum(np.bincount(place), 1)
    shares = variance_components(means, *ids).shares() if known else UNKNOWN
    return VarianceRow(setting, line.name, *shares, *(len(np.unique(one[one >= 0])) for one in ids))
