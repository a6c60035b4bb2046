"""Image-blind baselines: predictors that see no pixel. A model must beat them to show that it uses the images.

They use TRAINING labels only; test labels serve only for the comparison. Labels are 0 = a, 1 = b, -1 = none (left out
in training, NaN in the test). Scores are those of a model: 1 right, 1/2 a tie, 0 wrong. They are NaN where training has
no answer: a look-up by source needs sources seen in training (setting [ii]), one by target needs seen targets ([iii]),
and in [i] neither exists. All functions are traceable.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from perface_jax.arrays import AnyArray, Array
from perface_jax.statistics.arguments import integers, same_shape


def majority_side(
    training_labels: Int[AnyArray, "*batch n"], labels: Int[AnyArray, "*batch t"]
) -> Float[Array, "*batch t"]:
    """Always the side with more training labels; 1/2 if a and b are equally frequent, NaN without any."""
    training_labels, labels = jnp.asarray(training_labels), jnp.asarray(labels)
    one, other = (jnp.zeros(x.shape, jnp.int32) for x in (training_labels, labels))
    return lookup_baseline(training_labels, one, labels, other, size=1)


def lookup_baseline(
    training_labels: Int[AnyArray, "*batch n"],
    training_ids: Int[AnyArray, "*batch n"],
    labels: Int[AnyArray, "*batch t"],
    ids: Int[AnyArray, "*batch t"],
    *,
    size: int,
) -> Float[Array, "*batch t"]:
    """The answer of most training triplets with the same id: a table of answers, by source or by target.

    Args:
      training_ids, ids: for instance the source of each triplet, 0 to size - 1.
      size: the number of possible ids, static.

    Returns:
      1/2 if a and b are equally frequent for the id; NaN if it has no training label or is out of range.
    """
    training_labels, labels = integers(training_labels, "training labels"), integers(labels, "labels")
    training_ids, ids = integers(training_ids, "training ids"), integers(ids, "ids")
    same_shape(training_labels=training_labels, training_ids=training_ids)
    same_shape(labels=labels, ids=ids)
    count = jnp.vectorize(lambda kept, ids: _count(kept, ids, size), signature="(n),(n)->(s)")
    a, b = (count(training_labels == label, training_ids) for label in (0, 1))
    inside = (ids >= 0) & (ids < size)
    a, b = (jnp.take_along_axis(x, jnp.where(inside, ids, 0), axis=-1) for x in (a, b))
    lean = jnp.where(labels == 0, a - b, b - a)
    return jnp.where(inside & (a + b > 0) & (labels >= 0), (jnp.sign(lean) + 1) / 2, jnp.nan)


def _count(kept, ids, size):
    inside = kept & (ids >= 0) & (ids < size)
    return jax.ops.segment_sum(inside.astype(jnp.int32), jnp.where(inside, ids, 0), size)
