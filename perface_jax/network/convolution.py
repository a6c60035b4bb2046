"""Convolutions with derivatives written for XLA's CPU backend; accelerators have kernels of their own.

Forward-mode derivatives (`jax.jvp`) of convolutions with 1x1 and 3x3 kernels are not defined on CPUs.

XLA computes the derivative by the input of a strided convolution on the output spread out with zeros: three quarters
of the products are with zeros, and on CPUs nothing skips them. Of the input, rows and columns with an even number meet
the middle tap only, odd ones the two outer taps; so the derivative is four small dense convolutions, one for each pair
of parities: the same products without the zeros. `benchmarks/layers.py` times both.

Where channels are many and pictures enough, `winograd` has a convolution of stride 1 and its derivatives.

The derivative by a kernel is a convolution, too, of pictures and derivatives whose batch and channels have changed
places. JAX leaves it to XLA to put the axes into the order for which there is a fast kernel, and XLA for CPUs does so
outside of loops only: within `jax.lax.scan` and `map` such a derivative took 73 times as long (four of 24 pictures of
28 x 28 x 64). Here the axes are in that order, and loops cost little: `benchmarks/replicas.py`.
"""

from typing import Any

import jax
import jax.numpy as jnp

from perface_jax.network import winograd
from perface_jax.network.mesh_axes import varying_as

LAYOUT = ("NHWC", "HWIO", "NHWC")
PICTURES = 32  # fewer are not worth the longer compilation of Winograd's convolution: half as much again, r50


def convolve(x: jax.Array, kernel: jax.Array, strides: tuple, padding: tuple, **options: Any) -> jax.Array:
    """`jax.lax.conv_general_dilated` with a faster derivative where there is one; for `flax.linen.Conv`.

    Args:
      x: `[B, H, W, C]`.
      kernel: `[3, 3, C, D]` or `[1, 1, C, D]`.
      strides: (s, s).
      padding: of rows and columns.
      **options: as in `jax.lax.conv_general_dilated`.

    Returns:
      `[B, H / s, W / s, D]`.
    """
    if jax.default_backend() == "cpu" and _centered(kernel, padding) and _plain(**options):
        size, kernel = kernel.shape[:2], varying_as(x, kernel)
        if size == (1, 1):
            return _dense(x[:, :: strides[0], :: strides[1]], kernel)
        if size == (3, 3) and tuple(strides) == (1, 1):
            wide = len(x) >= PICTURES and winograd.suits(kernel, x.dtype)
            return _by_winograd(x, kernel) if wide else _dense(x, kernel)
        if size == (3, 3) and tuple(strides) == (2, 2) and not any(side % 2 for side in x.shape[1:3]):
            return _strided(x, kernel)
    return jax.lax.conv_general_dilated(x, kernel, strides, padding, **{"dimension_numbers": LAYOUT, **options})


def _centered(kernel, padding):
    return tuple(map(tuple, padding)) == tuple((side // 2, side // 2) for side in kernel.shape[:2])


def _plain(
    lhs_dilation=(1, 1), rhs_dilation=(1, 1), feature_group_count=1, precision=None, dimension_numbers=None, **others
):
    return {*lhs_dilation, *rhs_dilation, feature_group_count} == {1} and precision is None and not others


@jax.custom_vjp
def _dense(x, kernel):
    return _convolution(x, kernel, _edges(kernel))


def _dense_backward(kept, dy):
    x, kernel = kept
    return _convolution(dy, _turned(kernel), _edges(kernel)), _by_kernel(x, dy, _edges(kernel))


_dense.defvjp(lambda x, kernel: (_dense(x, kernel), (x, kernel)), _dense_backward)


@jax.custom_vjp
def _by_winograd(x, kernel):
    return winograd.convolve(x, winograd.transform(kernel))


def _by_winograd_backward(kept, dy):
    return winograd.derivatives(*kept, dy)


_by_winograd.defvjp(lambda x, kernel: (_by_winograd(x, kernel), (x, kernel)), _by_winograd_backward)


@jax.custom_vjp
def _strided(x, kernel):
    return _convolution(x, kernel, _edges(kernel), window_strides=(2, 2))


def _strided_backward(kept, dy):
    x, kernel = kept
    turned = _turned(kernel)
    # Input row 2i is met by output row i with tap 1; row 2i + 1 by i with tap 2 and by i + 1 with tap 0.
    even, odd = (slice(1, 2), (0, 0)), (slice(0, 3, 2), (0, 1))
    rows = [
        jnp.stack([_convolution(dy, turned[row, column], (above, left)) for column, left in (even, odd)], axis=3)
        for row, above in (even, odd)
    ]
    dx = jnp.stack(rows, axis=2).reshape(x.shape)
    return dx, _by_kernel(x, dy, ((1, 0), (1, 0)), rhs_dilation=(2, 2))


_strided.defvjp(lambda x, kernel: (_strided(x, kernel), (x, kernel)), _strided_backward)


def _edges(kernel):
    return tuple((side // 2, side // 2) for side in kernel.shape[:2])


def _turned(kernel):
    """The kernel `[h, w, D, C]` of the derivative by the input."""
    return jnp.swapaxes(kernel, 2, 3)[::-1, ::-1]


def _by_kernel(x, dy, padding, **options):
    """Of pictures `[B, H, W, C]` and derivatives `[B, h, w, D]`, the derivative by a kernel `[., ., C, D]`."""
    found = _convolution(jnp.transpose(x, (3, 1, 2, 0)), jnp.transpose(dy, (1, 2, 0, 3)), padding, **options)
    return jnp.transpose(found, (1, 2, 0, 3))


def _convolution(x, kernel, padding, window_strides=(1, 1), **options):
    return jax.lax.conv_general_dilated(x, kernel, window_strides, padding, dimension_numbers=LAYOUT, **options)
