"""Losses on embeddings: pure, one value per example, no mean and no clipping of gradients.

Embeddings are floating `[..., D]` and need not be of unit length. Reduction and example weights belong to the caller
(`step.train_step` sums locally, adds up over the devices and divides once).
"""

import jax
import jax.numpy as jnp

from perface_jax.similarity import similarity


def cosine_triplet(
    reference: jax.Array, positive: jax.Array, negative: jax.Array, *, margin: float | jax.Array = 0.1
) -> jax.Array:
    """Hinge on the difference of two cosines: `max(0, cos(x, x-) - cos(x, x+) + margin)`.

    Args:
      reference: floating `[..., D]`, the picture C of a triplet.
      positive: floating `[..., D]`, the picture most people called closer to C.
      negative: floating `[..., D]`, the other one.
      margin: in units of cosine; the paper uses 0.1.

    Returns:
      `[...]`, at least 0; the mean over the batch is the paper's loss.

    Source: PerFace (ICIP 2025), Eq. 1.
    """
    return jnp.maximum(0, similarity(reference, negative) - similarity(reference, positive) + margin)
