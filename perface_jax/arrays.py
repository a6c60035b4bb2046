"""The arrays in annotations. How to annotate a public function:

    from jaxtyping import Bool, Float
    from perface_jax.arrays import AnyArray, Array

    def mean(x: Float[AnyArray, "*batch d"], *, where: Bool[AnyArray, " d"]) -> Float[Array, "*batch"]:

Take `AnyArray` (NumPy or JAX, traced or not). Return `Array` from JAX code, `np.ndarray` from host code. `annotations`
and `datasets`, which do without JAX, import nothing from here. Kinds: Float, Int, UInt8, Bool, Num (any number), Shaped
(any dtype), `Pixels` of this module; `Float32` only if nothing else is accepted. A name stands for one length within a
call; `*batch` is any number of axes; `*#batch` broadcasts; `_` is any length; "" is a scalar. Write a single name with
a space, " d", or ruff takes it for a forward reference. The docstring says what types cannot: ranges, units, NaN rules.

The suite checks every call (tests/checked_types.py: add a package to its list once it is annotated). A call that
violates a parameter's annotation must raise the function's own error; if the function accepts it, the test fails. So
annotate as strictly as the function checks its arguments, and no more strictly.
"""

from typing import TYPE_CHECKING

import numpy as np
from jax import Array
from jaxtyping import AbstractDtype, Float, Key

AnyArray = Array | np.ndarray
Scalar = float | Float[AnyArray, ""]
PRNGKey = Key[Array, ""]
if TYPE_CHECKING:
    from typing import Annotated as Pixels
else:

    class Pixels(AbstractDtype):
        """Pictures: uint8, or floating, from 0 to 255."""

        dtypes = ["uint8", "bfloat16", "float16", "float32", "float64"]
