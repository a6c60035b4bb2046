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

import jax
import jax.numpy as jnp
from jaxtyping import Float

from perface_jax.arrays import AnyArray, Array
from perface_jax.network.kernels import Kernels, column_sums
from perface_jax.network.mesh_axes import varying_as

EPSILON = 1e-5


def statistics(
    x: Float[AnyArray, "*rows c"], *, axis_name: str | None = None, kernels: Kernels = Kernels.AUTO
) -> tuple[Float[Array, " c"], Float[Array, " c"]]:
    """Mean and biased variance of each channel, in the dtype of `x`: that of the parameters.

    Two passes: E[x^2] - E[x]^2 would lose the digits that parity with PyTorch needs. The devices of the mapped axis
    `axis_name` share the statistics; all must have equally many rows.
    """
    shared = (lambda v: v) if axis_name is None else (lambda v: jax.lax.pmean(v, axis_name))
    rows = tuple(range(x.ndim - 1))
    if kernels is Kernels.XLA:
        mean = shared(jnp.mean(x, rows))
        return mean, shared(jnp.mean(jnp.square(x - _over(mean, x)), rows))
    mean = shared(_mean(x))
    return mean, shared(_variance(x, varying_as(x, mean)))


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


@jax.custom_vjp
@functools.partial(jax.jit, inline=True)
def _mean(x):
    return column_sums(lambda x: x, x) / _count(x)


_mean.defvjp(lambda x: (_mean(x), x), lambda x, d: (jnp.broadcast_to(_over(d / _count(x), x), x.shape),))


@jax.custom_vjp
@functools.partial(jax.jit, inline=True)
def _variance(x, mean):
    """The mean square of `x - mean`. As `mean` is the mean of all rows, the derivative with respect to it is 0."""
    return column_sums(lambda x: jnp.square(x - _over(mean, x)), x) / _count(x)


_variance.defvjp(
    lambda x, mean: (_variance(x, mean), (x, mean)),
    lambda kept, d: (_over(2 * d / _count(kept[0]), kept[0]) * (kept[0] - _over(kept[1], kept[0])), 0 * d),
)


def _count(x):
    return x.size // x.shape[-1]


def _over(vector, x):
    """A `[C]` vector with the rank of `x` `[..., C]`."""
    return vector.reshape((1,) * (x.ndim - 1) + vector.shape)
