"""What every function over JAX arrays accepts: floating scores, integer votes and labels, masks.

Shapes and dtypes are checked, values (NaN, ids out of range) are not: a traced function does not have them. Each metric
says what it gives for such values.
"""

import jax
import jax.numpy as jnp


def floats(x: jax.Array, name: str) -> jax.Array:
    """`x` as float64 if it is, otherwise float32: float16 cannot count to 70,000. TypeError if it is not floating."""
    x = jnp.asarray(x)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise TypeError(f"{name} are {x.dtype}; wanted floating, for instance {name}.astype('float32')")
    return x if x.dtype == jnp.float64 else x.astype(jnp.float32)


def integers(x: jax.Array, name: str) -> jax.Array:
    """`x` as int32 or int64. TypeError where it is not integer."""
    x = jnp.asarray(x)
    if not jnp.issubdtype(x.dtype, jnp.integer):
        raise TypeError(f"{name} are {x.dtype}; wanted integers")
    return x if x.dtype == jnp.int64 else x.astype(jnp.int32)


def mask(where: jax.Array | None, shape: tuple[int, ...]) -> jax.Array:
    """The mask `where` as booleans, all true when None. ValueError where it has another shape than the triplets."""
    kept = jnp.ones(shape, bool) if where is None else jnp.asarray(where).astype(bool)
    if kept.shape != shape:
        raise ValueError(f"`where` has shape {kept.shape}, the triplets {shape}; wanted the same")
    return kept


def same_shape(**arrays: jax.Array) -> None:
    """ValueError with all shapes, unless they are the same."""
    if len({array.shape for array in arrays.values()}) > 1:
        seen = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ValueError(f"wanted arrays of one shape, got {seen}")
