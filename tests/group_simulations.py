"""Simulated groups with one distribution: how often the larger is chosen, and how often an interval holds the truth.

`pytest tests/test_groups.py -m slow -s` prints the tables of docs/statistics.md.
"""

import enum
import functools

import jax
import jax.numpy as jnp

from perface_jax import groups
from perface_jax.groups import Rule


class Remedy(enum.Enum):
    """What makes groups of two sizes comparable."""

    NONE = ""
    LIMIT = "equalize"
    SUBSAMPLE = "subsample"


DRAWS = {
    "normal": jax.random.normal,
    "uniform": jax.random.uniform,
    "skewed": jax.random.exponential,  # far more than distances of faces are
}


@functools.partial(jax.jit, static_argnames=("rule", "how", "queries", "draw", "sizes"))
def share_of_larger(key, *, rule, how=Remedy.NONE, queries, draw="normal", sizes=(100, 10)):
    """How often the larger of two groups with one distribution is chosen, each query with members of its own."""
    where = jnp.arange(sum(sizes)) < sizes[0]
    where = jnp.stack([where, ~where])

    def choose(key):
        one, other = jax.random.split(key)
        values = DRAWS[draw](one, (1, sum(sizes)))
        kept = groups.subsample(other, where) if how is Remedy.SUBSAMPLE else where
        return groups.classify(values, where=kept, rule=rule, equalize=how is Remedy.LIMIT).group[0]

    return jnp.mean(jax.lax.map(choose, jax.random.split(key, queries), batch_size=1000) == 0)


@functools.partial(jax.jit, static_argnames=("rule", "members", "draws", "draw"))
def coverage(key, *, rule, members, draws, draw="normal"):
    """How often the interval of a rule holds the mean of its statistic over draws of as many members."""
    values = DRAWS[draw](key, (draws, 2 * members))
    where = jnp.arange(2 * members) < members
    found = groups.classify(values, where=jnp.stack([where, ~where]), rule=rule)
    middle = (found.low + found.high) / 2  # of CONFIDENCE_LIMIT: the mean, of which it is the interval
    truth = jnp.mean(middle)
    return jnp.mean((found.low <= truth) & (truth <= found.high))


def choices():
    """The rules with the remedies of each."""
    return [(rule, how) for rule in Rule for how in Remedy if how is not Remedy.LIMIT or rule is Rule.CONFIDENCE_LIMIT]
