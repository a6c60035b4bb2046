"""One training step: the golden five-step trajectory of PyTorch, and the same numbers on any number of devices."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from converters import arcface_torch, to_torch
from perface_jax import optim, parallel, state
from perface_jax.images import normalise
from perface_jax.model import iresnet
from perface_jax.step import embed_step, train_step
from tests.golden import formula

PICTURES = formula.pictures()
GOLDEN_BATCH = {  # 0-3 references, 4-7 positives, 8-11 negatives
    "images": np.stack([PICTURES[:4], PICTURES[4:8], PICTURES[8:]], axis=1),
    "weight": np.ones(4, np.float32),
}


@functools.cache
def _program(model, optimizer, devices, *, margin=0.5, train_norms=True):
    mesh = parallel.data_mesh(jax.devices()[:devices])
    step = functools.partial(train_step, model=model, optimizer=optimizer, margin=margin, train_norms=train_norms)
    return parallel.spmd(step, mesh), mesh


def _keep_gradients():
    """Passes gradients on and keeps them as its state."""
    return optax.GradientTransformation(
        lambda params: jax.tree.map(jnp.zeros_like, params), lambda gradients, _, params: (gradients, gradients)
    )


@pytest.mark.parametrize("devices", [1, 4])
def test_five_steps_of_r18_follow_the_trajectory_of_pytorch(devices):
    state_dict, golden = formula.state_dict("r18"), dict(np.load(formula.FOLDER / "train_r18_float64.npz"))
    model, variables = arcface_torch.recognise(state_dict), arcface_torch.convert(state_dict)
    optimizer = optax.chain(_keep_gradients(), optim.sgd(1e-3))
    program, mesh = _program(model, optimizer, devices)
    current = parallel.replicate(state.create(variables, optimizer), mesh)
    batch, losses, gradients = parallel.to_global(GOLDEN_BATCH, mesh), [], None
    for _ in range(5):
        current, sums = program(current, batch)
        losses.append(float(sums["loss"] / sums["count"]))
        gradients = gradients or jax.device_get(current.opt_state[0])
    np.testing.assert_allclose(losses, golden["losses"], rtol=0, atol=2e-5)  # measured: 2e-7

    after = jax.device_get(current.variables)
    _check_gradients(to_torch.to_state_dict(model, {**after, "params": gradients}), golden)
    _check_weights(to_torch.to_state_dict(model, after), golden)
    embeddings = jax.jit(model.apply)(after, normalise(PICTURES))
    scale = np.abs(golden["after_embeddings"]).max()
    np.testing.assert_allclose(embeddings, golden["after_embeddings"], rtol=0, atol=1e-4 * scale)


def _check_gradients(gradients, golden):
    largest = max(value for key, value in golden.items() if key.startswith("grad_norm/"))
    for key, value in golden.items():
        kind, _, name = key.partition("/")
        if kind == "grad_norm":
            # Biases that the next norm removes have gradient zero; in float32 that is noise of this size.
            is_zero = value < 1e-9 * largest
            norm = np.linalg.norm(gradients[name])
            np.testing.assert_allclose(norm, value, rtol=1e-4, atol=1e-6 * largest if is_zero else 0, err_msg=name)
        if kind == "grad":
            # Single values of small tensors: PyTorch's own float32 is up to 4e-4 of this scale away from its float64.
            scale = max(np.abs(value).max(), 1e-2 * largest / np.sqrt(value.size))
            np.testing.assert_allclose(gradients[name].ravel(), value.ravel(), atol=1e-3 * scale, err_msg=name)


def _check_weights(tensors, golden):
    for key, value in golden.items():
        kind, _, name = key.partition("/")
        if name.endswith("num_batches_tracked"):
            continue
        if kind == "after":
            np.testing.assert_allclose(tensors[name], value, rtol=0, atol=1e-5, err_msg=name)
        if kind == "after_norm":
            np.testing.assert_allclose(np.linalg.norm(tensors[name]), value, rtol=1e-4, err_msg=name)


SGD = optim.sgd(1e-3)


def _small(dtype=jnp.float32):
    model = iresnet(layers=(1, 1, 1, 1), width=4, image_size=32, embedding_size=16, dtype=dtype, param_dtype=dtype)
    variables = formula.variables(model, dtype)
    random = np.random.default_rng(1)
    images = random.integers(0, 256, (16, 3, 32, 32, 3)).astype(np.uint8)
    return model, variables, {"images": images, "weight": np.ones(16, np.float32)}


def _five_steps(model, variables, batch, devices, **options):
    program, mesh = _program(model, SGD, devices, **options)
    current, losses = parallel.replicate(state.create(variables, SGD), mesh), []
    for _ in range(5):
        current, sums = program(current, parallel.to_global(batch, mesh))
        losses.append(float(sums["loss"]))
    return jax.device_get((current.params, current.batch_stats)), losses


def _assert_close_to_largest(seen, wanted, tolerance):
    """Every leaf within `tolerance` of its largest absolute value (of 1e-3, where it is as good as zero)."""

    def scaled(tree):
        return jax.tree.map(lambda x, w: x / max(np.abs(w).max(), 1e-3), tree, wanted)

    chex.assert_trees_all_close(scaled(seen), scaled(wanted), rtol=0, atol=tolerance)


@pytest.mark.parametrize("train_norms", [True, False])
def test_eight_devices_and_one_take_the_same_five_steps(train_norms):
    one, one_losses = _five_steps(*_small(), 1, train_norms=train_norms)
    eight, eight_losses = _five_steps(*_small(), 8, train_norms=train_norms)
    np.testing.assert_allclose(eight_losses, one_losses, rtol=1e-5)
    assert min(one_losses) > 0  # the hinge is active in every step

    _assert_close_to_largest(eight, one, 1e-4)


def test_in_float64_eight_devices_and_one_agree_to_the_last_digits():
    with jax.enable_x64(True):
        one, one_losses = _five_steps(*_small(jnp.float64), 1)
        eight, eight_losses = _five_steps(*_small(jnp.float64), 8)
    np.testing.assert_allclose(eight_losses, one_losses, rtol=1e-9)
    _assert_close_to_largest(eight, one, 1e-9)


def test_padded_rows_count_nowhere_when_the_norms_are_frozen():
    model, variables, batch = _small()
    padded = {"images": batch["images"], "weight": np.float32([1] * 8 + [0] * 8)}
    half = {name: array[:8] for name, array in batch.items()}
    whole, losses = _five_steps(model, variables, padded, 8, train_norms=False)
    alone, alone_losses = _five_steps(model, variables, half, 8, train_norms=False)
    np.testing.assert_allclose(losses, alone_losses, rtol=1e-5)
    chex.assert_trees_all_close(whole, alone, rtol=0, atol=1e-6)


def test_frozen_norms_keep_their_running_statistics():
    model, variables, batch = _small()
    (_, batch_stats), _ = _five_steps(model, variables, batch, 1, train_norms=False)
    chex.assert_trees_all_equal(batch_stats, variables["batch_stats"])


def test_embedding_uses_the_running_statistics():
    model, variables, batch = _small()
    images = batch["images"][:, 0]
    together = jax.jit(functools.partial(embed_step, model=model))(variables, images)
    alone = jax.jit(functools.partial(embed_step, model=model))(variables, images[:1])
    np.testing.assert_allclose(together[:1], alone, atol=1e-5)
