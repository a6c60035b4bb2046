"""From pictures and noise to new pictures, as one pure program: encode, look at both pictures once, scan over steps.

The degree d says how far the identity is left. The source's states become (1 - d) own + d null, where null is the
answer to no picture, and its embedding becomes (1 - d) own: d = 0 keeps the source, d = 1 forgets it, d > 1 goes
beyond.
Guidance of scale g takes (1 - g) u + g c of the velocities u without and c with the source; g = 1 is none.

Source: Kung et al., "Face Anonymization Made Simple" (WACV 2025), section 3; its code.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float, Key

from perface_jax.arrays import AnyArray, Array, Scalar
from perface_jax.diffusion import schedule
from perface_jax.diffusion.networks import CONDITIONING, ENCODER, PICTURES, SOURCE, UNET, Networks, Params, run
from perface_jax.diffusion.unet import AllReferences


class Shown(NamedTuple):
    """Pictures of n faces, in both forms that networks take; of `preprocessing`."""

    pictures: Float[AnyArray, "n s s 3"]  # -1..1
    crops: Float[AnyArray, "n c c 3"]  # for the image encoder


class Noise(NamedTuple):
    """Standard normal numbers, drawn in this order."""

    source: Float[AnyArray, "n h w c"]  # of the source picture's latents
    conditioning: Float[AnyArray, "n h w c"]
    latents: Float[AnyArray, "n h w c"]  # the start
    steps: Float[AnyArray, "steps n h w c"]


class Encoded(NamedTuple):
    """Latents of pictures and their image embeddings."""

    latents: Float[Array, "n h w c"]
    embedding: Float[Array, "n 1 e"]


class Guidance(NamedTuple):
    """How far to leave the identity, and how strongly; see the module."""

    degree: Scalar = 1.25
    scale: Scalar = 4.0


def draw_noise(keys: Key[Array, " n"], *, networks: Networks, size: int, steps: int) -> Noise:
    """The noise of n faces, a key for each, so that a face gets the same result in any batch."""
    side, channels = size // networks.settings.vae.factor, networks.settings.unet.latents

    def draw(key):
        return jax.random.normal(key, (3 + steps, side, side, channels), networks.wide)

    source, conditioning, latents, *rest = jnp.split(jax.vmap(draw, out_axes=1)(keys), [1, 2, 3])
    return Noise(source[0], conditioning[0], latents[0], rest[0])


def encode(networks: Networks, params: Params, shown: Shown) -> tuple[Any, Float[Array, "n 1 e"]]:
    """The posterior of the latents, and the embedding, of pictures."""
    posterior = run(networks.vae, params[PICTURES], shown.pictures, method="encode")
    embedding = run(networks.encoder, params[ENCODER], shown.crops)
    return posterior, embedding[:, None]


def look(
    networks: Networks,
    params: Params,
    source: Encoded,
    conditioning: Encoded,
    guidance: Guidance,
    *,
    guided: bool = True,
    anonymous: bool = True,
) -> AllReferences:
    """What the denoiser needs of both pictures, once for all steps.

    With `guided` rows for no source come first: 2n rows. The null source is looked at once, and so is the
    conditioning picture, which is the same for both halves.

    Args:
      networks, params: the networks.
      source, conditioning: n pictures each.
      guidance: of `degree`; the scale acts in `denoise`.
      guided: whether the denoiser runs without the source, too.
      anonymous: whether the degree acts.
    """
    unet, dtype = networks.unet, networks.dtype

    def states(network, latents, embedding):
        inputs = latents.astype(dtype), embedding.astype(dtype)
        return run(unet, params[network], *inputs, method="states")

    own = source.embedding * _remaining(guidance, source.embedding) if anonymous else source.embedding
    shown = states(SOURCE, source.latents, own)
    beside = states(CONDITIONING, *conditioning)
    nobody = jnp.zeros_like(source.latents[:1]), jnp.zeros_like(own[:1])
    null = states(SOURCE, *nobody) if guided or anonymous else shown
    if anonymous:
        shown = jax.tree.map(lambda one, none: _mixed(guidance, one, none), shown, null)
    if guided:
        shown = jax.tree.map(lambda one, none: _under(jnp.broadcast_to(none, one.shape), one), shown, null)
        beside = jax.tree.map(lambda one: _under(one, one), beside)
        own = _under(jnp.zeros_like(own), own)
        conditioning = conditioning._replace(embedding=_under(*[conditioning.embedding] * 2))
    joined = jax.tree.map(lambda *both: jnp.concatenate(both, 1), shown, beside)
    context = jnp.concatenate([own, conditioning.embedding], 1).astype(dtype)
    return run(unet, params[UNET], joined, context, method="remember")


def denoise(
    networks: Networks,
    params: Params,
    references: AllReferences,
    noise: Noise,
    guidance: Guidance,
    *,
    guided: bool = True,
) -> Float[Array, "n h w c"]:
    """Latents of the new pictures, scaled as the denoiser sees them. One scan over the steps of the noise."""
    unet, settings = networks.unet, networks.settings.schedule
    steps = len(noise.steps)
    plan = schedule.coefficients(steps, settings), schedule.timesteps(steps, settings).astype("int32"), noise.steps

    def step(x, plan):
        coefficients, t, drawn = plan
        inputs = (_under(x, x) if guided else x).astype(networks.dtype)
        velocity = run(unet, params[UNET], inputs, jnp.full(len(inputs), t), references).astype(x.dtype)
        velocity = guide(velocity, guidance.scale) if guided else velocity
        return schedule.advance(coefficients, x, velocity, drawn), None

    return jax.lax.scan(step, jnp.asarray(noise.latents), jax.tree.map(jnp.asarray, plan))[0]


def guide(velocities: Float[AnyArray, "b ..."], scale: Scalar) -> Float[Array, "n ..."]:
    """(1 - scale) without + scale with the source; the first half of the rows is without it."""
    without, with_source = jnp.split(jnp.asarray(velocities), 2)
    scale = jnp.asarray(scale).astype(without.dtype)
    return (1 - scale) * without + scale * with_source


def generate(
    networks: Networks,
    params: Params,
    source: Shown | None,
    conditioning: Shown,
    noise: Noise,
    guidance: Guidance,
    *,
    guided: bool = True,
    anonymous: bool = True,
) -> Float[Array, "n s s 3"]:
    """The new pictures, about -1..1.

    Args:
      networks, params: the networks.
      source: whose identity; None: that of the conditioning picture.
      conditioning: what is kept: pose, expression, background.
      noise: of every draw; its `steps` are those of the run.
      guidance: degree and scale, which may be traced.
      guided: whether guidance acts: twice the work.
      anonymous: whether the degree acts.
    """
    scaled = networks.settings.vae.scale
    posterior, embedding = encode(networks, params, conditioning)
    other, other_embedding = (posterior, embedding) if source is None else encode(networks, params, source)
    shown = Encoded(scaled * other.sample(noise.source), other_embedding)
    beside = Encoded(scaled * posterior.sample(noise.conditioning), embedding)
    references = look(networks, params, shown, beside, guidance, guided=guided, anonymous=anonymous)
    latents = denoise(networks, params, references, noise, guidance, guided=guided)
    return run(networks.vae, params[PICTURES], latents / scaled, method="decode")


def _remaining(guidance, like):
    return 1 - jnp.asarray(guidance.degree).astype(like.dtype)


def _mixed(guidance, one, null):
    degree = jnp.asarray(guidance.degree).astype(one.dtype)
    return (1 - degree) * one + degree * null


def _under(first, second):
    return jnp.concatenate([first, second])
