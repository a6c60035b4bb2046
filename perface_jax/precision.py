"""The dtype policy: whatever compares, ranks or sums widens half precision to float32 first.

float16 and bfloat16 have 11 and 8 significant bits. That is enough to store an embedding, but not to compare two
cosines or to count beyond 256. Public functions of the rooms `similarity`, `losses`, `groups`, `selection`, `metrics`,
`statistics` and `fidelity` therefore widen floating arguments where they enter, and compute and return

- float64 if any floating argument is (JAX has float64 only under `jax_enable_x64`, and holds it as float32 otherwise),
- float32 for all others: float16, bfloat16, float32, and mixtures of them.

What works on pictures (`fidelity`) is float32 throughout, what works on the host (`verification`, `classification`,
`privacy` and the NumPy files of `statistics`) float64. Derivatives come back in the dtype of the argument. A large
gallery in half precision is widened block by block (`selection`), except by `least_similar_diverse`, which needs it as
a whole. `tests/test_precision.py` has a case for every public function.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike
from jaxtyping import Float, Shaped

from perface_jax.arrays import AnyArray, Array


def is_floating(dtype: DTypeLike) -> bool:
    """Whether a dtype is floating, bfloat16 and the types of eight bits too, which `np.issubdtype` does not know."""
    return bool(jnp.issubdtype(dtype, jnp.floating))


def wide(*dtypes: DTypeLike) -> np.dtype:
    """The dtype to compute in: float64 if any is and JAX has it, otherwise float32."""
    double = any(np.dtype(one) == np.float64 for one in dtypes)
    return np.dtype(jax.dtypes.canonicalize_dtype(np.float64 if double else np.float32))


def widen(what: str, *arrays: Shaped[ArrayLike, "..."]) -> list[Float[Array, "..."]]:
    """The arrays in the dtype that `wide` says, one for all. TypeError that says `what` they are unless floating."""
    values = [jnp.asarray(x) for x in arrays]
    for x in values:
        if not is_floating(x.dtype):
            raise TypeError(f"{what} are {x.dtype}; wanted floating, for instance {what}.astype('float32')")
    dtype = wide(*(x.dtype for x in values))
    return [x.astype(dtype) for x in values]


def option(value: float | Shaped[AnyArray, "..."], like: Float[Array, "..."]) -> Any:
    """An option such as a margin, for arithmetic with `like`: an array in its dtype, a number as it is."""
    return jnp.asarray(value, like.dtype) if hasattr(value, "dtype") else value
