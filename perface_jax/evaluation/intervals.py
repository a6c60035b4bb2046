"""Intervals and tests of the scores of an evaluation, over sources and targets if these are known."""

import enum
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int

from perface_jax import metrics


class Method(enum.StrEnum):
    """How intervals and tests account for similar triplets; the config's `statistics.interval`."""

    TWO_WAY = "two_way"  # cluster-robust, over sources and targets
    SOURCE = "source"  # bootstrap of sources
    PIGEONHOLE = "pigeonhole"  # bootstrap of sources and targets


class Inference(NamedTuple):
    """The method, and for a bootstrap its seed."""

    method: Method = Method.TWO_WAY
    seed: int = 0


class Difference(NamedTuple):
    """A mean difference with its 95% interval, and p of no difference."""

    value: float
    low: float
    high: float
    p: float


class Basis(NamedTuple):
    """The ids that an interval is over, none if there is no interval; `note` says what is left out."""

    ids: tuple[Int[np.ndarray, " n"], ...]
    note: str = ""


class Judged(NamedTuple):
    """The source and the target of each score; below 0 if unknown."""

    source: Int[np.ndarray, " n"]
    target: Int[np.ndarray, " n"]

    def at(self, places: Any) -> "Judged":
        return Judged(self.source[places], self.target[places])


def basis(judged: Judged, method: Method) -> Basis:
    """The usable clusterings: one with an unknown id, or with only one target, is left out."""
    sources, targets = (_count(ids) for ids in judged)
    if sources == 1 or (method is Method.SOURCE and sources < 2):
        return Basis((), "one source" if sources else "sources unknown")
    if method is Method.SOURCE:
        return Basis((judged.source,))
    if not sources:
        note = "sources unknown" + ": interval over targets only" * (targets > 1)
        return Basis((judged.target,) if targets > 1 else (), note)
    if targets < 2:
        return Basis((judged.source,), f"{'one target' if targets else 'targets unknown'}: interval over sources only")
    return Basis(tuple(judged))


def interval(values: Float[np.ndarray, " n"], judged: Judged, how: Inference) -> tuple[float, float]:
    """The 95% interval of the mean of the scores (from 0 to 1) that are not NaN; (NaN, NaN) if there is none."""
    function = metrics.score_interval if how.method is Method.TWO_WAY else _drawn(metrics.cluster_interval, how)
    low, high = _apply(function, (values,), judged, how)
    return low, high


def paired(
    first: Float[np.ndarray, " n"], second: Float[np.ndarray, " n"], judged: Judged, how: Inference
) -> Difference:
    """The test of the mean of `first - second` where neither is NaN; undefined numbers are NaN."""
    function = metrics.robust_test if how.method is Method.TWO_WAY else _drawn(metrics.paired_bootstrap, how)
    found = _apply(function, (first, second), judged, how)
    differences = (first - second)[np.isfinite(first - second)]
    mean = float(differences.mean()) if differences.size else np.nan
    return Difference(mean, *(found[1:] if len(found) == 4 else [np.nan] * 3))


def equivalent(
    first: Float[np.ndarray, " n"], second: Float[np.ndarray, " n"], judged: Judged, how: Inference, margin: float
) -> float:
    """p of "they differ by the margin or more", cluster-robust under every method; NaN where there is none."""

    def function(first, second, *ids, where):
        return [metrics.equivalence_test(first, second, *ids, margin=margin, where=where)]

    return _apply(function, (first, second), judged, how)[0]


def _count(ids):
    """How many different ones; 0 if any is unknown."""
    return 0 if (ids < 0).any() else len(np.unique(ids))


def _drawn(function: Callable, how: Inference) -> Callable:
    key = jax.random.key(how.seed)
    return lambda *arrays, where: function(key, *arrays, where=where)


def _apply(function, scores, judged, how):
    """Apply a function of scores, ids and a mask to the scores that are not NaN; (NaN, NaN) without ids."""
    kept = np.isfinite(sum(scores))
    ids = basis(judged.at(kept), how.method).ids
    if not ids:
        return np.nan, np.nan
    # Rounded up, so that settings of nearly the same size share a program.
    more = -kept.sum() % max(256, 2 ** int(np.log2(max(kept.sum(), 1))) // 4)
    arrays = [np.pad(one[kept].astype(np.float32), (0, more)) for one in scores]
    for one in ids:
        numbered = np.unique(one, return_inverse=True)[1]  # ids of a file may be any numbers, and are no sizes
        arrays.append(np.pad(numbered, (0, more), constant_values=-1))
    found = function(*arrays, where=np.arange(len(arrays[0])) < kept.sum())
    return tuple(float(one) for one in found)
