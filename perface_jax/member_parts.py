"""What is computed for all members of groups, on CPUs a part of them at a time, so that a part stays in the caches.

Other devices compute the whole at once.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from perface_jax.arrays import AnyArray, Array
from perface_jax.network.kernels import on_cpu, row_sums

PART = 2048  # members


def side_by_side(
    function: Callable[[AnyArray, AnyArray], Array],
    queries: Float[AnyArray, "*#batch q d"],
    members: Float[AnyArray, "*#batch n d"],
) -> Float[Array, "*batch q n"]:
    """`function(queries, members)`, which has one column for every member and looks at it alone."""
    count = members.shape[-2]
    if count <= 2 * PART:
        return function(queries, members)

    def ours(queries, members):
        def fill(found, start):
            part = jax.lax.dynamic_slice_in_dim(members, start, PART, axis=-2)
            return jax.lax.dynamic_update_slice_in_dim(found, function(queries, part), start, axis=-1), None

        whole = jax.eval_shape(function, queries, members)
        starts = np.minimum(np.arange(0, count, PART), count - PART)  # the last part overlaps the one before
        return jax.lax.scan(fill, jnp.zeros(whole.shape, whole.dtype), starts.astype(np.int32))[0]

    return on_cpu(ours, function, queries, members)


def masked_sums(
    values: Float[AnyArray, "*#batch n"],
    where: Bool[AnyArray, "*#batch groups n"],
    *,
    mean: Float[AnyArray, "*batch groups"] | None = None,
) -> Float[Array, "*batch groups"]:
    """The sums of the values of each group's members; with its mean, of the squares of their distances from it."""
    whole = values.shape[-1] // PART if values.shape[-1] > 2 * PART else 0

    def sums(values, where):
        values = values[..., None, :]
        return _sum(jnp.where(where, values, 0) if mean is None else squares(values, where, mean[..., None]))

    def squares(values, where, mean):
        return jnp.square(jnp.where(where, values - mean, 0))  # `where` inside: no NaN of others in the gradient

    def add(total, start):
        parts = (jax.lax.dynamic_slice_in_dim(x, start, PART, axis=-1) for x in (values, where))
        return total + sums(*parts), None

    total = sums(values[..., whole * PART :], where[..., whole * PART :])
    return jax.lax.scan(add, total, np.arange(whole, dtype=np.int32) * PART)[0] if whole else total


_sum = jax.custom_jvp(row_sums)
_sum.defjvps(lambda tangent, _, x: jnp.sum(tangent, axis=-1))
