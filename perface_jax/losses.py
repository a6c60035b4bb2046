"""Losses on embeddings: pure functions with one value per example; no mean, no gradient clipping.

In a triplet, `reference` is the picture C, `positive` the one that most people called closer to C, `negative` the
other. Embeddings need not be of unit length. Finite embeddings, even zero vectors, give finite gradients, so rows may
be masked afterwards. The caller reduces and weights the examples (`step.train_step` sums locally, sums over the devices
and divides once). Shapes that do not fit raise ValueError; embeddings that are not floating, and labels that are not
integers, TypeError.

A loss is float32, or float64 if an embedding is (`perface_jax.precision`), and options are cast to it; a gradient has
the dtype of its embedding.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int, Num

from perface_jax.arrays import AnyArray, Array, Scalar
from perface_jax.precision import option, widen
from perface_jax.similarity import masked_similarity, similarity, unit

Embeddings = Float[AnyArray, "*batch d"]
PerExample = Scalar | Float[AnyArray, "*#batch"]


def cosine_triplet(
    reference: Embeddings, positive: Embeddings, negative: Embeddings, *, margin: PerExample = 0.1
) -> Float[Array, "*batch"]:
    """Hinge on the difference of two cosines: `max(0, cos(x, x-) - cos(x, x+) + margin)`.

    At least 0; the mean over the batch is the paper's loss. The margin is in units of cosine.

        >>> import numpy as np
        >>> from perface_jax import losses
        >>> reference, positive, negative = np.float32([[1, 0]]), np.float32([[1, 0]]), np.float32([[0, 1]])
        >>> losses.cosine_triplet(reference, positive, negative).tolist()  # the gap of 1 exceeds the margin
        [0.0]
        >>> losses.cosine_triplet(reference, negative, positive).round(6).tolist()  # 0.1 + 1
        [1.1...]

    Source: PerFace (ICIP 2025), Eq. 1.
    """
    reference, positive, negative = widen("embeddings", reference, positive, negative)
    difference = similarity(reference, negative) - similarity(reference, positive)
    return jnp.maximum(0, difference + option(margin, difference))


def soft_vote(
    reference: Embeddings,
    positive: Embeddings,
    negative: Embeddings,
    votes: Num[AnyArray, "*batch 2"],
    *,
    temperature: Scalar,
) -> Float[Array, "*batch"]:
    """Mean negative log-likelihood of a triplet's votes under a Bradley-Terry model.

    `-(v+ log sigma(z) + v- log sigma(-z)) / (v+ + v-)` with `z = (cos(x, x+) - cos(x, x-)) / temperature`. It is the
    mean over the votes, not their sum: every triplet counts once, as in Eq. 1 and in the accuracy, and the learning
    rate does not depend on the number of annotators. For the likelihood of single votes, weight each triplet with `v+ +
    v-`. If the votes of a triplet disagree, its minimum is the entropy of the votes, not 0.

    Args:
      reference, positive, negative: embeddings of each triplet; positive and negative may be exchanged with their
        votes.
      votes: for the positive and for the negative, at least 0; may be fractional.
      temperature: > 0, the difference of cosines at which the odds are e : 1.

    Returns:
      At least 0; 0 without votes.

    Source: Bradley & Terry (1952); the votes that PerFace (ICIP 2025) leaves out in D2. The mean is ours.
    """
    reference, positive, negative = widen("embeddings", reference, positive, negative)
    difference = similarity(reference, positive) - similarity(reference, negative)
    z = difference / option(temperature, difference)
    votes = jnp.asarray(votes)
    if votes.shape != (*z.shape, 2):
        raise ValueError(f"votes have shape {votes.shape}; wanted {(*z.shape, 2)}: positive, negative of each triplet")
    votes = votes.astype(z.dtype)
    total = jnp.sum(votes, axis=-1)
    log_loss = votes[..., 0] * jax.nn.softplus(-z) + votes[..., 1] * jax.nn.softplus(z)
    return log_loss / jnp.where(total == 0, 1, total)


def annotator_votes(
    reference: Embeddings,
    positive: Embeddings,
    negative: Embeddings,
    masks: Float[AnyArray, "*batch v d"],
    votes: Num[AnyArray, "*batch v"],
    *,
    temperature: Scalar,
) -> Float[Array, "*batch"]:
    """Mean negative log-likelihood of a triplet's votes, each under the masked similarity of the person who gave it.

    `-log softmax(s_v(x, x+), s_v(x, x-))[vote v]` with `s_v = masked_similarity / temperature`, the mean over votes.
    With masks of ones it is `soft_vote`.

    Args:
      reference, positive, negative: embeddings of each triplet; positive and negative may be exchanged with the signs
        of their votes.
      masks: of the annotator of each vote, at least 0.
      votes: 1 for the positive, -1 for the negative, 0 where there is no vote; its mask does not count then.
      temperature: > 0, the difference of similarities at which the odds are e : 1.

    Returns:
      At least 0; 0 without votes.

    Source: Andrews, Joniak, Xiang, A View From Somewhere (ICLR 2023), the conditional model, on two pairs in place of
    three; unit embeddings over a temperature are ours.
    """
    reference, positive, negative, masks = widen("embeddings and masks", reference, positive, negative, masks)
    votes = jnp.asarray(votes)
    if masks.shape[:-1] != votes.shape or votes.shape[:-1] != reference.shape[:-1]:
        shapes = f"{reference.shape}, {masks.shape} and {votes.shape}"
        raise ValueError(f"annotator_votes wants embeddings [..., D], masks [..., V, D], votes [..., V]; got {shapes}")
    x, towards, away = (one[..., None, :] for one in (reference, positive, negative))
    difference = masked_similarity(x, towards, masks) - masked_similarity(x, away, masks)
    votes = votes.astype(difference.dtype)
    log_loss = jax.nn.softplus(-votes * difference / option(temperature, difference))
    given = jnp.abs(votes)
    return jnp.sum(log_loss * given, axis=-1) / jnp.maximum(jnp.sum(given, axis=-1), 1)


def odd_one_out(
    first: Embeddings,
    second: Embeddings,
    third: Embeddings,
    *,
    odd: int | Int[AnyArray, "*#batch"] = 2,
    temperature: Scalar,
) -> Float[Array, "*batch"]:
    """Negative log-probability that, of the three pairs, the one without the odd picture is the most similar.

    `-log(exp(s_ij) / (exp(s_12) + exp(s_13) + exp(s_23)))` with `s = cos / temperature` and (i, j) the pair without the
    odd one. Pass a two-alternative triplet as (reference, positive, negative), with the odd one last. That claims
    slightly more than the answer does, because nobody was asked about the pair (positive, negative).

    Args:
      first, second, third: embeddings of the three pictures.
      odd: the odd picture: 0, 1 or 2, as in `annotations.OddOneOut`.
      temperature: > 0, in units of cosine.

    Returns:
      Above 0; NaN for any other value of `odd`.

    Source: Andrews, Joniak, Xiang, A View From Somewhere (ICLR 2023); cosines over a temperature are ours.
    """
    first, second, third = widen("embeddings", first, second, third)
    cosines = jnp.stack([similarity(second, third), similarity(first, third), similarity(first, second)], axis=-1)
    logits = cosines / option(temperature, cosines)
    return _cross_entropy(logits, jax.nn.one_hot(jnp.broadcast_to(odd, logits.shape[:-1]), 3, dtype=bool))


def arcface(
    embeddings: Embeddings,
    classes: Float[AnyArray, "classes d"],
    labels: Int[AnyArray, "*batch"],
    *,
    margin: Scalar = 0.5,
    scale: Scalar = 64.0,
) -> Float[Array, "*batch"]:
    """Softmax cross-entropy over identities, with a margin added to the angle to the true class.

    `-log softmax(scale * c)[label]` with `c_j = cos(theta_j)`, but `c_label = cos(theta_label + margin)`. Beyond
    `theta + margin = pi`, where that would rise again, `c_label = cos(theta_label) - margin * sin(margin)`.

    Every device holds all classes: meant for up to about 100,000 identities (MS1MV3 has 93,431). At D = 512 an identity
    takes 8 KB on every device: 2 KB each for its row, momentum, gradient and workspace. Devices exchange all gradients
    at every step. Millions of identities would need classes divided over the devices, which is not done here.

    Args:
      embeddings: of pictures of these identities.
      classes: one row per identity, trained with the network; of any length.
      labels: the row of each picture's identity.
      margin: in radians, in [0, pi).
      scale: > 0, the factor of the cosines.

    Returns:
      At least 0; NaN where a label is no class. At `theta` = 0 or pi, where the angle has no derivative, its sine is
      treated as constant.

    Source: Deng et al. (CVPR 2019), Eq. 3; beyond pi as insightface's arcface_torch with `easy_margin = False`.
    """
    embeddings, classes = widen("embeddings", embeddings, classes)
    labels = jnp.asarray(labels)
    if classes.ndim != 2 or embeddings.shape != (*labels.shape, classes.shape[-1]):
        shapes = f"{embeddings.shape}, {classes.shape} and {labels.shape}"
        raise ValueError(f"arcface wants embeddings [..., D], classes [C, D] and labels [...]; got {shapes}")
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise TypeError(f"labels are {labels.dtype}; wanted integers, the rows of classes")
    # In full precision: TF32 or bfloat16 products err by 1e-3, as much as a whole angle of 2.5 degrees.
    cosines = jnp.tensordot(unit(embeddings), unit(classes), axes=(-1, -1), precision=jax.lax.Precision.HIGHEST)
    margin, scale = option(margin, cosines), option(scale, cosines)
    own = jax.nn.one_hot(labels, len(classes), dtype=bool)
    return _cross_entropy(scale * jnp.where(own, _add_angle(cosines, margin), cosines), own)


def _add_angle(cosine, margin):
    squared = (1 - cosine) * (1 + cosine)
    inside = squared > 0  # not where theta is 0 or pi, nor where rounding makes the cosine exceed 1
    sine = jnp.where(inside, jnp.sqrt(jnp.where(inside, squared, 1)), 0)
    beyond = cosine - margin * jnp.sin(margin)
    return jnp.where(cosine > -jnp.cos(margin), cosine * jnp.cos(margin) - sine * jnp.sin(margin), beyond)


def _cross_entropy(logits, chosen):
    """`[...]` of `[..., C]` logits and the boolean `[..., C]` that is true at one of them."""
    loss = jax.nn.logsumexp(logits, axis=-1) - jnp.sum(logits, axis=-1, where=chosen)
    return jnp.where(chosen.any(axis=-1), loss, jnp.nan)
