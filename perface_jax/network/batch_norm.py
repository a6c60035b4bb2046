"""The arithmetic of batch norm, with PReLU behind it, and its derivative written by hand.

    z = (x - mean) / sqrt(var + 1e-5) * scale + bias
    y = z where z > 0, else slope * z          (y = z without a slope)

Rows `[..., C]` may have any floating dtype; vectors `[C]` have the parameters' dtype, in which everything is computed;
`y` has the dtype of `x`. Nothing of the size of `x` is kept for the derivative but `x` itself: sums over the rows are
taken first, `dx` from them. Forward-mode derivatives (`jax.jvp`) are not
defined; second derivatives are.

Source: Ioffe and Szegedy 2015, section 3; He et al. 2015, equation 1.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from perface_jax.network.mesh_axes import varying_as

EPSILON = 1e-5


def statistics(x: jax.Array, *, axis_name: str | None = None) -> tuple[jax.Array, jax.Array]:
    """Mean and biased variance of each channel.

    Two passes: E[x^2] - E[x]^2 would lose the digits that parity with PyTorch needs.

    Args:
      x: `[..., C]`, in the dtype of the parameters.
      axis_name: mapped axis over whose devices, with equally many rows each, the statistics are shared.

    Returns:
      mean `[C]`, variance `[C]`.
    """
    shared = (lambda v: v) if axis_name is None else (lambda v: jax.lax.pmean(v, axis_name))
    mean = shared(_mean(x))
    return mean, shared(_variance(x, varying_as(x, mean)))


def normalize(
    x: jax.Array, mean: jax.Array, var: jax.Array, scale: jax.Array, bias: jax.Array, slope: jax.Array | None
) -> jax.Array:
    """Norm, and PReLU where there is a slope.

    Args:
      x: `[..., C]`.
      mean, var: `[C]`, of `statistics` or running ones.
      scale, bias: `[C]`.
      slope: `[C]`, or None.

    Returns:
      `[..., C]`, the dtype of `x`.
    """
    return _normalize(x, *jax.tree.map(functools.partial(varying_as, x), (mean, var, scale, bias, slope)))


# jit: blocks of one shape are traced once.
@jax.custom_vjp
@functools.partial(jax.jit, inline=True)
def _normalize(x, mean, var, scale, bias, slope):
    z = (x.astype(mean.dtype) - _over(mean, x)) * _over(scale / jnp.sqrt(var + EPSILON), x) + _over(bias, x)
    return prelu(z, slope).astype(x.dtype)


def prelu(x: jax.Array, slope: jax.Array | None) -> jax.Array:
    """`x` where positive, else `slope * x`; `x` where there is no slope.

    At exactly 0 the derivative is the slope's, as PyTorch's is.
    """
    return x if slope is None else jnp.where(x > 0, x, _over(slope.astype(x.dtype), x) * x)


def _forward(x, mean, var, scale, bias, slope):
    return _normalize(x, mean, var, scale, bias, slope), (x, mean, var, scale, bias, slope)


@functools.partial(jax.jit, inline=True)
def _backward(kept, dy):
    x, mean, var, scale, bias, slope = kept
    rate = 1 / jnp.sqrt(var + EPSILON)

    def centered(x):
        return x.astype(mean.dtype) - _over(mean, x)

    def activation(x):
        return centered(x) * _over(scale * rate, x) + _over(bias, x)

    def dz(x, dy):
        dy = dy.astype(mean.dtype)
        return dy if slope is None else jnp.where(activation(x) > 0, dy, _over(slope, x) * dy)

    def below(x, dy):
        return jnp.minimum(activation(x), 0) * dy.astype(mean.dtype)

    dbias = _sum(dz, x, dy)
    dscale = _sum(lambda x, dy: dz(x, dy) * centered(x), x, dy) * rate
    dslope = None if slope is None else _sum(below, x, dy)
    dx = (dz(x, dy) * _over(scale * rate, x)).astype(x.dtype)
    dmean, dvar = -scale * rate * dbias, -scale * dscale * rate**2 / 2
    return dx, dmean, dvar, dscale, dbias, dslope


_normalize.defvjp(_forward, _backward)


@jax.custom_vjp
@functools.partial(jax.jit, inline=True)
def _mean(x):
    return _sum(lambda x: x, x) / _count(x)


_mean.defvjp(lambda x: (_mean(x), x), lambda x, d: (jnp.broadcast_to(_over(d / _count(x), x), x.shape),))


@jax.custom_vjp
@functools.partial(jax.jit, inline=True)
def _variance(x, mean):
    """The mean of squares around `mean`, which is that of all rows: its own derivative is then 0."""
    return _sum(lambda x: jnp.square(x - _over(mean, x)), x) / _count(x)


_variance.defvjp(
    lambda x, mean: (_variance(x, mean), (x, mean)),
    lambda kept, d: (_over(2 * d / _count(kept[0]), kept[0]) * (kept[0] - _over(kept[1], kept[0])), 0 * d),
)


def column_sums(x: jax.Array) -> jax.Array:
    """The sum `[C]` of `[..., C]` over all rows, on CPUs without the slow reduction of XLA."""
    return x if x.ndim < 2 else _sum(lambda x: x, x)


def _sum(function: Callable, *rows: jax.Array) -> jax.Array:
    """The sum `[C]` of an elementwise function of arrays `[..., C]` over all rows."""
    if jax.default_backend() != "cpu":
        return jnp.sum(function(*rows), axis=tuple(range(rows[0].ndim - 1)))
    # XLA's reduction for CPUs takes one core and no vector registers. Adding a few long slices to each other is
    # elementwise, and what is left is a product with ones: `benchmarks/layers.py` has both. Two rows of ones, as a
    # product with one vector is not left to the library but compiled anew each time.
    count, channels = _count(rows[0]), rows[0].shape[-1]
    parts = next(parts for parts in (4, 2, 1) if count % parts == 0)
    cut = [x.reshape(parts, count // parts, channels) for x in rows]
    added = sum(function(*(x[i] for x in cut)) for i in range(parts))
    return (jnp.ones((2, len(added)), added.dtype) @ added)[0]


def _count(x):
    return x.size // x.shape[-1]


def _over(vector, x):
    """A `[C]` vector with the rank of `x` `[..., C]`."""
    return vector.reshape((1,) * (x.ndim - 1) + vector.shape)
