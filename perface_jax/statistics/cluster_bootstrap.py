"""The cluster bootstrap of a mean, traceable, over one clustering or two crossed ones.

Triplets of one source show the same three faces and get nearly the same answers, so whole sources are drawn with
replacement: `mean = sum_t w_t x_t / sum_t w_t`, where `w_t` is how often the source of triplet t was drawn. With two
clusterings, source and target, both are drawn independently, and the weight of a triplet is the product.

The draws are the same for all leading dimensions of the scores, and for all calls with the same key, clusters and mask:
this is what pairs two models. Cluster ids start at 0, or are names in a NumPy array; exactly as many ids are drawn as
occur. A triplet with an id below 0 or beyond `sizes` is left out. The result is NaN with fewer than two ids in a
clustering, because their spread is unknown, and if a score that counts is NaN. With one clustering, `resampling.ratio`
is the same bootstrap in NumPy.

Percentile intervals of few clusters are too narrow, by 8% with 20 of them and by 2% with 80. The intervals here are
therefore expanded (`student.expanded_tail`) for the number of clusters that occur; of two clusterings, the smaller.
"""

import functools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int, Shaped

from perface_jax.arrays import AnyArray, Array, PRNGKey
from perface_jax.precision import widen
from perface_jax.statistics.arguments import floats, mask
from perface_jax.statistics.cluster_ids import ClusterIds, numbered
from perface_jax.statistics.score_intervals import score_interval
from perface_jax.statistics.student import expanded_tail


def cluster_interval(
    key: PRNGKey,
    scores: Float[AnyArray, "*batch t"],
    *clusters: ClusterIds,
    sizes: Sequence[int] | None = None,
    where: Shaped[AnyArray, " t"] | None = None,
    level: float = 0.95,
    resamples: int = 2000,
) -> tuple[Float[Array, "*batch"], Float[Array, "*batch"]]:
    """Expanded percentile bootstrap interval (low, high) of the mean score.

    No resample contains an error that the scores do not contain: if all scores are 1, the percentiles are [1, 1]. For
    scores from 0 to 1, the interval is therefore widened to contain that of `score_interval`.

    Args:
      *clusters: the source of each triplet, or its target, or both; integers from 0, or names in a NumPy array.
      sizes: the number of possible ids of each clustering, static; required under jit, otherwise taken from the
        clusters.
      level: nominal coverage, in (0, 1), a Python number.

    Raises:
      TypeError: scores that are not floating, clusters that are not integer.
      ValueError: shapes that do not fit, no clusters, `level` out of range, or traced clusters without `sizes`.

    Source: Field & Welsh (2007), "Bootstrapping clustered data"; for two clusterings Owen (2007), "The pigeonhole
    bootstrap". The measured coverage is in docs/statistics.md.
    """
    totals, counts = cluster_sums(scores, *clusters, sizes=sizes, where=where)
    ends = percentiles(resampled_means(key, totals, counts, resamples=resamples), level, fewest(counts))
    scores, kept = floats(scores, "scores"), mask(where, np.shape(scores)[-1:])
    ids = [jnp.where(one < size, one, -1) for one, size in zip(map(numbered, clusters), counts.shape, strict=True)]
    return _outside(ends, score_interval(scores, *ids, where=kept, level=level), scores, kept)


@jax.jit
def _outside(ends, inner, scores, kept):
    """The interval, widened to contain the inner one if all scores are from 0 to 1."""
    bounded = jnp.all((scores >= 0) & (scores <= 1) | ~kept, axis=-1)
    low, high = jnp.minimum(ends[0], inner[0]), jnp.maximum(ends[1], inner[1])
    return jnp.where(bounded, low, ends[0]), jnp.where(bounded, high, ends[1])


def bootstrap_means(
    key: PRNGKey,
    scores: Float[AnyArray, "*batch t"],
    *clusters: ClusterIds,
    sizes: Sequence[int] | None = None,
    where: Shaped[AnyArray, " t"] | None = None,
    resamples: int = 2000,
) -> Float[Array, "*batch resamples"]:
    """The mean score in every resample; NaN where the drawn sources and targets have no triplet in common."""
    return resampled_means(key, *cluster_sums(scores, *clusters, sizes=sizes, where=where), resamples=resamples)


@functools.partial(jax.jit, static_argnames="level")
def percentiles(
    means: Float[Array, "*batch resamples"], level: float, clusters: Int[Array, ""]
) -> tuple[Float[Array, "*batch"], Float[Array, "*batch"]]:
    """The expanded percentile interval (low, high) of resampled means of this many clusters, NaN left out."""
    means = floats(means, "means")
    tail = expanded_tail(clusters, level).astype(means.dtype)
    low, high = jnp.nanpercentile(means, 100 * jnp.stack([tail, 1 - tail]), axis=-1)
    return low, high


def fewest(counts: Float[Array, "*sizes"]) -> Int[Array, ""]:
    """How many ids of a clustering occur, from the numbers of `cluster_sums`; the minimum, of two clusterings."""
    (counts,), axes = widen("counts", counts), range(counts.ndim)
    occurs = [jnp.any(counts > 0, axis=tuple(other for other in axes if other != axis)) for axis in axes]
    return functools.reduce(jnp.minimum, [jnp.sum(ids, dtype=jnp.int32) for ids in occurs])


def cluster_sums(
    scores: Float[AnyArray, "*batch t"],
    *clusters: ClusterIds,
    sizes: Sequence[int] | None = None,
    where: Shaped[AnyArray, " t"] | None = None,
) -> tuple[Float[Array, "..."], Float[Array, "*sizes"]]:
    """Sums of the scores `[*batch, *sizes]`, and numbers of triplets, per cluster or per cell of two clusterings."""
    scores = floats(scores, "scores")
    if not scores.ndim:
        raise ValueError("scores have shape (); wanted [..., T]")
    kept = mask(where, scores.shape[-1:])
    numbers = tuple(map(numbered, clusters))
    for ids in numbers:
        if ids.shape != kept.shape:
            raise ValueError(f"clusters have shape {ids.shape}, scores {scores.shape}; wanted [T] and [..., T]")
    return _cluster_sums(scores, tuple(map(jnp.asarray, numbers)), kept, sizes=_sizes(numbers, sizes))


@functools.partial(jax.jit, static_argnames="sizes")
def _cluster_sums(scores, clusters, kept, *, sizes):
    cell = jnp.zeros(kept.shape, jnp.int32)
    for ids, size in zip(clusters, sizes, strict=True):
        kept &= (ids >= 0) & (ids < size)
        cell = cell * size + ids.astype(jnp.int32)
    add_up = functools.partial(jax.ops.segment_sum, segment_ids=jnp.where(kept, cell, 0), num_segments=math.prod(sizes))
    totals = jnp.moveaxis(add_up(jnp.moveaxis(jnp.where(kept, scores, 0), -1, 0)), 0, -1)
    return totals.reshape(*scores.shape[:-1], *sizes), add_up(kept.astype(scores.dtype)).reshape(sizes)


@functools.partial(jax.jit, static_argnames="resamples")
def resampled_means(
    key: PRNGKey, totals: Float[Array, "..."], counts: Float[Array, "*sizes"], *, resamples: int
) -> Float[Array, "..."]:
    """As `bootstrap_means`, from `cluster_sums`."""
    totals, counts = widen("sums", totals, counts)
    axes = set(range(counts.ndim))
    occurs = [jnp.any(counts > 0, axis=tuple(axes - {axis})) for axis in sorted(axes)]
    keys = jax.random.split(key, len(occurs))
    weights = [_draw(one, ids, resamples).astype(counts.dtype) for one, ids in zip(keys, occurs, strict=True)]
    enough = jnp.all(jnp.stack([jnp.sum(ids) >= 2 for ids in occurs]))
    return jnp.where(enough, weighted_means(totals, counts, *weights), jnp.nan)


def weighted_means(
    totals: Float[Array, "..."], counts: Float[Array, "*sizes"], *weights: Float[AnyArray, "_ resamples"]
) -> Float[Array, "*batch resamples"]:
    """The mean for each weighting, from `cluster_sums` and how often each cluster of each clustering was drawn."""
    totals, counts, *drawn = widen("sums", totals, counts, *weights)
    totals, counts = _weigh(totals, drawn), _weigh(counts, drawn)
    return totals / jnp.broadcast_to(counts, totals.shape)


def _draw(key, occurs, resamples):
    """How often each of the ids `[S]` is drawn: `[S, resamples]`, as many draws as ids occur, of those that occur."""
    number = jnp.sum(occurs)
    bits = jax.random.bits(key, (occurs.size, resamples))  # drawn in this order, so that absent ids change no draw
    drawn = bits % jnp.maximum(number, 1).astype(bits.dtype)
    counted = (jnp.arange(occurs.size) < number).astype(jnp.int32)
    add_up = jax.vmap(lambda drawn: jnp.zeros(occurs.shape, jnp.int32).at[drawn].add(counted), in_axes=1, out_axes=1)
    return jnp.where(occurs[:, None], add_up(drawn)[jnp.cumsum(occurs) - 1], 0)  # drawn i is the i-th id that occurs


def _weigh(sums, weights):
    """`[..., *sizes]` times the weights `[size, resamples]` of each clustering, added up: `[..., resamples]`."""
    # In full precision: TF32 or bfloat16 products err by 1e-3.
    product = functools.partial(jnp.einsum, precision=jax.lax.Precision.HIGHEST)
    sums = product("...s,sr->...r", sums, weights[-1])
    for weight in reversed(weights[:-1]):
        sums = product("...sr,sr->...r", sums, weight)
    return sums


def _sizes(clusters, sizes):
    if not clusters:
        raise ValueError("no clusters; give the source of each triplet, its target, or both")
    if sizes is None:
        try:
            numbers = [int(np.max(np.asarray(ids), initial=-1)) + 1 for ids in clusters]
        except jax.errors.TracerArrayConversionError as error:
            raise ValueError("clusters are traced; give `sizes`, how many ids each can have: sizes=(80,)") from error
        return tuple(-(-number // 16) * 16 for number in numbers)  # rounded up: tables of many sizes share a program
    if len(sizes) != len(clusters):
        raise ValueError(f"{len(clusters)} clusterings have {len(sizes)} sizes; wanted one each, like sizes=(80, 80)")
    return tuple(sizes)
