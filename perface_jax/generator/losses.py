"""The terms of the losses: pure functions, one number for each row, that nothing here weighs or averages.

Pictures are RGB from 0 to 255, masks are 1 in the face. The region-weighted perceptual loss is
`fidelity.perceptual_loss`, whose default weights are PerceptFace's: .192 .223 .183 .229 .174 for eyebrows, eyes, nose,
mouth and skin.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Float

from perface_jax.arrays import AnyArray, Array, Pixels, Scalar
from perface_jax.precision import option, widen
from perface_jax.similarity import similarity

Numbers = Float[AnyArray, "*batch"]


def reconstruction(
    original: Pixels[AnyArray, "*batch h w 3"],
    painted: Pixels[AnyArray, "*batch h w 3"],
    mask: Float[AnyArray, "*batch h w"],
) -> Float[Array, "*batch"]:
    """How far what was painted is from the original outside of the face and on its soft edge, in 0..1.

    `sum((1 - M) |x - y|) / (255 * 3 * sum(1 - M))`: only `M = 1`, the face itself, does not count. 0 where the mask
    covers the whole picture.
    """
    original, painted, mask = (jnp.asarray(one).astype(jnp.float32) for one in (original, painted, mask))
    outside = 1 - mask
    change = jnp.abs(original - painted).mean(-1) / 255
    return (outside * change).sum((-2, -1)) / jnp.maximum(outside.sum((-2, -1)), 1)


def generator_hinge(fake: Numbers) -> Float[Array, "*batch"]:
    """The adversarial loss of the generator, `-D(x')`: the judgments of its results.

    Source: Lim and Ye, Geometric GAN (arXiv 1705.02894).
    """
    (fake,) = widen("judgments", fake)
    return -fake


def discriminator_hinge(real: Numbers, fake: Numbers) -> Float[Array, "*batch"]:
    """The loss of the discriminator, `max(0, 1 - D(x)) + max(0, 1 + D(x'))`; at least 0.

    Source: as `generator_hinge`.
    """
    real, fake = widen("judgments", real, fake)
    return jax.nn.relu(1 - real) + jax.nn.relu(1 + fake)


def r1_penalty(judge: Callable[[jax.Array], jax.Array], pictures: Float[AnyArray, "b h w 3"]) -> Float[Array, " b"]:
    """`|grad_x D(x)|^2 / 2` of each real picture on the scale of -1 to 1, at least 0.

    Args:
      judge: from pictures of 0 to 255 `[b, h, w, 3]` to a number for each, which depends on that picture alone.
      pictures: floating, 0 to 255.

    Source: Mescheder, Geiger and Nowozin (ICML 2018), R1.
    """
    (pictures,) = widen("pictures", pictures)
    slopes = 127.5 * jax.grad(lambda x: judge(x).sum())(pictures)
    return 0.5 * jnp.square(slopes).sum((-3, -2, -1))


def privacy(
    original: Float[AnyArray, "*#batch d"], result: Float[AnyArray, "*#batch d"], *, epsilon: Scalar = 0.0
) -> Float[Array, "*batch"]:
    """`max(epsilon, cos(E(x), E(x')))` of two embeddings under a recognizer E: no gradient below epsilon.

    Args:
      original, result: embeddings, which need not have length 1.
      epsilon: in -1..1; at 0 a result need not look more different than two strangers do.

    Source: PerceptFace (arXiv 2509.11249), its privacy loss.
    """
    cosine = similarity(original, result)
    return jnp.maximum(cosine, option(epsilon, cosine))
