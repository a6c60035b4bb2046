"""The cosines of all candidates and queries, `[..., n, q]`; traceable.

The candidates are in front, because XLA's product for CPUs is slower with a few rows and many columns, and because
`blocks` wants it so.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Float

from perface_jax.arrays import AnyArray, Array
from perface_jax.precision import widen
from perface_jax.similarity import unit

NEAR_ONE = 1e-3  # of squared lengths


def cosines(
    queries: Float[AnyArray, "*#batch q d"], candidates: Float[AnyArray, "*#batch n d"]
) -> Float[Array, "*batch n q"]:
    """Cosines of queries of length 1 and candidates of any length; 0 where a candidate is zero.

    If the candidates have length 1 up to rounding, as stored embeddings often have, the products are divided by the
    lengths: that takes half the time, and no copy of the candidates.
    """
    queries, candidates = widen("embeddings", queries, candidates)
    squares = jax.lax.optimization_barrier(jnp.sum(jnp.square(candidates), axis=-1))
    are_unit = jnp.all(jnp.abs(squares - 1) < NEAR_ONE)

    def divided():
        products, lengths = _products(queries, candidates), jnp.sqrt(jnp.where(are_unit, squares, 1))
        return products / jnp.broadcast_to(lengths[..., None], products.shape)

    return jax.lax.cond(are_unit, divided, lambda: _products(queries, unit(candidates)))


def _products(queries, candidates) -> jax.Array:
    # By default, TPUs and GPUs multiply float32 with 8 to 11 bits.
    return jnp.matmul(candidates, jnp.swapaxes(queries, -1, -2), precision=jax.lax.Precision.HIGHEST)
