"""Scores of triplets: one number in [0, 1] per triplet, and the accuracy, their mean over the last axis.

`where` is a boolean (or 0/1) mask over the triplets; padded rows never count. A tie scores one half, so a model that
maps every picture to the same vector scores 0.5, not 0 or 1. All functions are traceable. Scores are float32, or
float64 if an argument is (`perface_jax.precision`); a score is NaN where a similarity is.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Float, Int, Shaped

from perface_jax.arrays import AnyArray, Array
from perface_jax.network.kernels import row_sums
from perface_jax.precision import widen
from perface_jax.similarity import cosine, similarity
from perface_jax.statistics.arguments import floats, integers, mask, same_shape

BLOCK = 1024  # triplets computed together on CPUs, so that intermediate results stay in the cache


def triplet_scores(
    reference: Float[AnyArray, "*#batch d"],
    positive: Float[AnyArray, "*#batch d"],
    negative: Float[AnyArray, "*#batch d"],
) -> Float[Array, "*batch"]:
    """1 where `cos(x, x+) > cos(x, x-)`, 1/2 where they are equal, 0 where it is smaller, NaN where either is NaN."""
    arrays = reference, positive, negative
    if not all(map(_in_host_memory, arrays)) or len({x.shape for x in arrays}) > 1 or np.ndim(reference) != 2:
        return _triplet_scores(*arrays)
    arrays = [np.asarray(x) for x in arrays]
    parts = [_triplet_scores(*(x[i : i + BLOCK] for x in arrays)) for i in range(0, max(len(reference), 1), BLOCK)]
    return jnp.concatenate(parts)


@jax.jit
def _triplet_scores(reference, positive, negative):
    """Compiled once for each shape: operation by operation it would take ten times as long as NumPy."""
    reference, positive, negative = widen("embeddings", reference, positive, negative)
    return pair_scores(*(cosine(reference, x, sums=row_sums) for x in (positive, negative)))


def _in_host_memory(x) -> bool:
    if isinstance(x, Tracer) or not isinstance(x, jax.Array):
        return isinstance(x, np.ndarray)
    return len(x.devices()) == 1 and next(iter(x.devices())).platform == "cpu"


def pair_scores(positive: Float[AnyArray, "*#batch"], negative: Float[AnyArray, "*#batch"]) -> Float[Array, "*batch"]:
    """As `triplet_scores`, from the two similarities to the reference."""
    positive, negative = widen("similarities", positive, negative)
    return (jnp.sign(positive - negative) + 1) / 2


def triplet_accuracy(
    reference: Float[AnyArray, "*#batch t d"],
    positive: Float[AnyArray, "*#batch t d"],
    negative: Float[AnyArray, "*#batch t d"],
    *,
    where: Shaped[AnyArray, "*batch t"] | None = None,
) -> Float[Array, "*batch"]:
    """Share of triplets whose positive is the more similar one; ties count one half.

    NaN if no triplet counts, or one that counts has a NaN. ValueError for a single triplet.

        >>> import numpy as np
        >>> from perface_jax import metrics
        >>> reference = np.float32([[1, 0], [1, 0], [1, 0]])
        >>> positive = np.float32([[2, 0], [1, 1], [0, 1]])
        >>> negative = np.float32([[0, 1], [3, 0], [0, 2]])
        >>> metrics.triplet_scores(reference, positive, negative).tolist()  # right, wrong, a tie
        [1.0, 0.0, 0.5]
        >>> float(metrics.triplet_accuracy(reference, positive, negative))
        0.5

    Source: PerFace (ICIP 2025), section 4.2; the tie rule is ours.
    """
    scores = triplet_scores(reference, positive, negative)
    if not scores.ndim:
        shape = jnp.shape(reference)
        raise ValueError(f"an accuracy wants triplets [..., T, D], got one of shape {shape}; see triplet_scores")
    return jnp.mean(scores, axis=-1, where=mask(where, scores.shape))


def soft_scores(difference: Float[AnyArray, "*batch"], share: Float[AnyArray, "*batch"]) -> Float[Array, "*batch"]:
    """The share of the people who agree with the model: the soft two-alternative score.

    `share` where the model chooses a (difference > 0), `1 - share` where it chooses b (< 0), 1/2 at a tie. A model that
    always follows the majority scores the mean of `max(share, 1 - share)`, which is less than 1.

    Args:
      difference: `cos(reference, a) - cos(reference, b)`.
      share: the share of votes for a, in [0, 1]; NaN without votes.

    Source: Zhang et al. (CVPR 2018), BAPPS; Fu et al. (NeurIPS 2023), DreamSim.
    """
    difference, share = widen("similarities", difference, floats(share, "shares"))
    for_a = pair_scores(difference, jnp.zeros_like(difference))
    same_shape(difference=for_a, share=share)
    return for_a * share + (1 - for_a) * (1 - share)


def odd_one_out_scores(
    x: Float[AnyArray, "*#batch d"],
    y: Float[AnyArray, "*#batch d"],
    z: Float[AnyArray, "*#batch d"],
    odd: Int[AnyArray, "*batch"],
) -> Float[Array, "*batch"]:
    """1 where the pair without the odd picture is the most similar of the three pairs; tied pairs share the 1.

    Guessing scores 1/3, and so does a model that maps every picture to one vector. `odd` is the picture that people
    chose: 0 = x, 1 = y, 2 = z, as in `annotations.OddOneOut`. NaN for any other value.

    Source: Andrews, Joniak, Xiang, A View From Somewhere (ICLR 2023); the tie rule is ours.
    """
    x, y, z = widen("embeddings", x, y, z)
    without_each = jnp.stack([similarity(y, z), similarity(x, z), similarity(x, y)], axis=-1)
    odd = integers(odd, "odd ones")
    if odd.shape != without_each.shape[:-1]:
        raise ValueError(f"`odd` has shape {odd.shape}, the triplets {without_each.shape[:-1]}; wanted the same")
    highest = jnp.max(without_each, axis=-1, keepdims=True)  # of a NaN: NaN, and none is best
    best = (without_each == highest).astype(without_each.dtype)
    chosen = jax.nn.one_hot(odd, 3, dtype=bool)
    score = jnp.sum(best, axis=-1, where=chosen) / jnp.sum(best, axis=-1)
    return jnp.where(jnp.any(chosen, axis=-1), score, jnp.nan)
