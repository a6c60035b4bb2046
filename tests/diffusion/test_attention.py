"""Attention in blocks of queries."""

import jax
import jax.numpy as jnp
import numpy as np

from perface_jax.diffusion import attention
from perface_jax.diffusion.attention import Memory, attend, join


def by_hand(queries, keys, values):
    logits = np.einsum("bnhd,bmhd->bhnm", queries, keys) / np.sqrt(queries.shape[-1])
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return np.einsum("bhnm,bmhd->bnhd", weights / weights.sum(-1, keepdims=True), values)


def test_attention_by_hand_whole_and_in_blocks(monkeypatch, key):
    queries = jax.random.normal(next(key), (2, 12, 3, 4))
    memory = Memory(*jax.random.normal(next(key), (2, 2, 5, 3, 4)))
    wanted = by_hand(queries, *memory)
    np.testing.assert_allclose(attend(queries, memory), wanted, rtol=1e-5, atol=1e-6)
    monkeypatch.setattr(attention, "MOST_WEIGHTS", 2 * 3 * 4 * 5)  # of three blocks
    np.testing.assert_allclose(attend(queries, memory), wanted, rtol=1e-5, atol=1e-6)


def test_joined_memories_are_one_row_of_tokens():
    first, second = (Memory(jnp.full((1, n, 1, 1), n), jnp.zeros((1, n, 1, 1))) for n in (2, 3))
    assert join(first, None) is first
    assert np.ravel(join(first, second).keys).tolist() == [2, 2, 3, 3, 3]
