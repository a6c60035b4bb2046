"""The dtype policy: half precision is widened to float32 before anything is compared, ranked or summed.

float16 and bfloat16 have 11 and 8 significant bits. That is enough to store an embedding, but not to compare two
cosines or to count beyond 256. Public functions of `similarity`, `losses`, `groups`, `selection`, `metrics`,
`statistics` and `fidelity` therefore widen their floating arguments first, and compute and return

- float64 if any floating argument is (JAX has float64 only under `jax_enable_x64`, and holds it as float32 otherwise),
- float32 for all others: float16, bfloat16, float32, and mixtures of them.

Functions on pictures (`fidelity`) use float32 throughout; functions on the host (`verification`, `classification`,
`privacy` and the NumPy files of `statistics`) use float64. Derivatives have the dtype of their argument. `selection`
widens a large gallery in half precision block by block, except in `least_similar_diverse`, which needs it as a whole.
`tests/test_precision.py` has a case for every public function.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike
from jaxtyping import Float, Shaped

from perface_jax.arrays import AnyArray, Array


def is_floating(dtype: DTypeLike) -> bool:
    """Whether a dtype is floating, including bfloat16 and 8-bit types, which `np.issubdtype` does not know."""
    return bool(jnp.issubdtype(dtype, jnp.floating))


def wide(*dtypes: DTypeLike) -> np.dtype:
    """The dtype to compute in: float64 if any argument has it and JAX supports it, otherwise float32."""
    double = any(np.dtype(one) == np.float64 for one in dtypes)
    return np.dtype(jax.dtypes.canonicalize_dtype(np.float64 if double else np.float32))


def widen(what: str, *arrays: Shaped[ArrayLike, "..."]) -> list[Float[Array, "..."]]:
    """The arrays in the common dtype that `wide` chooses. TypeError, which names `what` they are, unless floating."""
    values = [jnp.asarray(x) for x in arrays]
    for x in values:
        if not is_floating(x.dtype):
            raise TypeError(f"{what} are {x.dtype}; wanted floating, for instance {what}.astype('float32')")
    dtype = wide(*(x.dtype for x in values))
    return [x.astype(dtype) for x in values]


def option(value: float | Shaped[AnyArray, "..."], like: Float[Array, "..."]) -> Any:
    """An option such as a margin, for arithmetic with `like`: arrays are cast to its dtype, numbers are unchanged."""
    return jnp.asarray(value, like.dtype) if hasattr(value, "dtype") else value
