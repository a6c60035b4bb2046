"""What `shard_map` knows of an array: on which mapped axes its values differ from device to device."""

import jax


def varying_as(x: jax.Array, other: jax.Array) -> jax.Array:
    """`other`, marked as different on every mapped axis on which `x` is.

    Derivatives written by hand need it: what comes back for an argument has to be of the argument's own type.
    """
    axes = jax.typeof(x).manual_axis_type.varying - jax.typeof(other).manual_axis_type.varying
    return jax.lax.pcast(other, tuple(axes), to="varying") if axes else other
