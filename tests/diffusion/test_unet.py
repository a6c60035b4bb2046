"""The denoiser and the ReferenceNets against the original code, in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax.diffusion.networks import CONDITIONING, SOURCE, UNET
from tests.diffusion import formula, small

SHAPE, EXACT = (2, 4, 16, 16), 1e-9
WAVES = (0, 1, 7, 334, 500, 667, 801, 996, 999)  # the timesteps of golden waves


@pytest.fixture(scope="module")
def unet():
    with jax.enable_x64(True):
        yield small.made().unet


def states(unet, network, sample, embedding):
    run = jax.jit(lambda params, *inputs: unet.apply({"params": params}, *inputs, method="states"))
    return run(small.params(network)[network], sample, embedding)


def remembered(unet, source, conditioning, embeddings):
    joined = jax.tree.map(lambda *parts: jnp.concatenate(parts, 1), source, conditioning)
    remember = jax.jit(lambda params, *inputs: unet.apply({"params": params}, *inputs, method="remember"))
    return remember(small.params(UNET)[UNET], joined, embeddings)


def denoised(unet, sample, t, references):
    run = jax.jit(lambda params, *inputs: unet.apply({"params": params}, *inputs))
    return formula.nchw(run(small.params(UNET)[UNET], sample, t, references))


@pytest.fixture(scope="module")
def embeddings(unet):
    return [small.tokens(f"small/{name}_embeds", (2, 1, 32)) for name in ("ref", "cref")]


@pytest.fixture(scope="module")
def both_states(unet, embeddings):
    samples = [small.latents(f"small/{name}_sample", SHAPE) for name in ("ref", "cref")]
    networks = zip((SOURCE, CONDITIONING), samples, embeddings, strict=True)
    return [states(unet, *inputs) for inputs in networks]


@pytest.mark.slow
@pytest.mark.parametrize(("place", "network"), [(0, SOURCE), (1, CONDITIONING)])
def test_the_seven_states_are_those_of_the_original(both_states, place, network):
    golden = small.golden()
    wanted = sorted(name for name in golden if name.startswith(f"{network}/state/"))
    assert len(wanted) == len(both_states[place]) == 7
    for block, found in both_states[place].items():
        name = f"{block.replace('blocks_', 'blocks.')}.attentions.0"
        np.testing.assert_allclose(found[:1, :4], golden[f"{network}/state/{name}"], atol=EXACT)
        mean, std, *first = golden[f"{network}/state_stats/{name}"]
        np.testing.assert_allclose([found.mean(), found.std()], [mean, std], atol=EXACT)
        np.testing.assert_allclose(np.ravel(found)[:16], first, atol=EXACT)


@pytest.mark.slow
def test_the_denoiser_is_that_of_the_original(unet, embeddings, both_states):
    golden = small.golden()
    references = remembered(unet, *both_states, jnp.concatenate(embeddings, 1))
    sample = small.latents("small/unet_sample", SHAPE)
    rows = np.array([WAVES.index(500), WAVES.index(7)])
    waves = jnp.asarray(golden["unet/time_proj_32"][rows], jnp.float64)
    np.testing.assert_allclose(denoised(unet, sample, waves, references), golden["unet/basic"], atol=EXACT)
    waves = jnp.asarray(golden["unet/time_proj_exact_32"][rows])
    exact = golden["unet/basic_time_proj_exact"]
    np.testing.assert_allclose(denoised(unet, sample, waves, references), exact, atol=EXACT)
    # PyTorch's sines in float32 are correctly rounded in 95 of 100 cases.
    found = denoised(unet, sample, jnp.array([500, 7]), references)
    np.testing.assert_allclose(found, golden["unet/basic"], atol=2e-8)


@pytest.mark.slow
def test_latents_whose_sides_are_no_multiples_of_8(unet, embeddings):
    shape = (1, 4, 12, 20)
    own = [one[:1] for one in embeddings]
    source = states(unet, SOURCE, small.latents("small/odd/source", shape), own[0])
    conditioning = states(unet, CONDITIONING, small.latents("small/odd/conditioning", shape), own[1])
    references = remembered(unet, source, conditioning, jnp.concatenate(own, 1))
    found = denoised(unet, small.latents("small/odd/sample", shape), jnp.array([123]), references)
    np.testing.assert_allclose(found, small.golden()["unet/odd_size_12x20"], atol=2e-8)
