"""A person of the synthetic world, for tests."""

import functools

import jax
import jax.numpy as jnp

from perface_jax.synthetic import population


@functools.cache
def average():
    """The average woman of 30 in a random pose."""
    women, age = jnp.zeros(1), jnp.full((1,), 30.0)

    @jax.jit
    def draw():
        source = population.describe_sources(jnp.zeros((1, 29)), women, age)
        return source, population.sample_targets(jax.random.key(0), women, age)

    return jax.tree.map(lambda leaf: leaf[0], jax.device_get(draw()))


def person(**changes):
    """The same one looking straight ahead, but for some fields; all fields are scalars."""
    source, target = average()
    still = dict.fromkeys(("yaw", "pitch", "roll", "smile", "mouth_open"), 0.0)
    fields = {name: jnp.float32(value) for name, value in (still | changes).items()}
    return jax.tree.map(jnp.asarray, (source, target._replace(**fields)))
