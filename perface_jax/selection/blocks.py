"""The k lowest of many scores, exactly and without sorting them all; traceable.

Scores are cut into blocks of neighbors. The k lowest lie in the k blocks with the lowest minima, so only these blocks
are ranked. Among equal scores the first wins: of the blocks, then within them. Scores have the candidates in front of
the queries, `[..., n, q]`: this way a CPU computes minima of blocks, and the scores themselves, with vectors.

Scores must not be NaN; infinity stands for a candidate that must not be chosen.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from perface_jax.arrays import AnyArray
from perface_jax.precision import widen

BLOCK = 32  # neighbors


class Lowest(NamedTuple):
    """The lowest scores of each query, in order, and their places; infinity and any place where there are fewer."""

    score: Float[AnyArray, "*batch q k"]
    place: Int[AnyArray, "*batch q k"]


def lowest(scores: Float[AnyArray, "*batch n q"], *, k: int) -> Lowest:
    """The k lowest scores of each query."""
    (scores,) = widen("scores", scores)
    shape = (*scores.shape[:-2], scores.shape[-1], k)
    return lower(Lowest(jnp.full(shape, jnp.inf, scores.dtype), jnp.full(shape, -1, jnp.int32)), scores, start=0)


def lower(best: Lowest, scores: Float[AnyArray, "*batch n q"], *, start: int | Int[AnyArray, ""]) -> Lowest:
    """The lowest scores among the best so far and more scores, whose places begin with `start`.

    The places of the best so far come before all of these.
    """
    before, scores = widen("scores", best.score, scores)
    best = best._replace(score=before)
    scores = jnp.where(scores == 0, 0, scores)  # `top_k` ranks -0 below 0
    k, limit = best.score.shape[-1], best.score[..., -1:]
    near, place = _near(scores, k, limit)
    found = jnp.concatenate([best.score, jnp.where(near < limit, near, jnp.inf)], axis=-1)
    score, chosen = jax.lax.top_k(-found, k)
    before = jnp.asarray(best.place)
    place = place.astype(before.dtype) + jnp.asarray(start, before.dtype)
    places = jnp.concatenate([before, place], axis=-1)
    return Lowest(-score, jnp.take_along_axis(places, chosen, axis=-1))


def _near(scores, k, limit) -> tuple[jax.Array, jax.Array]:
    """Scores and places `[..., q, m]` in ascending order of places, with all of the k lowest that are below a limit."""
    whole = scores.shape[-2] // BLOCK
    rest = jnp.swapaxes(scores[..., whole * BLOCK :, :], -1, -2)
    places = whole * BLOCK + jax.lax.broadcasted_iota(jnp.int32, rest.shape, rest.ndim - 1)
    if not whole:
        return rest, places
    blocks = scores[..., : whole * BLOCK, :].reshape(*scores.shape[:-2], whole, BLOCK, scores.shape[-1])
    least = jnp.swapaxes(jnp.min(blocks, axis=-2), -1, -2)
    # Blocks without a score below the limit all look alike to `top_k`, which is faster.
    _, block = jax.lax.top_k(-jnp.where(least < limit, least, jnp.inf), min(k, whole))
    block = jnp.sort(block, axis=-1)
    near = jnp.take_along_axis(blocks, jnp.swapaxes(block, -1, -2)[..., None, :], axis=-3)
    near = jnp.moveaxis(near, -1, -3).reshape(*block.shape[:-1], -1)
    within = jax.lax.broadcasted_iota(jnp.int32, (*block.shape, BLOCK), block.ndim)
    place = (block[..., None].astype(jnp.int32) * BLOCK + within).reshape(near.shape)
    return jnp.concatenate([near, rest], axis=-1), jnp.concatenate([place, places], axis=-1)
