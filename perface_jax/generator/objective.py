"""The losses of both networks as one number for each row, and how good results are.

Generator and discriminator have parameters of their own, and each loss stops the gradient of the other's. The gradient
of the sum is therefore the gradient of each network's own loss, and one optimizer over both is two optimizers: its
moments, decay and updates are those of single parameters.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from perface_jax import fidelity, images, landmarks
from perface_jax.arrays import AnyArray, Array
from perface_jax.generator import losses
from perface_jax.generator.networks import DISCRIMINATOR, Networks
from perface_jax.network.model import IResNet
from perface_jax.similarity import similarity

RECOGNIZER, PERCEPTUAL = "recognizer", "perceptual"  # variables of the frozen models, by name
CROP = "simswap"  # of a frozen model that names none


class Factors(NamedTuple):
    """What the terms count in the loss; 0 leaves a term out, without computing it."""

    reconstruction: float = 10.0
    adversarial: float = 0.1
    r1: float = 1.0
    perceptual: float = 10.0  # of PerceptFace, by region
    privacy: float = 1.0
    perceived: float = 0.0  # of the cosine distance under a PerFace model
    epsilon: float = 0.0  # cosine below which the privacy term is content


def row_losses(
    params: Mapping, constants: Mapping, batch: Mapping[str, Any], *, networks: Networks, factors: Factors
) -> tuple[Float[Array, " b"], Float[Array, " b"]]:
    """The sum of both networks' losses for each row, and its `balance`.

    Args:
      params: of `Networks.init`.
      constants: variables of the frozen models of `networks`.
      batch: `images` uint8 `[b, 1, s, s, 3]` and `landmarks` `[b, p, 2]` in pixels of them.

    Source: module docstring of `perface_jax.generator`.
    """
    real, points = batch["images"][:, 0].astype(jnp.float32), batch["landmarks"]
    results, painted, mask = networks.paint(params, real, points)
    total = factors.reconstruction * losses.reconstruction(real, painted, mask)
    total += factors.perceptual * _unlike(real, results, points)
    if factors.privacy:
        total += factors.privacy * losses.privacy(
            *_pair(networks.recognizer, constants[RECOGNIZER], real, results, points), epsilon=factors.epsilon
        )
    if factors.perceived:
        total += factors.perceived * (
            1 - similarity(*_pair(networks.perceptual, constants[PERCEPTUAL], real, results, points))
        )
    if factors.adversarial:
        total += _adversarial(networks, params, real, results, points, factors)
    return total, balance(networks, constants, real, jax.lax.stop_gradient(results), points)


def balance(
    networks: Networks,
    constants: Mapping,
    real: Float[AnyArray, "b s s 3"],
    results: Float[AnyArray, "b s s 3"],
    points: Float[AnyArray, "b p 2"],
) -> Float[Array, " b"]:
    """`(1 - max(0, cos)) (1 - loss)` in 0..1: high where the recognizer does not match, and the regions look alike.

    The loss is the perceptual loss of `fidelity`; without a recognizer, the cosine counts as 0.
    """
    kept = 1 - _unlike(real, results, points)
    if networks.recognizer is None:
        return kept
    cosine = similarity(*_pair(networks.recognizer, constants[RECOGNIZER], real, results, points))
    return kept * (1 - jnp.maximum(cosine, 0))


def validate(
    variables: Mapping, batches: Mapping[str, Any], *, model: Networks
) -> tuple[Float[Array, "n b 1"], Float[Array, "n b 1 1"]]:
    """The `balance` of every row of batches `[n, b, ...]`, in the form of `training.step.compare_step`."""

    def one(batch):
        real, points = batch["images"][:, 0].astype(jnp.float32), batch["landmarks"]
        results, _, _ = model.paint(variables["params"], real, points)
        found = balance(model, variables["constants"], real, results, points)
        return found[:, None], found[:, None, None]

    count = jax.tree.leaves(batches)[0].shape[0]
    rows = [one(jax.tree.map(lambda x, i=i: x[i], batches)) for i in range(count)]
    return jax.tree.map(lambda *parts: jnp.stack(parts), *rows)


def _adversarial(networks, params, real, results, points, factors):
    """Hinge losses of both networks, and R1; no gradient of one reaches the other's parameters."""
    fixed = jax.lax.stop_gradient(params[DISCRIMINATOR])
    fooled = networks.judge({**params, DISCRIMINATOR: fixed}, results, points)
    fake = networks.judge(params, jax.lax.stop_gradient(results), points)
    own = losses.discriminator_hinge(networks.judge(params, real, points), fake)
    if factors.r1:
        own += factors.r1 * losses.r1_penalty(lambda pictures: networks.judge(params, pictures, points), real)
    return factors.adversarial * losses.generator_hinge(fooled) + own


def _unlike(real, results, points):
    return fidelity.perceptual_loss(real, results, fidelity.landmark_regions(points, real.shape[-2]))


def _pair(model: IResNet | None, variables, real, results, points):
    """Embeddings of originals, without a gradient, and of results; both cropped as the model wants."""
    if model is None:
        raise ValueError("the loss has a term of a model that the networks do not have")
    five = landmarks.outline(points)[..., :5, :]

    def embed(pictures):
        crop = images.align(pictures, five, template=model.crop or CROP, size=model.image_size)
        embedded: Any = model.apply(variables, images.normalize(crop))
        return embedded

    return jax.lax.stop_gradient(embed(real)), embed(results)
