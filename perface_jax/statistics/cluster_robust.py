"""The variance of a mean whose errors are correlated within sources and within targets; its intervals.

Triplets of one source show the same faces, triplets of one target the same head. With the residuals r_t of the mean
over N triplets,

    V(clustering) = G / (G - 1) * sum_g (sum_{t in g} r_t)^2 / N^2      G clusters
    V = V(source) + V(target) - V(cell)                                cell: a source with a target

V is at least the larger of V(source) and V(target); by chance, the formula alone could give less. The interval is
`mean +- t sqrt(V)`, t with min(S, T) - 1 degrees of freedom. With one clustering it is the one-way interval,
`V(source)` with S - 1 degrees. The number of triplets in a cell is free: none, one or many.

Traceable; nothing is drawn, so there is no key. Leading dimensions of the scores are free, masks are `where`. A triplet
with an id below 0 is left out. The result is NaN with fewer than two ids in a clustering, and if a score that counts is
NaN.

Source: Cameron, Gelbach & Miller, Journal of Business & Economic Statistics 29 (2011), sections 2.2 and 2.3; for the
degrees of freedom also Cameron & Miller, Journal of Human Resources 50 (2015). The floor is ours: a difference of
variances may be negative.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int, Shaped

from perface_jax.arrays import AnyArray, Array
from perface_jax.precision import widen
from perface_jax.statistics import student
from perface_jax.statistics.cluster_ids import ClusterIds, checked, groups, sums_by


class RobustMean(NamedTuple):
    """A mean, its cluster-robust standard error, and the degrees of freedom of their ratio."""

    mean: Float[Array, "*batch"]
    error: Float[Array, "*batch"]
    degrees: Float[Array, ""]


def robust_mean(
    scores: Float[AnyArray, "*batch t"], *clusters: ClusterIds, where: Shaped[AnyArray, " t"] | None = None
) -> RobustMean:
    """The mean score with its one-way or two-way cluster-robust standard error.

    Args:
      *clusters: the source of each triplet, or its target, or both. Integers of any size, or names in a NumPy array.

    Raises:
      TypeError: scores that are not floating, clusters that are neither integers nor names.
      ValueError: shapes that do not fit, or a number of clusterings other than one or two.
    """
    return _robust_mean(*checked(scores, clusters, where))


def robust_interval(
    scores: Float[AnyArray, "*batch t"],
    *clusters: ClusterIds,
    where: Shaped[AnyArray, " t"] | None = None,
    level: float = 0.95,
) -> tuple[Float[Array, "*batch"], Float[Array, "*batch"]]:
    """`mean +- t error` of `robust_mean`: (low, high). For scores from 0 to 1, `score_interval` stays within them.

    `level` is the nominal coverage, in (0, 1), a Python number. The measured coverage is in docs/statistics.md.
    """
    return _robust_interval(*checked(scores, clusters, where), level=level)


@functools.partial(jax.jit, static_argnames="level")
def _robust_interval(scores, ids, kept, *, level):
    mean, error, degrees = _robust_mean(scores, ids, kept)
    half = student.quantile(degrees, level) * error
    return mean - half, mean + half


@jax.jit
def _robust_mean(scores: Float[Array, "*batch t"], ids: tuple[Int[Array, " t"], ...], kept: Bool[Array, " t"]):
    mean, residuals = centered(scores, kept)
    variance, clusters = _variance(residuals, ids[:1], kept)
    if len(ids) == 2:
        by_target, targets = _variance(residuals, ids[1:], kept)
        by_cell, _ = _variance(residuals, ids, kept)
        variance = jnp.maximum(jnp.maximum(variance, by_target), variance + by_target - by_cell)
        clusters = jnp.minimum(clusters, targets)
    error = jnp.where(clusters < 2, jnp.nan, jnp.sqrt(variance))
    return RobustMean(mean, error, (clusters - 1).astype(mean.dtype))


def centered(
    scores: Float[Array, "*batch t"], kept: Bool[Array, " t"]
) -> tuple[Float[Array, "*batch"], Float[Array, "*batch t"]]:
    """The mean, and each score minus the mean; 0 for scores that do not count."""
    (scores,) = widen("scores", scores)
    count = jnp.sum(kept, dtype=scores.dtype)
    first = jnp.sum(jnp.where(kept, scores, 0), axis=-1, keepdims=True) / count
    rest = jnp.where(kept, scores - first, 0)  # in two steps, because a sum of a million float32 numbers is rounded
    second = jnp.sum(rest, axis=-1, keepdims=True) / count
    return jnp.squeeze(first + second, -1), jnp.where(kept, rest - second, 0)


def _variance(residuals, ids, kept):
    """One-way cluster-robust variance of the mean, and how many clusters there are."""
    number, clusters = groups(ids, kept)
    total = jnp.sum(sums_by(residuals, number) ** 2, axis=0)
    count = jnp.sum(kept, dtype=residuals.dtype)
    return (clusters / jnp.maximum(clusters - 1, 1)).astype(residuals.dtype) * total / count**2, clusters
