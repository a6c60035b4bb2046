"""Training loss and gradients against the original code, in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

from converters import diffusers_keys
from perface_jax.diffusion import objective
from perface_jax.diffusion.networks import ENCODER, PICTURES, REFERENCES, UNET, abstract_params
from perface_jax.diffusion.objective import Draws, Triple
from perface_jax.diffusion.sampling import Shown
from tests.diffusion import small, tiny

PICTURE, CROP, LATENTS = (4, 3, 128, 128), (4, 3, 56, 56), (4, 4, 16, 16)


def inputs():
    shown = (
        Shown(small.pictures(f"small/train/{name}", PICTURE), small.latents(f"small/train/clip_{name}", CROP))
        for name in ("source", "conditioning")
    )
    names = ("vae_noise/gt", "vae_noise/source", "vae_noise/conditioning", "noise")
    drawn = (small.latents(f"small/train/{name}", LATENTS) for name in names)
    draws = Draws(*drawn, jnp.array([999, 500, 17, 250]), jnp.array([False, True, False, False]))
    return Triple(small.pictures("small/train/gt", PICTURE), *shown), draws


@pytest.mark.slow
def test_loss_and_gradients_are_those_of_the_original():
    golden = small.golden()
    with jax.enable_x64(True):
        made, params = small.made(), small.params()

        def loss(params, batch, draws):
            losses = objective.training_loss(made, params, batch, draws)
            return losses.mean(), losses

        run = jax.jit(jax.value_and_grad(loss, has_aux=True))
        (found, losses), gradients = run(params, *inputs())
        np.testing.assert_allclose(losses, golden["train/per_sample_mse"], rtol=1e-6)
        np.testing.assert_allclose(found, golden["train/loss"][0], rtol=1e-6)
        for name in (PICTURES, ENCODER):
            assert not any(np.any(leaf) for leaf in jax.tree.leaves(gradients[name]))
        for name in (UNET, *REFERENCES):
            check_gradients(made, name, gradients, golden)


@pytest.mark.slow
def test_weights_by_signal_to_noise_are_those_of_the_original():
    golden, made, shape = small.golden(), tiny.made(), (4, tiny.SIZE, tiny.SIZE, 3)
    shown = Shown(jnp.zeros(shape), jnp.zeros((4, 28, 28, 3)))
    draws = objective.draw(jax.random.key(0), 4, networks=made, size=tiny.SIZE)
    draws = draws._replace(timestep=jnp.array([999, 500, 17, 250]))

    def losses(params):
        given = made, params, Triple(shown.pictures, shown, shown), draws
        return objective.training_loss(*given), objective.training_loss(*given, snr_gamma=5.0)

    plain, weighed = jax.jit(losses)(tiny.params())
    np.testing.assert_allclose(weighed / plain, golden["train/snr_weights"], rtol=1e-5)
    mean = (golden["train/per_sample_mse"] * golden["train/snr_weights"]).mean()
    np.testing.assert_allclose(mean, golden["train/loss_snr_gamma5"][0], rtol=1e-6)


def check_gradients(made, name, gradients, golden):
    flat, mask = (traverse_util.flatten_dict(tree[name]) for tree in (gradients, objective.trained(gradients)))
    total = np.sqrt(sum(float(jnp.sum(leaf**2)) for path, leaf in flat.items() if mask[path]))
    np.testing.assert_allclose(total, golden[f"grad/{name}/total_norm"][0], rtol=2e-6)
    tensors = diffusers_keys.tensors_of(made, name)
    for key in golden:
        which = key.removeprefix(f"grad/{name}/")
        if which not in tensors or which == key:
            continue
        gradient = np.asarray(flat[tensors[which].path])
        gradient = gradient.T if gradient.ndim == 2 else gradient
        gradient = gradient.transpose(3, 2, 0, 1) if gradient.ndim == 4 else gradient
        norm, mean, std, *first = golden[key]
        np.testing.assert_allclose([np.linalg.norm(gradient), gradient.std()], [norm, std], rtol=2e-6)
        np.testing.assert_allclose(gradient.ravel()[:8], [x for x in first if np.isfinite(x)], atol=2e-6 * norm)
        np.testing.assert_allclose(gradient.mean(), mean, atol=2e-6 * norm)


@pytest.mark.slow
def test_the_trained_parameters_are_those_of_the_original():
    made = small.made("float32", "real")
    shapes = {name: abstract_params(made, name) for name in (UNET, *REFERENCES, PICTURES)}
    mask = objective.trained(shapes)
    assert all(jax.tree.leaves(mask[UNET]))
    assert not any(jax.tree.leaves(mask[PICTURES]))
    sizes = jax.tree.map(lambda leaf, kept: int(np.prod(leaf.shape)) * kept, shapes, mask)
    # 248,798,400 in the original, less those behind the last state and the queries and keys of one token.
    assert 0 < sum(jax.tree.leaves(sizes[REFERENCES[0]])) < 248_798_400


def test_draws_hide_about_as_many_sources_as_asked():
    draws = objective.draw(jax.random.key(0), 1000, networks=small.made("float32"), size=8, drop=0.1)
    assert 60 < int(draws.dropped.sum()) < 140
    assert 0 <= int(draws.timestep.min()) < 20 < 980 < int(draws.timestep.max()) <= 999
