"""The 3x3 convolution by Winograd's F(2x2, 3x3): 16 products for four output pixels instead of 36.

    y = A' [ (G k G') * (B' d B) ] A        for each tile of 4x4 input pixels d and 2x2 output pixels y

The products over channels are 16 products of matrices, one for each place of a tile. The matrices hold 0, 1, -1 and 1/2
only, so that next to no digits are lost. Worth it on CPUs where channels are many and pictures small enough for the
caches: `benchmarks/layers.py` times it beside the plain convolution.

Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016, section 4.1.
"""

import jax
import jax.numpy as jnp
import numpy as np

SIDE = 4  # of a transformed kernel
_G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])


def suits(kernel: np.ndarray, side: int) -> bool:
    """Whether a convolution of stride 1 of `[B, side, side, C]` is faster this way on the default backend.

    Args:
      kernel: `[h, w, C, D]` of any dtype, of which only C and D are read.
      side: pixels; 0 says that the stride is not 1.
    """
    return jax.default_backend() == "cpu" and side % 2 == 0 and 0 < side <= 28 and min(kernel.shape[2:]) >= 128


def transform(kernel: np.ndarray) -> np.ndarray:
    """`G k G'` of a kernel `[3, 3, C, D]`: `[4, 4, C, D]`."""
    return np.einsum("ai,bj,ijcd->abcd", _G, _G, kernel)


def convolve(x: jax.Array, transformed: jax.Array) -> jax.Array:
    """The 3x3 convolution with stride 1 and a border of zeros.

    Args:
      x: `[B, H, W, C]`, H and W even.
      transformed: `[4, 4, C, D]`, of `transform`.

    Returns:
      `[B, H, W, D]`.
    """
    count, height, width, channels = x.shape
    tiles = (count, height // 2, width // 2)
    pairs = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    pairs = pairs.reshape(count, tiles[1] + 1, 2, tiles[2] + 1, 2, channels)

    def pixels(i, j):
        """Pixel i, j of each tile."""
        return pairs[:, i // 2 : i // 2 + tiles[1], i % 2, j // 2 : j // 2 + tiles[2], j % 2]

    columns = [_input(*(pixels(i, j) for i in range(4))) for j in range(4)]
    places = [place for i in range(4) for place in _input(*(columns[j][i] for j in range(4)))]
    places = jnp.stack(places).reshape(16, -1, channels)
    products = jax.lax.dot_general(places, transformed.reshape(16, channels, -1), (((2,), (1,)), ((0,), (0,))))
    products = products.reshape(4, 4, *tiles, -1)
    rows = _output(*products)
    pixels = [jnp.stack(_output(*row), axis=3) for row in rows]
    return jnp.stack(pixels, axis=2).reshape(count, height, width, -1)


def _input(a, b, c, d):
    """`B' (a, b, c, d)`."""
    return a - c, b + c, c - b, b - d


def _output(a, b, c, d):
    """`A' (a, b, c, d)`."""
    return a + b + c, b - c - d
