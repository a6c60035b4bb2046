"""Runs of the whole pipeline against the original code, in float64.

Sines of timesteps are float32 in the original and rounded in its own way, hence 2e-6 where a timestep is involved.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax.diffusion import preprocessing, sampling
from perface_jax.diffusion.networks import PICTURES, UNET
from perface_jax.diffusion.sampling import Encoded, Guidance, Noise, Shown
from tests.diffusion import formula, small

CLOSE, EXACT = 2e-6, 1e-9
SHAPE = (1, 4, 16, 16)
IMAGES = {"source": (150, 130), "conditioning": (128, 128), "third": (128, 128)}


@pytest.fixture(scope="module")
def wide():
    with jax.enable_x64(True):
        yield


def shown(*names):
    squares = [preprocessing.resized(formula.image_u8(f"small/image/{name}", *IMAGES[name]), 128) for name in names]
    crops = np.stack([preprocessing.for_encoder(square, 56) for square in squares])
    return Shown(*(jnp.asarray(part, jnp.float64) for part in (preprocessing.for_vae(np.stack(squares)), crops)))


def noise(count=1, suffix=""):
    shape = (count, *SHAPE[1:])
    steps = jnp.stack([small.latents(f"small/noise/step{i}{suffix}", shape) for i in range(3)])
    names = ("noise/source_vae", "noise/conditioning_vae", "latents")
    return Noise(*(small.latents(f"small/{name}{suffix}", shape) for name in names), steps)


@functools.partial(jax.jit, static_argnames=("guided", "anonymous"))
def run(params, source, conditioning, noise, guidance, *, guided, anonymous):
    """`sampling.generate`, with the latents and the references."""
    made = small.made()
    posterior, embedding = sampling.encode(made, params, conditioning)
    other, other_embedding = (posterior, embedding) if source is None else sampling.encode(made, params, source)
    scale = made.settings.vae.scale
    pair = (
        Encoded(scale * other.sample(noise.source), other_embedding),
        Encoded(scale * posterior.sample(noise.conditioning), embedding),
    )
    references = sampling.look(made, params, *pair, guidance, guided=guided, anonymous=anonymous)
    return sampling.denoise(made, params, references, noise, guidance, guided=guided), references


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "guidance", "guided", "anonymous"),
    [
        ("pipe_anon125_g4", Guidance(1.25, 4.0), True, True),
        ("pipe_anon125_g1", Guidance(1.25, 1.0), False, True),
        ("pipe_swap_g4", Guidance(0.0, 4.0), True, False),
        ("pipe_swap_g1", Guidance(0.0, 1.0), False, False),
    ],
)
def test_three_steps_are_those_of_the_original(wide, name, guidance, guided, anonymous):
    golden, params = small.golden(), small.params()
    source = None if anonymous else shown("source")
    switches = {"guided": guided, "anonymous": anonymous}
    latents, _ = run(params, source, shown("conditioning"), noise(), guidance, **switches)
    np.testing.assert_allclose(formula.nchw(latents), golden[f"{name}/latents_after_step2"], atol=CLOSE)
    vae, scale = small.made().vae, small.made().settings.vae.scale
    picture = jax.jit(lambda p, x: vae.apply({"params": p}, x, method="decode"))(params[PICTURES], latents / scale)
    sums = preprocessing.to_uint8(np.asarray(picture)).astype(int).sum((1, 2))
    assert np.abs(sums - golden[f"{name}/image_u8_sum"]).max() <= 3


@pytest.mark.slow
def test_a_batch_of_two(wide):
    inputs = shown("source", "conditioning"), shown("conditioning", "third"), noise(2, "/b2")
    latents, _ = run(small.params(), *inputs, Guidance(0.0, 4.0), guided=True, anonymous=False)
    wanted = small.golden()["pipe_batch2_swap_g4/latents_after_step2"]
    np.testing.assert_allclose(formula.nchw(latents), wanted, atol=CLOSE)


@pytest.mark.slow
@pytest.mark.parametrize("degree", [0.0, 0.5, 1.0, 1.25])
def test_the_denoiser_at_every_degree(wide, degree):
    golden, params = small.golden(), small.params()
    source = None if degree else shown("source")
    inputs = params, source, shown("conditioning"), noise(), Guidance(degree, 4.0)
    _, references = run(*inputs, guided=True, anonymous=degree > 0)
    x = small.latents("small/latents", SHAPE)
    unet = small.made().unet
    denoise = jax.jit(lambda p, x, t, r: unet.apply({"params": p}, x, t, r))
    found = formula.nchw(denoise(params[UNET], jnp.concatenate([x, x]), jnp.array([501, 501]), references))
    for place, half in enumerate(("uncond", "cond")):
        np.testing.assert_allclose(found[place : place + 1], golden[f"degree{degree}/t501/{half}"], atol=5e-7)
    assert degree != 1.0 or np.abs(found[0] - found[1]).max() < EXACT  # nothing of the identity is left


def test_guidance_goes_past_what_the_source_changes():
    found = sampling.guide(np.float32([[1, 2], [3, 8]]), 4.0)
    np.testing.assert_array_equal(found, [[9, 26]])
    np.testing.assert_array_equal(sampling.guide(np.float32([[1, 2], [3, 8]]), 1.0), [[3, 8]])


def test_noise_of_a_face_does_not_depend_on_its_batch():
    made = small.made("float32")
    keys = jax.vmap(jax.random.key)(jnp.arange(3))
    together = sampling.draw_noise(keys, networks=made, size=64, steps=2)
    alone = sampling.draw_noise(keys[1:2], networks=made, size=64, steps=2)
    assert together.steps.shape == (2, 3, 8, 8, 4)
    np.testing.assert_array_equal(together.latents[1:2], alone.latents)
    np.testing.assert_array_equal(together.steps[:, 1:2], alone.steps)
    parts = [together.source, together.conditioning, together.latents, *together.steps]
    assert len({float(part[0, 0, 0, 0]) for part in parts}) == len(parts)
