"""Checks of dtypes and shapes for functions over JAX arrays: floating scores, integer votes and labels, masks.

Values (NaN, ids out of range) are not checked, because a traced function cannot see them. Each function says what it
returns for such values.
"""

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Bool, Float, Int, Shaped

from perface_jax.arrays import AnyArray, Array
from perface_jax.precision import widen


def floats(x: Shaped[ArrayLike, "..."], name: str) -> Float[Array, "..."]:
    """`x` as float64 if it is float64, otherwise as float32 (`perface_jax.precision`). TypeError unless floating."""
    return widen(name, x)[0]


def integers(x: Shaped[ArrayLike, "..."], name: str) -> Int[Array, "..."]:
    """`x` as int32 or int64. TypeError unless integer."""
    x = jnp.asarray(x)
    if not jnp.issubdtype(x.dtype, jnp.integer):
        raise TypeError(f"{name} are {x.dtype}; wanted integers")
    return x if x.dtype == jnp.int64 else x.astype(jnp.int32)


def mask(where: Shaped[AnyArray, "..."] | None, shape: tuple[int, ...]) -> Bool[Array, "..."]:
    """The mask `where` as booleans, all true if None. ValueError unless it has the shape of the triplets."""
    kept = jnp.ones(shape, bool) if where is None else jnp.asarray(where).astype(bool)
    if kept.shape != shape:
        raise ValueError(f"`where` has shape {kept.shape}, the triplets {shape}; wanted the same")
    return kept


def same_shape(**arrays: Shaped[AnyArray, "..."]) -> None:
    """ValueError that lists all shapes, unless they are equal."""
    if len({array.shape for array in arrays.values()}) > 1:
        seen = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ValueError(f"wanted arrays of one shape, got {seen}")
