"""Ids of clusters: integers, or on the host anything that can be sorted, such as names.

An integer below 0 means that the cluster is unknown; its triplet does not count. Names have no such value.
"""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from perface_jax.arrays import AnyArray, Array
from perface_jax.precision import widen
from perface_jax.statistics.arguments import floats, mask

ClusterIds = Shaped[AnyArray, " t"] | Sequence[Any]  # the cluster of each triplet


def numbered(ids: Shaped[AnyArray, "..."] | Sequence[Any]) -> Int[AnyArray, "..."]:
    """Integers as they are; names, and integers that int32 cannot hold, numbered from 0 in sorted order.

    TypeError for anything else, and for names that cannot be sorted.
    """
    if not isinstance(ids, jax.Array):
        ids = np.asarray(ids)
        if ids.dtype.kind in "SUO" or (ids.dtype.kind in "iu" and np.max(ids, initial=0) > np.iinfo(np.int32).max):
            ids = _number(ids)
    if not jnp.issubdtype(ids.dtype, jnp.integer):
        raise TypeError(f"clusters are {ids.dtype}; wanted integers, or names in a NumPy array")
    return ids if ids.dtype == jnp.int64 else ids.astype(np.int32)


def _number(ids: np.ndarray) -> np.ndarray:
    try:
        values, number = np.unique(ids, return_inverse=True)
    except TypeError as error:  # mixed types, or types without an order
        raise TypeError(f"clusters cannot be sorted ({error}); wanted integers, or names of one type") from error
    unknown = np.sum(values < 0) if values.dtype.kind == "i" else 0
    return np.maximum(number.reshape(ids.shape) - unknown, -1)


def checked(
    scores: Float[AnyArray, "*batch t"], clusters: Sequence[ClusterIds], where: Shaped[AnyArray, " t"] | None
) -> tuple[Float[Array, "*batch t"], tuple[Int[Array, " t"], ...], Bool[Array, " t"]]:
    """Scores, one or two clusterings as integers, and which triplets count: unmasked, with ids that are known.

    TypeError: scores that are not floating, clusters that are neither integers nor names. ValueError: shapes that do
    not fit, or a number of clusterings other than one or two.
    """
    scores = floats(scores, "scores")
    if not scores.ndim:
        raise ValueError("scores have shape (); wanted [..., T]")
    if len(clusters) not in (1, 2):
        raise ValueError(f"{len(clusters)} clusterings; wanted the source of each triplet, its target, or both")
    kept, ids = mask(where, scores.shape[-1:]), tuple(jnp.asarray(numbered(one)) for one in clusters)
    for one in ids:
        if one.shape != kept.shape:
            raise ValueError(f"clusters have shape {one.shape}, scores {scores.shape}; wanted [T] and [..., T]")
        kept &= one >= 0
    return scores, ids, kept


def groups(ids: Sequence[Int[Array, " t"]], kept: Bool[Array, " t"]) -> tuple[Int[Array, " t"], Int[Array, ""]]:
    """The number of each triplet's combination of ids (0 if it does not count), and how many combinations occur."""
    order = jnp.lexsort((*ids, ~kept))  # those that do not count come last
    differ = functools.reduce(jnp.logical_or, [jnp.diff(one[order]) != 0 for one in ids])
    new = kept[order] & jnp.append(jnp.ones(min(1, kept.size), bool), differ)
    number = jnp.zeros(kept.shape, jnp.int32).at[order].set(jnp.cumsum(new, dtype=jnp.int32) - 1)
    return jnp.where(kept, number, 0), jnp.sum(new, dtype=jnp.int32)


def sums_by(values: Float[Array, "*batch t"], number: Int[Array, " t"]) -> Float[Array, "..."]:
    """Sums per group, `[T, *batch]`, with as many rows as triplets (at least one); 0 for groups that do not occur."""
    (values,) = widen("values", values)
    return jax.ops.segment_sum(jnp.moveaxis(values, -1, 0), number, num_segments=max(number.size, 1))
