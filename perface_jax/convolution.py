"""The strided 3x3 convolution with a derivative that multiplies no zeros.

XLA computes the derivative by the input of a strided convolution on the output spread out with zeros: three quarters
of the products are with zeros, and on CPUs nothing skips them. Of the input, rows and columns with an even number meet
the middle tap only, odd ones the two outer taps; so the derivative is four small dense convolutions, one for each pair
of parities: the same products without the zeros. `benchmarks/layers.py` times both. Accelerators have kernels of their
own.
"""

from typing import Any

import jax
import jax.numpy as jnp

LAYOUT = ("NHWC", "HWIO", "NHWC")


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
    if jax.default_backend() == "cpu" and tuple(strides) == (2, 2) and _centred(kernel, padding) and _plain(**options):
        if kernel.shape[:2] == (3, 3) and not any(side % 2 for side in x.shape[1:3]):
            return _strided(x, kernel)
        if kernel.shape[:2] == (1, 1):
            x, strides = x[:, ::2, ::2], (1, 1)
    return jax.lax.conv_general_dilated(x, kernel, strides, padding, **{"dimension_numbers": LAYOUT, **options})


def _centred(kernel, padding):
    return tuple(map(tuple, padding)) == tuple((side // 2, side // 2) for side in kernel.shape[:2])


def _plain(lhs_dilation=(1, 1), rhs_dilation=(1, 1), feature_group_count=1, precision=None, dimension_numbers=None):
    return {*lhs_dilation, *rhs_dilation, feature_group_count} == {1} and precision is None


@jax.custom_vjp
def _strided(x, kernel):
    return _convolution(x, kernel, 2, ((1, 1), (1, 1)))


def _backward(kept, dy):
    x, kernel = kept
    turned = jnp.swapaxes(kernel, 2, 3)[::-1, ::-1]
    # Input row 2i is met by output row i with tap 1; row 2i + 1 by i with tap 2 and by i + 1 with tap 0.
    even, odd = (slice(1, 2), (0, 0)), (slice(0, 3, 2), (0, 1))
    rows = [
        jnp.stack([_convolution(dy, turned[row, column], 1, (above, left)) for column, left in (even, odd)], axis=3)
        for row, above in (even, odd)
    ]
    _, by_kernel = jax.vjp(lambda kernel: _convolution(x, kernel, 2, ((1, 1), (1, 1))), kernel)
    return jnp.stack(rows, axis=2).reshape(x.shape), *by_kernel(dy)


_strided.defvjp(lambda x, kernel: (_strided(x, kernel), (x, kernel)), _backward)


def _convolution(x, kernel, stride, padding):
    return jax.lax.conv_general_dilated(x, kernel, (stride, stride), padding, dimension_numbers=LAYOUT)
