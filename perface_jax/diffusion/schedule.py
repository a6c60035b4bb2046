"""The noise schedule: DDPM with velocities.

Coefficients are float32 also where latents are float64, as in the original code: its weights were trained so.

Source: Ho et al. 2020, "Denoising Diffusion Probabilistic Models", equations 4 to 7; Salimans and Ho 2022, appendix D
(velocities).
"""

import functools
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Float32, Int, Integer

from perface_jax.arrays import AnyArray, Array
from perface_jax.diffusion.settings import ScheduleSettings

LEAST_VARIANCE = 1e-20
RELEASED = ScheduleSettings()  # of the released weights


class Step(NamedTuple):
    """The coefficients of one step, or of all: x0 = a x - b v, then x' = c x0 + d x + e noise."""

    sample: Float32[AnyArray, "*steps"]  # a
    velocity: Float32[AnyArray, "*steps"]  # b
    clean: Float32[AnyArray, "*steps"]  # c
    noisy: Float32[AnyArray, "*steps"]  # d
    noise: Float32[AnyArray, "*steps"]  # e


@functools.cache
def alphas(settings: ScheduleSettings = RELEASED) -> Float32[np.ndarray, " train"]:
    """Share of the signal's variance at every timestep, cumprod(1 - beta), bit for bit that of PyTorch.

    beta = linspace(sqrt(first), sqrt(last), steps)^2
    """
    first, last = (np.float32(beta**0.5) for beta in (settings.first_beta, settings.last_beta))
    width, place = np.float64((last - first) / np.float32(settings.steps - 1)), np.arange(settings.steps)
    from_start, from_end = first + width * place, last - width * (settings.steps - 1 - place)  # PyTorch does both
    roots = np.where(place < settings.steps // 2, from_start, from_end).astype(np.float32)
    return np.cumprod((1 - roots * roots).astype(np.float64)).astype(np.float32)


def timesteps(steps: int, settings: ScheduleSettings = RELEASED) -> Int[np.ndarray, " {steps}"]:
    """The timesteps of a run, the noisiest first: i r + offset, with r = train // steps.

    Raises:
      ValueError: no step, or so many that the first is out of the schedule.
    """
    stride = settings.steps // steps if 0 < steps < settings.steps else 0
    if not stride or (steps - 1) * stride + settings.offset >= settings.steps:
        raise ValueError(f"saw {steps} steps, wanted 1 to {settings.steps - 1}, for instance 50")
    return np.arange(steps)[::-1] * stride + settings.offset


def coefficients(steps: int, settings: ScheduleSettings = RELEASED) -> Step:
    """The coefficients of every step of a run. In the last step there is as good as no noise."""
    signal = alphas(settings)
    now = timesteps(steps, settings)
    before = now - settings.steps // steps
    here, there = signal[now], np.where(before >= 0, signal[before], np.float32(1))
    one = np.float32(1)
    kept = here / there
    variance = np.maximum((one - there) / (one - here) * (one - kept), np.float32(LEAST_VARIANCE))
    return Step(
        np.sqrt(here),
        np.sqrt(one - here),
        np.sqrt(there) * (one - kept) / (one - here),
        np.sqrt(kept) * (one - there) / (one - here),
        np.sqrt(variance),
    )


def clean(step: Step, x: Float[AnyArray, "..."], velocity: Float[AnyArray, "..."]) -> Float[Array, "..."]:
    """The latents without noise that a velocity promises; one `step`."""
    return _as(x, step.sample) * x - _as(x, step.velocity) * velocity


def advance(
    step: Step, x: Float[AnyArray, "..."], velocity: Float[AnyArray, "..."], noise: Float[AnyArray, "..."]
) -> Float[Array, "..."]:
    """The latents after one `step`; `noise` is standard normal."""
    mean = _as(x, step.clean) * clean(step, x, velocity) + _as(x, step.noisy) * x
    return mean + _as(x, step.noise) * noise


def add_noise(
    x: Float[AnyArray, "b ..."],
    noise: Float[AnyArray, "b ..."],
    t: Integer[AnyArray, " b"],
    settings: ScheduleSettings = RELEASED,
) -> Float[Array, "b ..."]:
    """sqrt(a) x + sqrt(1 - a) noise, at a timestep for every row."""
    signal, spread = _roots(x, t, settings)
    return signal * x + spread * noise


def velocity(
    x: Float[AnyArray, "b ..."],
    noise: Float[AnyArray, "b ..."],
    t: Integer[AnyArray, " b"],
    settings: ScheduleSettings = RELEASED,
) -> Float[Array, "b ..."]:
    """sqrt(a) noise - sqrt(1 - a) x, what the denoiser learns."""
    signal, spread = _roots(x, t, settings)
    return signal * noise - spread * x


def signal_to_noise(t: Integer[AnyArray, " b"], settings: ScheduleSettings = RELEASED) -> Float32[Array, " b"]:
    """a / (1 - a) at timesteps."""
    signal = jnp.asarray(alphas(settings))[t]
    return signal / (1 - signal)


def _roots(x, t, settings):
    signal = alphas(settings)
    shape = (-1, *[1] * (x.ndim - 1))
    roots = np.sqrt(signal), np.sqrt(np.float32(1) - signal)
    return [jnp.reshape(jnp.asarray(root)[t].astype(x.dtype), shape) for root in roots]


def _as(x, number):
    return jnp.asarray(number).astype(x.dtype)
