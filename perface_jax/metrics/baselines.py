"""Predictors that never see a pixel: what an accuracy has to beat.

They see TRAINING labels only; a test label is compared with, never counted. Labels are integer, 0 = a, 1 = b,
-1 = none: left out in training, NaN in the test. Scores are as for a model: 1 right, 1/2 a tie, 0 wrong. NaN where
training says nothing: a look-up by source exists where the sources of the test were seen (setting [ii]), by target
where the targets were ([iii]), and in [i] there is none. All functions are traceable.
"""

import jax
import jax.numpy as jnp

from perface_jax.statistics.arguments import integers, same_shape


def majority_side(training_labels: jax.Array, labels: jax.Array) -> jax.Array:
    """Always the side that has more training labels.

    Args:
      training_labels: integer `[..., N]`.
      labels: integer `[..., T]`, of the test.

    Returns:
      scores `[..., T]` in {0, 1/2, 1}; 1/2 where training has as many a as b; NaN without any training label.

    Raises:
      TypeError: labels that are not integer.
    """
    training_labels, labels = jnp.asarray(training_labels), jnp.asarray(labels)
    one, other = (jnp.zeros(x.shape, jnp.int32) for x in (training_labels, labels))
    return lookup_baseline(training_labels, one, labels, other, size=1)


def lookup_baseline(
    training_labels: jax.Array, training_ids: jax.Array, labels: jax.Array, ids: jax.Array, *, size: int
) -> jax.Array:
    """What most training triplets with the same id have: a table of answers, by source or by target.

    Args:
      training_labels: integer `[..., N]`.
      training_ids: integer `[..., N]`, for instance the source of each training triplet, 0 to size - 1.
      labels: integer `[..., T]`, of the test.
      ids: integer `[..., T]`.
      size: how many ids there can be, static.

    Returns:
      scores `[..., T]` in {0, 1/2, 1}; 1/2 where the id has as many a as b; NaN where it has no training label, or is
      out of range.

    Raises:
      TypeError: labels or ids that are not integer.
      ValueError: ids of another shape than their labels.
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
