"""Convolutions with derivatives written for CPUs; accelerators use XLA's (see `kernels`).

Input derivative of a strided convolution: XLA convolves the output's derivative after spreading it out with zeros.
Three quarters of the products are then with zeros, and CPUs compute them all. But even rows and columns of the input
meet the middle tap only, odd ones the two outer taps. So the derivative is four small dense convolutions, one for each
pair of parities: the same products without the zeros. `benchmarks/layers.py` times both.

Stride 1 with many channels: `winograd` computes the convolution and its derivatives, from `IMAGES` images on. The
images of all devices that share a batch count, so that the choice does not depend on the number of devices.

Kernel derivative: this is also a convolution, of images and derivatives with batch and channels exchanged. JAX leaves
the order of the axes to XLA, and XLA for CPUs finds the fast order only outside of loops: in `jax.lax.scan` and `map`
such a derivative took 73 times as long (four of 24 images of 28 x 28 x 64). Here the axes are transposed beforehand,
and loops cost little: `benchmarks/replicas.py`.
"""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Float

from perface_jax.arrays import AnyArray, Array
from perface_jax.network import winograd
from perface_jax.network.kernels import Kernels, on_cpu
from perface_jax.network.mesh_axes import devices_of_a_batch, varying_as

LAYOUT = ("NHWC", "HWIO", "NHWC")
IMAGES = 32  # fewer are not worth the longer compilation of Winograd's convolution


def convolve(
    x: Float[AnyArray, "b h w c"],
    kernel: Float[AnyArray, "i j _ d"],
    strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    *,
    kernels: Kernels = Kernels.AUTO,
    **options: Any,
) -> Float[Array, "b _ _ d"]:
    """`jax.lax.conv_general_dilated`, faster for kernels of 1x1 or 3x3 pixels; for `flax.linen.Conv`.

    `strides`, `padding` and `options` are those of `jax.lax.conv_general_dilated`.
    """
    if kernels is Kernels.AUTO and strides[0] == strides[1] and _centered(kernel, padding) and _plain(**options):
        size, stride, kernel = kernel.shape[:2], strides[0], varying_as(x, kernel)
        if size == (1, 1):
            return _convolve(x[:, ::stride, ::stride], kernel, 1)
        if size == (3, 3) and (stride == 1 or stride == 2 and not any(side % 2 for side in x.shape[1:3])):
            return _convolve(x, kernel, stride)
    options = {"dimension_numbers": LAYOUT} | options
    return jax.lax.conv_general_dilated(jnp.asarray(x), jnp.asarray(kernel), strides, padding, **options)


def _centered(kernel, padding):
    return tuple(map(tuple, padding)) == _edges(kernel)


def _plain(
    lhs_dilation=(1, 1), rhs_dilation=(1, 1), feature_group_count=1, precision=None, dimension_numbers=None, **others
):
    return {*lhs_dilation, *rhs_dilation, feature_group_count} == {1} and precision is None and not others


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _convolve(x, kernel, stride):
    return _forward(x, kernel, stride)[0]


# jit, here and below: layers of one shape are traced once.
@functools.partial(jax.jit, inline=True, static_argnums=2)
def _forward(x, kernel, stride):
    xla = functools.partial(_xla, stride=stride)
    y = on_cpu(_by_winograd, xla, x, kernel) if _takes_winograd(x, kernel, stride) else xla(x, kernel)
    return y, (x, kernel)


@functools.partial(jax.jit, inline=True, static_argnums=0)
def _backward(stride, kept, dy):
    def xla(x, kernel, dy):
        return jax.vjp(functools.partial(_xla, stride=stride), x, kernel)[1](dy)

    ours = _dense_derivatives if stride == 1 else _strided_derivatives
    x, kernel = kept
    return on_cpu(winograd.derivatives if _takes_winograd(x, kernel, stride) else ours, xla, x, kernel, dy)


_convolve.defvjp(_forward, _backward)


def _takes_winograd(x, kernel, stride):
    suits = stride == 1 and winograd.suits(kernel.shape, x.dtype, images=x.shape[0])
    return suits and x.shape[0] * devices_of_a_batch() >= IMAGES


def _xla(x, kernel, stride):
    return _convolution(x, kernel, _edges(kernel), window_strides=(stride, stride))


def _by_winograd(x, kernel):
    return winograd.convolve(x, winograd.transform(kernel))


def _dense_derivatives(x, kernel, dy):
    return _convolution(dy, _turned(kernel), _edges(kernel)), _by_kernel(x, dy, _edges(kernel))


def _strided_derivatives(x, kernel, dy):
    turned = _turned(kernel)
    # Input row 2i contributes to output row i by tap 1; row 2i + 1 to row i by tap 2 and to row i + 1 by tap 0.
    even, odd = (slice(1, 2), (0, 0)), (slice(0, 3, 2), (0, 1))
    rows = [
        jnp.stack([_convolution(dy, turned[row, column], (above, left)) for column, left in (even, odd)], axis=3)
        for row, above in (even, odd)
    ]
    dx = jnp.stack(rows, axis=2).reshape(x.shape)
    return dx, _by_kernel(x, dy, ((1, 0), (1, 0)), rhs_dilation=(2, 2))


def _edges(kernel):
    return tuple((side // 2, side // 2) for side in kernel.shape[:2])


def _turned(kernel):
    """The kernel `[i, j, D, C]` of the derivative by the input."""
    return jnp.swapaxes(kernel, 2, 3)[::-1, ::-1]


def _by_kernel(x, dy, padding, **options):
    """The derivative by the kernel `[i, j, C, D]`, from images `[B, H, W, C]` and derivatives `[B, h, w, D]`."""
    found = _convolution(jnp.transpose(x, (3, 1, 2, 0)), jnp.transpose(dy, (1, 2, 0, 3)), padding, **options)
    return jnp.transpose(found, (1, 2, 0, 3))


def _convolution(x, kernel, padding, window_strides=(1, 1), **options):
    return jax.lax.conv_general_dilated(x, kernel, window_strides, padding, dimension_numbers=LAYOUT, **options)
