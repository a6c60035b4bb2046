"""Batch norm, optionally followed by PReLU, with a hand-written derivative.

    z = (x - mean) / sqrt(var + epsilon) * scale + bias
    y = z where z > 0, else slope * z          (y = z without a slope)

Rows `x` may have any floating dtype, and `y` has the same. Everything is computed in the dtype of the parameters. The
only large array kept for the derivative is `x` itself: the derivative first takes sums over the rows, then computes
`dx` from them.

Second derivatives are defined. Forward-mode derivatives (`jax.jvp`) need `kernels=Kernels.XLA`, which leaves
derivatives to JAX.

Source: Ioffe and Szegedy 2015, section 3; He et al. 2015, equation 1.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Float

from perface_jax.arrays import AnyArray, Array
from perface_jax.network.kernels import Kernels, column_sums, on_cpu
from perface_jax.network.mesh_axes import varying_as

EPSILON = 1e-5


def normalize(
    x: Float[AnyArray, "*rows c"],
    mean: Float[AnyArray, " c"],
    var: Float[AnyArray, " c"],
    scale: Float[AnyArray, " c"],
    bias: Float[AnyArray, " c"],
    slope: Float[AnyArray, " c"] | None,
    *,
    kernels: Kernels = Kernels.AUTO,
    epsilon: float = EPSILON,
) -> Float[Array, "*rows c"]:
    """Norm, then PReLU if there is a slope; the result has the dtype of `x`."""
    if kernels is Kernels.XLA:
        return _formula(x, mean, var, scale, bias, slope, epsilon)
    return _normalize(x, *jax.tree.map(functools.partial(varying_as, x), (mean, var, scale, bias, slope)), epsilon)


def normalize_batch(
    x: Float[AnyArray, "*rows c"],
    scale: Float[AnyArray, " c"],
    bias: Float[AnyArray, " c"],
    slope: Float[AnyArray, " c"] | None,
    *,
    shift: Float[AnyArray, " c"],
    axis_name: str | None = None,
    kernels: Kernels = Kernels.AUTO,
    epsilon: float = EPSILON,
) -> tuple[Float[Array, "*rows c"], Float[Array, " c"], Float[Array, " c"]]:
    """`normalize` by the mean and biased variance of each channel of `x`; then these two, in the dtype of the vectors.

    The devices of the mapped axis `axis_name` share the statistics; all must have equally many rows.

    On CPUs, and with `Kernels.XLA`, in two passes: `var = E[(x - mean)^2]`. Elsewhere in one, which reads `x` once:
    `var = E[(x - shift)^2] - E[x - shift]^2`. This keeps the digits where the shift, the running mean, is within a few
    deviations of the mean; farther away it loses a factor of about `(distance / deviation)^2`. Devices then share both
    statistics in one message. There is no derivative by the shift.
    """
    shift = jax.lax.stop_gradient(shift)
    if kernels is Kernels.XLA:
        mean, var = _two_passes(axis_name, _mean_by_xla, x.astype(scale.dtype), shift)
        return _formula(x, mean, var, scale, bias, slope, epsilon), mean, var
    vectors = jax.tree.map(functools.partial(varying_as, x), (scale, bias, slope))
    wide = x.astype(scale.dtype)
    return _normalize_batch(x, wide, wide, shift, *vectors, axis_name, epsilon)


# jit: blocks of one shape are traced once.
@functools.partial(jax.jit, inline=True, static_argnums=6)
def _formula(x, mean, var, scale, bias, slope, epsilon):
    z = (x.astype(mean.dtype) - _over(mean, x)) * _over(scale / jnp.sqrt(var + epsilon), x) + _over(bias, x)
    return prelu(z, slope).astype(x.dtype)


_normalize = jax.custom_vjp(_formula, nondiff_argnums=(6,))


def prelu(x: Float[AnyArray, "*rows c"], slope: Float[AnyArray, " c"] | None) -> Float[AnyArray, "*rows c"]:
    """`x` where positive, else `slope * x`; without a slope `x`.

    At exactly 0 the derivative is `slope`, as in PyTorch.
    """
    return x if slope is None else jnp.where(x > 0, x, _over(slope.astype(x.dtype), x) * x)


@functools.partial(jax.jit, inline=True, static_argnums=0)
def _backward(epsilon, kept, dy):
    x, mean, var, scale, bias, slope = kept
    rate = 1 / jnp.sqrt(var + epsilon)

    def centered(x):
        return x.astype(mean.dtype) - _over(mean, x)

    def activation(x):
        return centered(x) * _over(scale * rate, x) + _over(bias, x)

    def dz(x, dy):
        dy = dy.astype(mean.dtype)
        return dy if slope is None else jnp.where(activation(x) > 0, dy, _over(slope, x) * dy)

    def below(x, dy):
        return jnp.minimum(activation(x), 0) * dy.astype(mean.dtype)

    dbias = column_sums(dz, x, dy)
    dscale = column_sums(lambda x, dy: dz(x, dy) * centered(x), x, dy) * rate
    dslope = None if slope is None else column_sums(below, x, dy)
    dx = (dz(x, dy) * _over(scale * rate, x)).astype(x.dtype)
    dmean, dvar = -scale * rate * dbias, -scale * dscale * rate**2 / 2
    return dx, dmean, dvar, dscale, dbias, dslope


_normalize.defvjp(lambda *arguments: (_formula(*arguments), arguments[:-1]), _backward)


# The rows come three times: in their own dtype, and twice in that of the vectors. Their derivatives by the norm, the
# variance and the mean are then added one after another to what they receive from elsewhere: another order would change
# the last bits of a run on CPUs.
@functools.partial(jax.custom_vjp, nondiff_argnums=(7, 8))
@functools.partial(jax.jit, inline=True, static_argnums=(7, 8))
def _normalize_batch(x, wide, _, shift, scale, bias, slope, axis_name, epsilon):
    passes = functools.partial(_two_passes, axis_name, _mean), functools.partial(_one_pass, axis_name)
    mean, var = on_cpu(*passes, wide, shift)
    return _formula(x, varying_as(x, mean), varying_as(x, var), scale, bias, slope, epsilon), mean, var


def _normalize_batch_forward(x, wide, _, shift, scale, bias, slope, axis_name, epsilon):
    found: Any = _normalize_batch(x, wide, wide, shift, scale, bias, slope, axis_name, epsilon)
    y, mean, var = found
    return (y, mean, var), (x, shift, mean, var, scale, bias, slope)


@functools.partial(jax.jit, inline=True, static_argnums=(0, 1))
def _normalize_batch_backward(axis_name, epsilon, kept, derivatives):
    """Devices share the derivatives by both statistics in one message.

    As the mean is that of all rows, the derivative of the variance by it is 0.
    """
    x, shift, mean, var, *vectors = kept
    dy, *more = derivatives
    mean = varying_as(x, mean)
    dx, *of_statistics, dscale, dbias, dslope = _backward(epsilon, (x, mean, varying_as(x, var), *vectors), dy)
    summed, devices = jnp.stack(of_statistics), 1
    if axis_name is not None:
        summed, devices = jax.lax.psum(summed, axis_name), jax.lax.axis_size(axis_name)
    dmean, dvar = (varying_as(x, (one + other) / devices / _count(x)) for one, other in zip(summed, more, strict=True))
    by_var = _over(2 * dvar, x) * (x.astype(mean.dtype) - _over(mean, x))
    return dx, by_var, jnp.broadcast_to(_over(dmean, x), x.shape), jnp.zeros_like(shift), dscale, dbias, dslope


_normalize_batch.defvjp(_normalize_batch_forward, _normalize_batch_backward)


def _two_passes(axis_name, mean_of, x, _):
    """Mean and variance. E[x^2] - E[x]^2 would lose the digits that parity with PyTorch needs."""
    mean = _shared(mean_of(lambda x: x, x), axis_name)
    near = varying_as(x, mean)
    return mean, _shared(mean_of(lambda x: jnp.square(x - _over(near, x)), x), axis_name)


def _one_pass(axis_name, x, shift):
    """The same, from the means of `x - shift` and its square."""
    near = x - _over(varying_as(x, shift), x)
    rows = tuple(range(x.ndim - 1))
    first, second = _shared(jnp.stack([jnp.mean(near, rows), jnp.mean(jnp.square(near), rows)]), axis_name)
    return shift + first, jnp.maximum(second - first**2, 0)


def _shared(means, axis_name):
    return means if axis_name is None else jax.lax.pmean(means, axis_name)


def _mean(function, x):
    return column_sums(function, x) / _count(x)


def _mean_by_xla(function, x):
    return jnp.mean(function(x), tuple(range(x.ndim - 1)))


def _count(x):
    return x.size // x.shape[-1]


def _over(vector, x):
    """A `[C]` vector with the rank of `x` `[..., C]`."""
    return vector.reshape((1,) * (x.ndim - 1) + vector.shape)
