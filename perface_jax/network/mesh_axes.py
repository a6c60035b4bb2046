"""What `shard_map` knows of an array: on which mapped axes its values differ between devices."""

import jax
from jaxtyping import Shaped

from perface_jax.arrays import AnyArray


def varying_as(x: Shaped[AnyArray, "..."], other: Shaped[AnyArray, "..."]) -> Shaped[AnyArray, "..."]:
    """`other`, marked as varying on every mapped axis on which `x` varies.

    Derivatives written by hand need this: the derivative by an argument must have the type of that argument. So do
    loops: what is carried must keep its type.
    """
    axes = jax.typeof(x).manual_axis_type.varying - jax.typeof(other).manual_axis_type.varying
    return jax.lax.pcast(other, tuple(axes), to="varying") if axes else other
