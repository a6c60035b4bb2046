"""The training loss, as a pure function of the parameters; the optimizer and the data are the caller's.

    noise -> velocity of the truth's noisy latents, with the source's identity and the conditioning picture's rest

Source: Kung et al. (WACV 2025), section 3.3; its training script, for what the paper leaves open.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import traverse_util
from jaxtyping import Bool, Float, Int, Key

from perface_jax.arrays import AnyArray, Array
from perface_jax.diffusion import schedule
from perface_jax.diffusion.networks import PICTURES, REFERENCES, UNET, Networks, Params, run
from perface_jax.diffusion.sampling import Encoded, Guidance, Shown, encode, look


class Triple(NamedTuple):
    """Pictures of n examples. Source and truth show one person; conditioning and truth one pose and expression."""

    truth: Float[AnyArray, "n s s 3"]  # -1..1
    source: Shown
    conditioning: Shown


class Draws(NamedTuple):
    """The random numbers of n examples."""

    truth: Float[AnyArray, "n h w c"]  # standard normal, of the latents of the three pictures
    source: Float[AnyArray, "n h w c"]
    conditioning: Float[AnyArray, "n h w c"]
    noise: Float[AnyArray, "n h w c"]  # standard normal, that is to be found
    timestep: Int[AnyArray, " n"]
    dropped: Bool[AnyArray, " n"]  # the source is hidden, so that the network learns the null source


def draw(key: Key[Array, ""], count: int, *, networks: Networks, size: int, drop: float = 0.1) -> Draws:
    """Random numbers for `count` examples of `size` pixels; `drop` is the probability of a hidden source."""
    side, channels = size // networks.settings.vae.factor, networks.settings.unet.latents
    normal, steps, hidden = jax.random.split(key, 3)
    drawn = jax.random.normal(normal, (4, count, side, side, channels), networks.wide)
    t = jax.random.randint(steps, (count,), 0, networks.settings.schedule.steps)
    truth, source, conditioning, noise = drawn
    return Draws(truth, source, conditioning, noise, t, jax.random.bernoulli(hidden, drop, (count,)))


def training_loss(
    networks: Networks, params: Params, batch: Triple, draws: Draws, *, snr_gamma: float | None = None
) -> Float[Array, " n"]:
    """Mean squared error of the velocity, per example.

    At the last timestep the latents are noise alone. Autoencoder and image encoder get no gradient.

    Args:
      networks, params: the networks; those to train are named by `trained`.
      batch: the examples.
      draws: their random numbers.
      snr_gamma: weighs by min(snr + 1, gamma) / (snr + 1), snr = a / (1 - a); None: no weights.
    """
    settings, scaled = networks.settings.schedule, networks.settings.vae.scale
    frozen = {
        name: jax.lax.stop_gradient(one) if name not in (UNET, *REFERENCES) else one for name, one in params.items()
    }
    posterior = run(networks.vae, frozen[PICTURES], batch.truth, method="encode")
    latents = scaled * posterior.sample(draws.truth)
    source, conditioning = (
        _encoded(networks, frozen, shown, noise)
        for shown, noise in ((batch.source, draws.source), (batch.conditioning, draws.conditioning))
    )
    source = Encoded(*(jnp.where(_rows(draws.dropped, one), 0, one) for one in source))
    references = look(networks, frozen, source, conditioning, Guidance(), guided=False, anonymous=False)
    noisy = schedule.add_noise(latents, draws.noise, draws.timestep, settings)
    noisy = jnp.where(_rows(draws.timestep == settings.steps - 1, noisy), draws.noise, noisy)
    found = run(networks.unet, frozen[UNET], noisy.astype(networks.dtype), draws.timestep, references)
    wanted = schedule.velocity(latents, draws.noise, draws.timestep, settings)
    errors = jnp.square(found.astype(wanted.dtype) - wanted).mean((1, 2, 3))
    return errors if snr_gamma is None else errors * _weights(draws.timestep, snr_gamma, settings).astype(errors.dtype)


def trained(params: Params) -> Any:
    """Which parameters the original trains: the denoiser, and the transformer blocks of the ReferenceNets."""

    def is_trained(path):
        return path[0] == UNET or path[0] in REFERENCES and "transformer_blocks_0" in path

    flat = traverse_util.flatten_dict(params)
    return traverse_util.unflatten_dict({path: is_trained(path) for path in flat})


def _encoded(networks, params, shown, noise):
    posterior, embedding = encode(networks, params, shown)
    return Encoded(networks.settings.vae.scale * posterior.sample(noise), embedding)


def _weights(t, gamma, settings):
    ratio = schedule.signal_to_noise(t, settings) + 1
    return jnp.minimum(ratio, gamma) / ratio


def _rows(mask, like):
    return jnp.reshape(mask, (-1, *[1] * (like.ndim - 1)))
