"""The noise schedule against the original code."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax.diffusion import schedule
from tests.diffusion import formula, small


def of_step(steps, t):
    place = schedule.timesteps(steps).tolist().index(t)
    return jax.tree.map(lambda values: values[place], schedule.coefficients(steps))


def test_the_alphas_are_those_of_pytorch_bit_for_bit():
    np.testing.assert_array_equal(schedule.alphas(), small.golden()["sched/alphas_cumprod"])


@pytest.mark.parametrize("steps", [1, 3, 5, 7, 25, 50, 200])
def test_timesteps_of_a_run(steps):
    np.testing.assert_array_equal(schedule.timesteps(steps), small.golden()[f"sched/timesteps_{steps}"])


@pytest.mark.parametrize("steps", [0, -1, 1000, 1001])
def test_steps_that_do_not_fit_are_refused(steps):
    with pytest.raises(ValueError, match="wanted 1 to 999"):
        schedule.timesteps(steps)


def test_every_step_is_that_of_the_original():
    golden = small.golden()
    names = [name for name in golden if name.startswith("sched/step_") and name.endswith("prev_sample")]
    assert len(names) == 11
    with jax.enable_x64(True):
        x, velocity, noise = (small.latents(f"small/sched/{name}", (1, 4, 8, 8)) for name in ("sample", "v", "noise"))
        for name in names:
            steps, t = map(int, re.findall(r"\d+", name)[:2])
            step = of_step(steps, t)
            found = formula.nchw(schedule.advance(step, x, velocity, noise))
            np.testing.assert_allclose(found, golden[name], atol=3e-7)
            clean = formula.nchw(schedule.clean(step, x, velocity))
            np.testing.assert_allclose(clean, golden[name.replace("prev_sample", "pred_x0")], atol=3e-7)
            variance = golden[name.replace("prev_sample", "variance")][0]
            np.testing.assert_allclose(step.noise**2, variance, rtol=1e-6)


def test_noisy_latents_and_velocities_are_those_of_the_original():
    golden, t = small.golden(), jnp.array([0, 250, 500, 999])
    with jax.enable_x64(True):
        x, noise = (small.latents(f"small/sched/{name}", (4, 4, 8, 8)) for name in ("x4", "n4"))
        noisy = formula.nchw(schedule.add_noise(x, noise, t))
        np.testing.assert_allclose(noisy, golden["sched/add_noise"], atol=3e-7)
        found = formula.nchw(schedule.velocity(x, noise, t))
        np.testing.assert_allclose(found, golden["sched/velocity"], atol=3e-7)


def test_the_clean_latents_come_back_from_the_true_velocity(key):
    x, noise = jax.random.normal(next(key), (2, 1, 2, 2, 4))
    t = int(schedule.timesteps(5)[1])
    at = jnp.array([t])
    noisy, velocity = schedule.add_noise(x, noise, at), schedule.velocity(x, noise, at)
    np.testing.assert_allclose(schedule.clean(of_step(5, t), noisy, velocity), x, atol=1e-5)


def test_signal_to_noise_falls():
    ratios = np.asarray(schedule.signal_to_noise(jnp.array([0, 500, 999])))
    assert ratios[0] > 1000 > 1 > ratios[1] > ratios[2] > 0
