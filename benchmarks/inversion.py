"""A generator that draws a face from an embedding: what whoever holds the embedding can make visible.

A small network of upsamplings and convolutions, trained on pairs of an embedding and its picture by the mean absolute
error of the pixels. It is the least that an attacker would do: no adversarial loss, no pretrained generator.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

BATCH = 32


class Generator(nn.Module):
    """`[n, d]` -> pictures `[n, size, size, 3]` from 0 to 1; `size` is a multiple of 8."""

    size: int
    width: int = 64

    @nn.compact
    def __call__(self, vectors):
        side = self.size // 8
        x = nn.Dense(side * side * self.width)(vectors).reshape(-1, side, side, self.width)
        for width in (self.width, self.width // 2, self.width // 4):
            x = jax.image.resize(x, (len(x), 2 * x.shape[1], 2 * x.shape[2], x.shape[3]), "bilinear")
            x = nn.leaky_relu(nn.GroupNorm(8)(nn.Conv(width, (3, 3))(x)))
        return nn.sigmoid(nn.Conv(3, (3, 3))(x))


def train(vectors: np.ndarray, pictures: np.ndarray, *, steps: int, seed: int) -> tuple[Generator, dict]:
    """A generator of these uint8 pictures from their vectors."""
    generator, random = Generator(pictures.shape[1]), np.random.default_rng(seed)
    vectors = _unit(vectors)
    variables = generator.init(jax.random.key(seed), vectors[:1])
    optimizer = optax.adam(optax.cosine_decay_schedule(2e-3, steps))
    state = optimizer.init(variables)

    def error(variables, vectors, pictures):
        return jnp.abs(generator.apply(variables, vectors) - pictures).mean()

    @jax.jit
    def step(variables, state, vectors, pictures):
        change, state = optimizer.update(jax.grad(error)(variables, vectors, pictures), state)
        return optax.apply_updates(variables, change), state

    for _ in range(steps):  # not `scan`: on CPUs, XLA convolves ten times more slowly in it
        rows = random.integers(0, len(vectors), BATCH)
        variables, state = step(variables, state, vectors[rows], pictures[rows] / np.float32(255))
    return generator, variables


def draw(generator: tuple[Generator, dict], vectors: np.ndarray) -> np.ndarray:
    """The faces of these vectors, uint8."""
    network, variables = generator
    return np.asarray(jnp.round(network.apply(variables, _unit(vectors)) * 255)).astype(np.uint8)


def _unit(vectors):
    """Vectors of length sqrt(d), as numbers of about 1 suit the first layer."""
    return np.sqrt(vectors.shape[1]).astype(np.float32) * vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
