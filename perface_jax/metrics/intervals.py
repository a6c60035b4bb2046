"""Percentile intervals of means whose examples come in clusters: the cluster bootstrap."""

import jax
import jax.numpy as jnp


def cluster_interval(
    key: jax.Array, scores: jax.Array, clusters: jax.Array, *, level: float = 0.95, resamples: int = 2000
) -> tuple[jax.Array, jax.Array]:
    """Percentile bootstrap interval of a mean whose examples come in clusters.

    Triplets that share their three sources are answered nearly alike, so the sources, not the triplets, are drawn
    with replacement: `mean = sum_s n_s m_s / sum_s n_s` over the drawn clusters s.

    Args:
      key: PRNG key.
      scores: floating `[T]`.
      clusters: integer `[T]`, ids from 0; ids that do not occur are ignored.
      level: coverage aimed at, in (0, 1).
      resamples: number of bootstrap draws.

    Returns:
      (low, high), scalars.

    Source: Field & Welsh (2007), "Bootstrapping clustered data", the cluster bootstrap.
    """
    scores, clusters = jnp.asarray(scores), jnp.asarray(clusters)
    size = int(jnp.max(clusters)) + 1
    totals = jax.ops.segment_sum(scores, clusters, size)
    counts = jax.ops.segment_sum(jnp.ones_like(scores), clusters, size)
    present = jnp.flatnonzero(counts)
    drawn = jax.random.choice(key, present, (resamples, present.size))
    means = jnp.sum(totals[drawn], axis=-1) / jnp.sum(counts[drawn], axis=-1)
    tail = 100 * (1 - level) / 2
    return jnp.percentile(means, tail), jnp.percentile(means, 100 - tail)
