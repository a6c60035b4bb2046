"""Scores of triplets: per example, or a (sum, count) pair; a scalar form is one division over that pair.

Embeddings are floating `[..., D]`. `where` is a boolean (or 0/1) mask over the triplets; padded rows never count.
A tie is worth one half: a model that gives every picture the same vector scores 0.5, not 0 or 1.
"""

import jax
import jax.numpy as jnp

from perface_jax.similarity import similarity


def triplet_scores(reference: jax.Array, positive: jax.Array, negative: jax.Array) -> jax.Array:
    """1 where `cos(x, x+) > cos(x, x-)`, 1/2 where they are equal, 0 where it is smaller, NaN where it is no number.

    Args:
      reference: floating `[..., D]`.
      positive: floating `[..., D]`.
      negative: floating `[..., D]`.

    Returns:
      `[...]` in {0, 0.5, 1} or NaN, the dtype of the embeddings, at least float32.
    """
    return pair_scores(similarity(reference, positive), similarity(reference, negative))


def pair_scores(positive: jax.Array, negative: jax.Array) -> jax.Array:
    """As `triplet_scores`, from the two similarities to the reference `[...]`."""
    difference = positive - negative
    if difference.dtype != jnp.float64:
        difference = difference.astype(jnp.float32)  # float16 cannot count to 70,000
    return (jnp.sign(difference) + 1) / 2


def triplet_accuracy(
    reference: jax.Array, positive: jax.Array, negative: jax.Array, *, where: jax.Array | None = None
) -> jax.Array:
    """Share of triplets whose positive is the more similar one; ties count one half.

    Args:
      reference: floating `[..., D]`.
      positive: floating `[..., D]`.
      negative: floating `[..., D]`.
      where: mask `[...]` of the triplets that count; all when None.

    Returns:
      scalar in [0, 1]; NaN when no triplet counts, or one that counts has a NaN.

    Raises:
      ValueError: `where` has another shape than the triplets.

    Source: PerFace (ICIP 2025), section 4.2; the tie rule is ours.
    """
    scores = triplet_scores(reference, positive, negative)
    kept = jnp.ones_like(scores, bool) if where is None else jnp.asarray(where).astype(bool)
    if kept.shape != scores.shape:
        raise ValueError(f"`where` has shape {kept.shape}, the triplets {scores.shape}; wanted the same")
    return jnp.sum(scores, where=kept) / jnp.sum(kept).astype(scores.dtype)
