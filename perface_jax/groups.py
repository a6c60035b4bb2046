"""STEP 1: the group of faces that a query resembles, by its distances to the members of each group.

Distances are `1 - cosine`. Groups are a mask `where` over the members, `[groups, n]`: they may overlap, as the broad
groups of the paper do, which are unions of the narrow ones. With `[..., q, groups, n]` every query has its own mask, so
that a query that is itself a member can be left out of its groups by its id. All functions but `check_groups` are
traceable; they check dtypes (TypeError) and shapes (ValueError), not values.

A group of fewer than two members has no spread: its statistic is NaN under every rule, and it is never chosen.
`check_groups` refuses it by name before any computation.

Source: PerFace (ICIP 2025), sections 3.3 (STEP 1) and 4.5. "The 95% upper confidence interval" of the paper can be read
in three ways, which are rules here; its Table 4 does not distinguish them.
"""

import enum
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from perface_jax.arrays import AnyArray, Array, Scalar
from perface_jax.network.kernels import row_sums
from perface_jax.precision import is_floating, option, wide, widen
from perface_jax.similarity import root, unit

Distances = Float[AnyArray, "*batch n"]  # of a query and n members
Groups = Bool[AnyArray, "*#batch groups n"]  # the members of each group


class Rule(enum.Enum):
    """The statistic of a query's n distances to a group; s is their standard deviation, with n - 1."""

    CONFIDENCE_LIMIT = "mean + f s / sqrt(n)"
    SPREAD_LIMIT = "mean + f s"
    PERCENTILE = "97.5th percentile"
    MEAN = "mean"
    NEAREST = "smallest"


class Classification(NamedTuple):
    """The group of each query and the statistics behind the choice."""

    group: Int[AnyArray, "*batch q"]  # -1 = abstained, or no group has two members
    distances: Float[AnyArray, "*batch q groups"]  # the statistic of each group
    low: Float[AnyArray, "*batch q groups"]  # mean - f s / sqrt(n)
    high: Float[AnyArray, "*batch q groups"]  # mean + f s / sqrt(n)


def distances(
    queries: Float[AnyArray, "*#batch q d"], members: Float[AnyArray, "*#batch n d"]
) -> Float[Array, "*batch q n"]:
    """Cosine distance of every query to every member, `1 - cos(query, member)`; embeddings need not be normalized.

    In [0, 2] up to rounding; 1 where either vector is zero. Half precision is widened (`perface_jax.precision`).

    Source: PerFace (ICIP 2025), section 4.5.
    """
    queries, members = widen("embeddings", queries, members)
    if min(queries.ndim, members.ndim) < 2 or queries.shape[-1] != members.shape[-1]:
        raise ValueError(
            f"queries have shape {queries.shape}, members {members.shape}; wanted [..., Q, D] and [..., N, D]"
        )
    # TPUs and GPUs multiply float32 with 8 to 11 bits unless told otherwise.
    highest = jax.lax.Precision.HIGHEST
    return 1 - jnp.matmul(unit(queries), jnp.swapaxes(unit(members), -1, -2), precision=highest)


def group_distances(
    distances: Distances, *, where: Groups, rule: Rule = Rule.CONFIDENCE_LIMIT, factor: Scalar = 1.96
) -> Float[Array, "*batch groups"]:
    """One distance for each query and group; NaN for a group of fewer than two members.

    Args:
      distances: of queries and members, from `distances`.
      where: the members of each group.
      rule: the statistic of the distances to one group. The percentile interpolates linearly, as NumPy does.
      factor: f of the two limits; the other rules have none.

    Source: PerFace (ICIP 2025), section 4.5 and Table 4, which says "upper limit of the 95% confidence interval".
    """
    if not isinstance(rule, Rule):
        raise TypeError(f"rule is {rule!r}, expected one of {', '.join(map(str, Rule))}")
    values, where = _of_groups(distances, where)
    if rule is Rule.PERCENTILE:
        found = jnp.nanpercentile(jnp.where(where, values, jnp.nan), 97.5, axis=-1)
    elif rule is Rule.NEAREST:
        found = jnp.min(values, axis=-1, where=where, initial=jnp.inf)
    else:
        mean, spread, count = _moments(values, where)
        width = {Rule.CONFIDENCE_LIMIT: spread / jnp.sqrt(count), Rule.SPREAD_LIMIT: spread, Rule.MEAN: 0}[rule]
        found = mean + option(factor, mean) * width
    return jnp.where(jnp.sum(where, axis=-1) < 2, jnp.nan, found)


def classify(
    distances: Distances,
    *,
    where: Groups,
    rule: Rule = Rule.CONFIDENCE_LIMIT,
    factor: Scalar = 1.96,
    abstain: bool = False,
) -> Classification:
    """The nearest group of each query; among equally near ones the first.

    Args:
      distances, where, rule: as for `group_distances`; two groups or more.
      factor: f of the limits, and of the intervals.
      abstain: choose no group where the intervals `mean -+ f s / sqrt(n)` of the nearest two overlap or touch.

    Source: PerFace (ICIP 2025), section 4.5, G* = argmin_G D(query, G); the tie rule and abstention are ours.
    """
    statistic = group_distances(distances, where=where, rule=rule, factor=factor)
    if statistic.shape[-1] < 2:
        raise ValueError(f"classification needs two or more groups, got `where` of shape {jnp.shape(where)}")
    low, high = (group_distances(distances, where=where, factor=f) for f in (-factor, factor))
    nearness, best = jax.lax.top_k(jnp.where(jnp.isnan(statistic), -jnp.inf, -statistic), 2)
    group = jnp.where(jnp.isneginf(nearness[..., 0]), -1, best[..., 0])
    if abstain:
        lower, upper = (jnp.take_along_axis(limit, best, axis=-1) for limit in (low, high))
        group = jnp.where(jnp.max(lower, axis=-1) <= jnp.min(upper, axis=-1), -1, group)
    return Classification(group, statistic, low, high)


def check_groups(names: Sequence[str], where: Bool[AnyArray, "*batch groups n"]) -> None:
    """Raise a ValueError that names the groups of fewer than two members, for any query."""
    sizes = np.sum(where, axis=-1)
    sizes = sizes.reshape(-1, sizes.shape[-1]).min(axis=0)
    if len(names) != len(sizes):
        raise ValueError(f"{len(names)} names ({', '.join(names)}) for {len(sizes)} groups")
    if small := [f"{name} ({size})" for name, size in zip(names, sizes, strict=True) if size < 2]:
        raise ValueError(
            f"groups of fewer than two members, without the query itself: {', '.join(small)}."
            " The spread of the distances to a group needs two; add faces or leave the group out"
        )


def _of_groups(distances, where) -> tuple[jax.Array, jax.Array]:
    """Distances and mask, both `[..., Q, G, N]`."""
    values, where = jnp.asarray(distances), jnp.asarray(where)
    if where.dtype != bool or not is_floating(values.dtype):
        raise TypeError(f"distances are {values.dtype}, `where` is {where.dtype}; wanted floating and bool")
    if values.ndim < 1 or where.ndim < 2 or values.shape[-1] != where.shape[-1]:
        raise ValueError(
            f"distances have shape {values.shape}, `where` {where.shape};"
            " wanted [..., Q, N], and [G, N] or [..., Q, G, N]"
        )
    values = values.astype(wide(values.dtype))[..., None, :]
    shape = jnp.broadcast_shapes(values.shape, where.shape)
    return jnp.broadcast_to(values, shape), jnp.broadcast_to(where, shape)


def _moments(values, where) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Mean, standard deviation (n - 1) and number of the values that count; never a division by zero."""
    count = jnp.maximum(jnp.sum(where, axis=-1), 2).astype(values.dtype)
    mean = _sum(jnp.where(where, values, 0)) / count
    squares = _sum(jnp.square(jnp.where(where, values - mean[..., None], 0)))
    # `root` has a gradient where all distances are equal.
    return mean, root(squares) / jnp.sqrt(count - 1), count


_sum = jax.custom_jvp(row_sums)
_sum.defjvps(lambda tangent, _, x: jnp.sum(tangent, axis=-1))
