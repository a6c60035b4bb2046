"""The statistic of a query's distances to each group, and the interval of each rule.

Source: PerFace (ICIP 2025), section 4.5. "The 95% upper confidence interval" of the paper can be read in three ways.
All three are rules here, because the paper's Table 4 does not distinguish them. Standard errors: see `groups.classify`.
"""

import enum
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtri
from jaxtyping import Bool, Float, Int

from perface_jax.arrays import AnyArray, Array, Scalar
from perface_jax.member_parts import masked_sums
from perface_jax.precision import is_floating, option, wide
from perface_jax.similarity import root

Distances = Float[AnyArray, "*batch n"]  # of a query and n members
Groups = Bool[AnyArray, "*#batch groups n"]  # the members of each group


class Rule(enum.Enum):
    """The statistic of a query's n distances to a group; s is their standard deviation (n - 1).

    If two groups have the same distribution, the larger one has the lower limit, the lower minimum and the higher
    percentile: see the module docstring.
    """

    CONFIDENCE_LIMIT = "mean + f s / sqrt(n)"  # favors large groups
    SPREAD_LIMIT = "mean + f s"  # hardly depends on n
    PERCENTILE = "97.5th percentile"  # favors small groups
    MEAN = "mean"  # does not depend on n
    NEAREST = "smallest"  # favors large groups


class Statistics(NamedTuple):
    """The statistic of each query and group, middle and half width of its interval, and whether a NaN is in it."""

    distance: jax.Array
    middle: jax.Array
    half: jax.Array
    broken: jax.Array


def statistics(distances: Distances, where: Groups, rule: Rule, factor: Scalar, *, equalize: bool) -> Statistics:
    """The statistics of every query and group; the arguments are those of `groups.group_distances`."""
    _check_rule(rule, equalize)
    values, where = _of_groups(distances, where)
    mean, spread, count = _moments(values, where)
    factor = option(factor, mean)
    if rule is Rule.CONFIDENCE_LIMIT:
        width = factor * spread / jnp.sqrt(smallest(where).astype(count.dtype) if equalize else count)
        found, middle, half = mean + width, mean, width
    else:
        found, scale = {
            Rule.SPREAD_LIMIT: lambda: (mean + factor * spread, jnp.sqrt(1 / count + factor**2 / (2 * (count - 1)))),
            Rule.PERCENTILE: lambda: (_percentile(values, where), _rank_error(count, 1 + 0.975 * (count - 1))),
            Rule.MEAN: lambda: (mean, 1 / jnp.sqrt(count)),
            Rule.NEAREST: lambda: (
                jnp.min(jnp.where(where, values[..., None, :], jnp.inf), axis=-1),
                _rank_error(count, jnp.ones_like(count)),
            ),
        }[rule]()
        middle, half = found, factor * spread * scale
    enough = jnp.sum(where, axis=-1) >= 2
    broken = enough & jnp.isnan(mean)
    found, middle, half = (jnp.where(enough & ~broken, x, jnp.nan) for x in (found, middle, half))
    return Statistics(found, middle, half, broken)


def _check_rule(rule, equalize):
    if not isinstance(rule, Rule):
        raise TypeError(f"rule is {rule!r}, expected one of {', '.join(map(str, Rule))}")
    if equalize and rule is not Rule.CONFIDENCE_LIMIT:
        raise ValueError(f"equalize is for Rule.CONFIDENCE_LIMIT, got {rule}; groups.subsample is for every rule")


def smallest(where: Groups) -> Int[Array, "*batch 1"]:
    """The size of the smallest group of two members or more, `[..., 1]`."""
    size = jnp.sum(where, axis=-1)
    return jnp.min(size, axis=-1, keepdims=True, where=size >= 2, initial=where.shape[-1])


def _percentile(values, where):
    return jnp.nanpercentile(jnp.where(where, values[..., None, :], jnp.nan), 97.5, axis=-1)


def _rank_error(count, rank):
    """The standard error of the value at a rank (from 1) among standard normal values."""
    p = (rank - 0.375) / (count + 0.25)
    density = jnp.exp(-jnp.square(ndtri(p)) / 2) / np.sqrt(2 * np.pi).item()
    return jnp.sqrt(p * (1 - p) / (count + 2)) / density


def _of_groups(distances, where) -> tuple[jax.Array, jax.Array]:
    """Distances `[..., Q, N]` and mask `[..., Q, G, N]`, neither repeated where the other has an axis more."""
    values, where = jnp.asarray(distances), jnp.asarray(where)
    if where.dtype != bool or not is_floating(values.dtype):
        raise TypeError(f"distances are {values.dtype}, `where` is {where.dtype}; wanted floating and bool")
    if values.ndim < 1 or where.ndim < 2 or values.shape[-1] != where.shape[-1]:
        raise ValueError(
            f"distances have shape {values.shape}, `where` {where.shape};"
            " wanted [..., Q, N], and [G, N] or [..., Q, G, N]"
        )
    rank = len(jnp.broadcast_shapes(values[..., None, :].shape, where.shape))
    values, where = (jnp.expand_dims(x, range(most - x.ndim)) for x, most in ((values, rank - 1), (where, rank)))
    return values.astype(wide(values.dtype)), where


def _moments(values, where) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Mean, standard deviation (n - 1) and number of the values that count; never a division by zero."""
    count = jnp.maximum(jnp.sum(where, axis=-1), 2).astype(values.dtype)
    mean = masked_sums(values, where) / count
    squares = masked_sums(values, where, mean=mean)
    # unlike sqrt, `root` has a gradient where all distances are equal
    return mean, root(squares) / jnp.sqrt(count - 1), count
