"""The 3x3 convolution by Winograd's F(2x2, 3x3), and its derivatives: 16 products for four output pixels, not 36.

    y = A' [ (G k G') * (B' d B) ] A        for each tile of 4x4 input pixels d and 2x2 output pixels y

The products over channels are 16 matrix products, one for each position in a tile. The derivative by the images is
again a convolution; that by the kernel is `G' [ (B' d B) * (A dy A') ] G`, summed over all tiles. The matrices hold
only 0, 1, -1 and 1/2, so almost no precision is lost.

On CPUs this is faster when there are many channels. A few images are computed at a time, so that their tiles stay in
the caches: `benchmarks/layers.py` times it against the plain convolution.

Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016, section 4.1.
"""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from perface_jax.arrays import AnyArray, Array
from perface_jax.network.mesh_axes import varying_as

SIDE = 4  # of a transformed kernel
TILES = 512  # at a time
_A = np.array([[1, 0], [1, 1], [1, -1], [0, -1]])
_B = np.array([[1, 0, 0, 0], [0, 1, -1, 1], [-1, 1, 1, 0], [0, 0, 0, -1]])
_G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
_MIRRORED = [3, 1, 2, 0]  # the positions in a tile for a kernel that is read backwards


def suits(shape: Sequence[int], dtype: Any, *, images: Any = 1) -> bool:
    """Whether a convolution of stride 1 is faster this way on CPUs, and as exact.

    Args:
      shape: of the kernel, `[3, 3, C, D]`.
      dtype: of the images.
      images: how many. A symbolic number does not suit, because it cannot be divided.
    """
    return (
        isinstance(images, int) and tuple(shape[:2]) == (3, 3) and min(shape[2:]) >= 128 and jnp.finfo(dtype).bits >= 32
    )


def transform(kernel: Float[AnyArray, "3 3 c d"]) -> Float[AnyArray, "4 4 c d"]:
    """`G k G'`, a NumPy or JAX array like the kernel."""
    return _both(_G, kernel)


# jit: layers of one shape are traced once.
@functools.partial(jax.jit, inline=True)
def convolve(x: Float[AnyArray, "b h w c"], transformed: Float[AnyArray, "4 4 c d"]) -> Float[Array, "b h w d"]:
    """The 3x3 convolution with stride 1 and a border of zeros, by a kernel of `transform`."""
    transformed, x = transformed.reshape(SIDE**2, *transformed.shape[2:]), _cut(x)
    # The barrier: XLA would otherwise allocate the zeros of all layers before the first one runs, as it does in `scan`.
    y = varying_as(x, jnp.zeros((*x.shape[:4], transformed.shape[2]), x.dtype))
    x, y = jax.lax.optimization_barrier((x, y))

    def some(i, y):
        products = _products(_of_tiles(_at(i, x), _B.T), transformed, 2, 1)
        return _put(_pixels(products, _A, x.shape[1:4]), i, y)

    return jax.lax.collapse(jax.lax.fori_loop(0, len(x), some, y), 0, 2)


def derivatives(
    x: Float[AnyArray, "b h w c"], kernel: Float[AnyArray, "3 3 c d"], dy: Float[AnyArray, "b h w d"]
) -> tuple[Float[Array, "b h w c"], Float[Array, "3 3 c d"]]:
    """The derivatives of the convolution by the images and by the kernel, from `dy`, the derivative by the output."""
    x, dy = _cut(x), _cut(dy)
    begun = varying_as(x, jnp.zeros_like(x)), varying_as(x, jnp.zeros((SIDE**2, *kernel.shape[2:]), x.dtype))
    # The barrier: as above; also, XLA would keep the transformed kernel from the forward pass until here.
    x, kernel, dy, begun = jax.lax.optimization_barrier((x, kernel, dy, begun))
    transformed = transform(kernel).reshape(SIDE**2, *kernel.shape[2:])

    def some(i, found):
        (dx, total), of_some = found, _at(i, dy)
        products = _products(_of_tiles(of_some, _B.T[_MIRRORED]), transformed, 2, 2)
        dx = _put(_pixels(products, _A[_MIRRORED], dy.shape[1:4]), i, dx)
        return dx, total + _products(_of_tiles(_at(i, x), _B.T), _of_tiles(of_some, _A), 1, 1)

    dx, total = jax.lax.fori_loop(0, len(x), some, begun)
    return jax.lax.collapse(dx, 0, 2), _both(_G.T, total.reshape(SIDE, SIDE, *kernel.shape[2:]))


def _products(x, y, of_x, of_y):
    """The 16 products of two stacks of 16 matrices, over one axis of each."""
    return jax.lax.dot_general(x, y, (((of_x,), (of_y,)), ((0,), (0,))))


def _at(i, x):
    return jax.lax.dynamic_index_in_dim(x, i, keepdims=False, allow_negative_indices=False)


def _put(x, i, y):
    return jax.lax.dynamic_update_index_in_dim(y, x, i, 0, allow_negative_indices=False)


def _cut(x):
    """`[B, H, W, C]` -> `[B / n, n, H, W, C]`: n images at a time, with at most `TILES` tiles."""
    most = max(TILES // (_tiles(x.shape[1]) * _tiles(x.shape[2])), 1)
    parts = next((n for n in range(1, len(x) + 1) if len(x) % n == 0 and len(x) <= n * most), 1)
    return x.reshape(parts, len(x) // parts, *x.shape[1:])


def _of_tiles(x, matrix):
    """`matrix x matrix'` of all tiles: `[n, H, W, C]` -> `[16, tiles, C]`.

    A matrix of four columns has tiles of 4x4 pixels, which overlap; one of two columns has tiles of 2x2.
    """
    count, height, width, channels = x.shape
    side, down, across = matrix.shape[1], _tiles(height), _tiles(width)
    border = side // 2 - 1
    x = jnp.pad(x, ((0, 0), (border, border + height % 2), (border, border + width % 2), (0, 0)))
    x = x.reshape(count, down + border, 2, 2 * (across + border), channels)
    # The barrier: XLA would otherwise compute the rows again for every column.
    x = jax.lax.optimization_barrier(_product(matrix, [x[:, i // 2 : i // 2 + down, i % 2] for i in range(side)]))
    x = x.reshape(SIDE, count, down, across + border, 2, channels)
    x = _product(matrix, [x[:, :, :, j // 2 : j // 2 + across, j % 2] for j in range(side)], axis=1)
    return x.reshape(SIDE**2, count * down * across, channels)


def _pixels(products, a, shape):
    """`A' products A` of all tiles: `[16, tiles, D]` -> `[n, H, W, D]`, of the shape `[n, H, W]`."""
    count, height, width = shape
    down, across = _tiles(height), _tiles(width)
    products = products.reshape(SIDE, SIDE, count, down, across, products.shape[2])
    rows = _product(a.T, products)
    pixels = _product(a.T, [rows[:, j] for j in range(SIDE)], axis=4)
    pixels = jnp.moveaxis(pixels, 0, 2).reshape(count, 2 * down, 2 * across, products.shape[-1])
    return pixels[:, :height, :width]


def _both(matrix, x):
    """`matrix x matrix'` over the first two axes."""
    rows = _product(matrix, x)
    return _product(matrix, [rows[:, j] for j in range(matrix.shape[1])], axis=1)


def _product(matrix, parts, axis=0) -> Any:
    """The product of a small matrix and as many arrays as it has columns, along a new axis.

    Products with 0 are written out as well: XLA compiles this faster than a concatenation of sums, and it runs as fast.
    """
    shape = [1] * np.ndim(parts[0])
    shape.insert(axis, len(matrix))
    parts = [part.reshape(*part.shape[:axis], 1, *part.shape[axis:]) for part in parts]
    return sum(column.reshape(shape).astype(part.dtype) * part for column, part in zip(matrix.T, parts, strict=True))


def _tiles(side):
    return -(-side // 2)
