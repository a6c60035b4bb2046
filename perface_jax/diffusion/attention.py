"""Attention of several heads, with keys and values that may have been made before.

Queries are taken in blocks, so that the weights of a block, and not of all queries, are in memory at once.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from perface_jax.arrays import AnyArray, Array
from perface_jax.diffusion.layers import Typed
from perface_jax.precision import wide

MOST_WEIGHTS = 1 << 26  # attention weights computed at once


class Memory(NamedTuple):
    """Keys and values of tokens."""

    keys: Float[AnyArray, "batch _ _ _"]
    values: Float[AnyArray, "batch _ _ _"]


def join(*memories: Memory | None) -> Memory:
    """One after the other, along the tokens; None has no tokens."""
    there = [memory for memory in memories if memory is not None]
    return there[0] if len(there) == 1 else Memory(*(jnp.concatenate(parts, 1) for parts in zip(*there, strict=True)))


def attend(queries: Float[AnyArray, "b n heads d"], memory: Memory) -> Float[Array, "b n heads d"]:
    """softmax(q k^T / sqrt(d)) v for every head."""
    batch, count, heads, width = queries.shape
    weights = batch * heads * count * memory.keys.shape[1]
    blocks = next(n for n in range(-(-weights // MOST_WEIGHTS), count + 1) if count % n == 0) if count else 1
    if blocks == 1:
        return _attend(queries, memory)
    rows = jnp.moveaxis(jnp.reshape(queries, (batch, blocks, -1, heads, width)), 1, 0)
    found = jax.lax.map(jax.checkpoint(lambda block: _attend(block, memory)), rows)
    return jnp.reshape(jnp.moveaxis(found, 0, 1), queries.shape)


def _attend(queries, memory):
    scaled = queries * queries.shape[-1] ** -0.5
    logits = jnp.einsum("bnhd,bmhd->bhnm", scaled, memory.keys, preferred_element_type=wide(queries.dtype))
    weights = jax.nn.softmax(logits).astype(queries.dtype)
    return jnp.einsum("bhnm,bmhd->bnhd", weights, memory.values)


class Attention(Typed):
    """Projections around `attend`."""

    heads: int = 1
    width: int = 0
    bias: bool = False  # of queries, keys and values

    def setup(self) -> None:
        """The parts."""
        self.to_q, self.to_k, self.to_v = (self.make_dense(self.width, bias=self.bias) for _ in range(3))
        self.to_out_0 = self.make_dense(self.width)

    def __call__(self, x: Float[AnyArray, "b n c"], memory: Memory) -> Float[Array, "b n c"]:
        """Queries from `x`."""
        found = attend(self._heads(self.to_q(x)), memory)
        return self.to_out_0(jnp.reshape(found, (*found.shape[:2], -1)))

    def remember(self, tokens: Float[AnyArray, "b m e"]) -> Memory:
        """Keys and values of tokens."""
        return Memory(self._heads(self.to_k(tokens)), self._heads(self.to_v(tokens)))

    def of_one_token(self, token: Float[AnyArray, "b 1 e"]) -> Float[Array, "b 1 c"]:
        """The answer to any query where there is one token, whose softmax is 1: needs neither queries nor keys."""
        return self.to_out_0(self.to_v(token))

    def _heads(self, x):
        return jnp.reshape(x, (*x.shape[:2], self.heads, -1))
