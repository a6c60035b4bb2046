"""Mapped axes: which exist, and along which of them an array differs between devices."""

import math

import jax
from jaxtyping import Shaped

from perface_jax.arrays import AnyArray

REPLICA, DATA = "replica", "data"  # independent runs; devices that share the batch of one run


def devices_of_a_batch() -> int:
    """How many devices share the batch of the function that is being traced."""
    mesh = jax.sharding.get_abstract_mesh()
    return math.prod(mesh.shape[axis] for axis in mesh.manual_axes if axis != REPLICA)


def varying_as(x: Shaped[AnyArray, "..."], other: Shaped[AnyArray, "..."]) -> Shaped[AnyArray, "..."]:
    """`other`, marked as varying along every mapped axis along which `x` varies.

    Hand-written derivatives need this: the derivative by an argument must have the type of that argument. So do loops:
    the carry must keep its type.
    """
    axes = jax.typeof(x).manual_axis_type.varying - jax.typeof(other).manual_axis_type.varying
    return jax.lax.pcast(other, tuple(axes), to="varying") if axes else other
