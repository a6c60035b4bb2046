"""Cosine similarity over the last axis, safe at zero.

A vector of length zero has similarity 0 to everything and a zero gradient. The plain quotient would give NaN, and one
collapsed embedding would destroy a whole step. Half precision is widened to float32 (`perface_jax.precision`), because
the cosine of a bfloat16 vector with itself could reach 1.016. TypeError unless arguments are floating.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Float

from perface_jax.arrays import AnyArray, Array
from perface_jax.precision import widen


def last_sums(x: Float[AnyArray, "*batch d"]) -> Float[Array, "*batch"]:
    """The sums over the last axis."""
    (x,) = widen("numbers", x)
    return jnp.sum(x, axis=-1)


def length(x: Float[AnyArray, "*batch d"]) -> Float[Array, "*batch"]:
    """Euclidean length over the last axis, with gradient 0 at the zero vector."""
    (x,) = widen("vectors", x)
    return root(last_sums(jnp.square(x)))


def root(x: Float[AnyArray, "*shape"]) -> Float[Array, "*shape"]:
    """Square root of numbers >= 0, with gradient 0 at 0."""
    (x,) = widen("vectors", x)
    is_zero = x == 0
    # The square root must never see the zero: `where` alone would still send 0 * inf = NaN through its derivative.
    return jnp.where(is_zero, 0, jnp.sqrt(jnp.where(is_zero, 1, x)))


def unit(x: Float[AnyArray, "*batch d"], *, sums: Callable[[Array], Array] = last_sums) -> Float[Array, "*batch d"]:
    """The vector of length 1 in the direction of `x`; where `x` is zero, zero with gradient zero.

    `sums` sums over the last axis; `kernels.row_sums`, for instance, is faster in programs for CPUs.
    """
    (x,) = widen("vectors", x)
    # Dividing by the largest entry first keeps squares of float32 vectors of size 1e-37 to 1e37 within the range.
    largest = jnp.max(jnp.abs(x), axis=-1, keepdims=True)
    x = x / jax.lax.stop_gradient(jnp.where(largest == 0, 1, largest))
    size = root(sums(jnp.square(x)))[..., None]
    return jnp.where(size == 0, 0, x / jnp.where(size == 0, 1, size))


def similarity(x: Float[AnyArray, "*#batch d"], y: Float[AnyArray, "*#batch d"]) -> Float[Array, "*batch"]:
    """Cosine of the angle between two embeddings, which need not be normalized: `x . y / (|x| |y|)`.

    In [-1, 1] up to rounding; 0 where either vector is zero. ValueError where the last axes differ. For every pair of
    two sets of embeddings, `pairwise_similarity` says it more plainly than `x[:, None], y[None]`.

        >>> import numpy as np
        >>> from perface_jax import similarity
        >>> x, y = np.float32([[1, 0], [1, 0]]), np.float32([[2, 0], [0, 3]])
        >>> similarity(x, y).tolist()
        [1.0, 0.0]
    """
    return cosine(x, y)


def masked_similarity(
    x: Float[AnyArray, "*#batch d"], y: Float[AnyArray, "*#batch d"], mask: Float[AnyArray, "*#batch d"]
) -> Float[Array, "*batch"]:
    """Dot product of two unit embeddings whose dimensions a mask scales: `sum_k mask_k^2 x_k y_k / (|x| |y|)`.

    A mask of ones gives `similarity`. A mask is at least 0; its length counts, so the result may exceed 1. ValueError
    where the last axes differ.

        >>> import numpy as np
        >>> from perface_jax.similarity import masked_similarity
        >>> x, y = np.float32([3, 4]), np.float32([[1, 0], [0, 1]])
        >>> masked_similarity(x, y, np.float32([1, 0])).tolist()
        [0.6..., 0.0]

    Source: Andrews, Joniak, Xiang, A View From Somewhere (ICLR 2023), section 3; unit embeddings are ours.
    """
    x, y, mask = widen("embeddings and masks", x, y, mask)
    sizes = {one.shape[-1] if one.ndim else 0 for one in (x, y, mask)}
    if sizes == {0} or len(sizes) > 1:
        raise ValueError(f"masked_similarity wants [..., D] three times, got {x.shape}, {y.shape} and {mask.shape}")
    shape = jnp.broadcast_shapes(x.shape, y.shape, mask.shape)
    x, y, mask = (jnp.broadcast_to(one, shape) for one in (unit(x), unit(y), mask))
    return last_sums(jnp.square(mask) * x * y)


def pairwise_similarity(
    x: Float[AnyArray, "*#batch n d"], y: Float[AnyArray, "*#batch m d"]
) -> Float[Array, "*batch n m"]:
    """Cosine of every embedding in `x` with every one in `y`, as one matrix product; it holds N x M numbers.

    In [-1, 1] up to rounding; 0 where either vector is zero. The product is computed in full float32 on every device.
    ValueError where the last axes differ, or without a row axis.

        >>> import numpy as np
        >>> from perface_jax import pairwise_similarity
        >>> pairwise_similarity(np.float32([[1, 0], [0, 2]]), np.float32([[3, 0], [0, 1], [0, -1]])).tolist()
        [[1.0, 0.0, 0.0], [0.0, 1.0, -1.0]]
    """
    x, y = widen("embeddings", x, y)
    if x.ndim < 2 or y.ndim < 2 or x.shape[-1] != y.shape[-1]:
        raise ValueError(f"pairwise_similarity wants [..., N, D] and [..., M, D], got {x.shape} and {y.shape}")
    return jnp.matmul(unit(x), jnp.matrix_transpose(unit(y)), precision=jax.lax.Precision.HIGHEST)


def cosine(
    x: Float[AnyArray, "*#batch d"], y: Float[AnyArray, "*#batch d"], *, sums: Callable[[Array], Array] = last_sums
) -> Float[Array, "*batch"]:
    """As `similarity`, with `sums` as for `unit`."""
    x, y = widen("embeddings", x, y)
    if x.ndim == 0 or y.ndim == 0 or x.shape[-1] != y.shape[-1]:
        raise ValueError(f"similarity wants [..., D] twice with the same D, got {x.shape} and {y.shape}")
    x, y = unit(x, sums=sums), unit(y, sums=sums)
    leading = jnp.broadcast_shapes(x.shape, y.shape)
    repeated = math.prod(leading) > max(x.size, y.size)  # each for the other
    if repeated or min(x.ndim, y.ndim) == 1:  # every pair, under vmap too: a product of matrices, not N x M x D numbers
        return jnp.einsum("...d,...d->...", x, y, precision=jax.lax.Precision.HIGHEST)
    return sums(jnp.broadcast_to(x, leading) * jnp.broadcast_to(y, leading))
