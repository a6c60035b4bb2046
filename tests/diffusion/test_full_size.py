"""The networks in full size, in float32, against the original code; one network in memory at a time.

8 GiB of memory, and 6 minutes on 2 cores: most of it draws the formula weights.
"""

import functools
import gc

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from converters import diffusers_keys
from perface_jax.diffusion.networks import ENCODER, PICTURES, REFERENCES, UNET
from tests.diffusion import formula, small

CLOSE = 2e-5


class Drawn:
    """A formula weight, drawn when its numbers are wanted."""

    def __init__(self, network, key, shape):
        self.shape, self._make = tuple(shape), functools.partial(formula.weight, network, key, tuple(shape))

    def __array__(self, dtype=None, copy=None):
        return self._make()


@functools.cache
def golden():
    return dict(np.load(formula.GOLDEN / "full.npz"))


def params(name):
    tensors = {key: Drawn(name, key, shape) for key, shape in small.read_keys("real", name).items()}
    return {"params": diffusers_keys.fill(small.made("float32", "real"), name, tensors).params}


def latents(name, side):
    return small.latents(f"full/{name}/sample{side}", (1, 4, side, side), "float32")


def embedding(name):
    return small.tokens(f"full/{name}/embeds", (1, 1, 1024), "float32")


@pytest.mark.slow
def test_the_image_encoder():
    found = small.made("float32", "real").encoder.apply(
        params(ENCODER), small.latents("full/clip/x", (2, 3, 224, 224), "float32")
    )
    np.testing.assert_allclose(found, golden()["float64/clip/pooler_output"], atol=CLOSE)


@pytest.mark.slow
def test_the_autoencoder():
    vae, variables = small.made("float32", "real").vae, params(PICTURES)
    for side, dtype in ((32, "float64"), (64, "float32")):
        found = vae.apply(
            variables, small.pictures(f"full/vae/x{8 * side}", (1, 3, 8 * side, 8 * side), "float32"), method="encode"
        )
        mean, wanted = formula.nchw(found.mean), golden()[f"{dtype}/L{side}/vae/mean"]
        cut = slice(24, 40) if side == 64 else slice(None)
        np.testing.assert_allclose(mean[..., cut, cut], wanted, atol=CLOSE)
        z = small.latents(f"full/vae/z{side}", (1, 4, side, side), "float32")
        picture = formula.nchw(vae.apply(variables, z, method="decode"))
        np.testing.assert_allclose(picture[0, :, -32:, -32:], golden()[f"{dtype}/L{side}/vae/decode_crop"], atol=CLOSE)


@pytest.mark.slow
def test_both_reference_nets_and_the_denoiser():
    unet, states = small.made("float32", "real").unet, {}
    for name in REFERENCES:
        variables = params(name)
        run = jax.jit(functools.partial(unet.apply, method="states"))
        for side in (32, 64):
            states[name, side] = jax.block_until_ready(run(variables, latents(name, side), embedding(name)))
            check_states(states[name, side], f"{'float64' if side == 32 else 'float32'}/L{side}/{name}")
        del variables, run
        gc.collect()
    context = jnp.concatenate([embedding(name) for name in REFERENCES], 1)
    variables = params(UNET)
    remember, denoise = jax.jit(functools.partial(unet.apply, method="remember")), jax.jit(unet.apply)
    for side, times, dtype in ((32, (996, 501, 1), "float64"), (64, (501,), "float32")):
        both = (states[name, side] for name in REFERENCES)
        joined = jax.tree.map(lambda *parts: jnp.concatenate(parts, 1), *both)
        references = remember(variables, joined, context)
        for t in times:
            found = formula.nchw(denoise(variables, latents(UNET, side), jnp.array([t]), references))
            cut = slice(24, 40) if side == 64 else slice(None)
            wanted = golden()[f"{dtype}/L{side}/unet/t{t}/output"]
            np.testing.assert_allclose(found[..., cut, cut], wanted, atol=CLOSE)


def check_states(found, prefix):
    names = [name.replace(".attentions.0", "").replace(".", "_") for name in golden()["state_names"]]
    assert sorted(found) == sorted(names)
    for name, (mean, std, *first) in zip(names, golden()[f"{prefix}/state_stats"], strict=True):
        state = np.asarray(found[name], np.float64)
        np.testing.assert_allclose([state.mean(), state.std()], [mean, std], atol=CLOSE)
        np.testing.assert_allclose(state.ravel()[:64], first, atol=CLOSE)
