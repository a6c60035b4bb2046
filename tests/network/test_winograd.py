"""Winograd's convolution and its derivatives against XLA's, and how few digits they lose."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from perface_jax import parallel
from perface_jax.network import convolution, winograd


def plain(x, kernel):
    return jax.lax.conv_general_dilated(x, kernel, (1, 1), ((1, 1), (1, 1)), dimension_numbers=convolution.LAYOUT)


def by_xla(x, kernel, dy):
    y, back = jax.vjp(plain, x, kernel)
    return y, *back(dy)


def by_winograd(x, kernel, dy):
    return winograd.convolve(x, winograd.transform(kernel)), *winograd.derivatives(x, kernel, dy)


def both(dtype, shape, features):
    """Value and derivatives by Winograd, and by XLA in float64."""
    random = np.random.default_rng(0)
    arrays = [random.normal(size=size) for size in (shape, (3, 3, shape[-1], features), (*shape[:3], features))]
    with jax.enable_x64(True):
        x, kernel, dy = map(jnp.array, arrays)
        wanted = jax.jit(by_xla)(x, kernel, dy)
        found = jax.jit(by_winograd)(*(array.astype(dtype) for array in arrays))
    return [(np.asarray(one, np.float64), np.asarray(other)) for one, other in zip(found, wanted, strict=True)]


@pytest.mark.parametrize("shape", [(2, 4, 6, 3), (1, 2, 2, 5), (3, 14, 14, 2), (5, 7, 5, 3), (24, 14, 14, 3)])
def test_it_is_the_convolution_with_its_derivatives(shape):
    for found, wanted in both(np.float64, shape, 4):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-13 * np.abs(wanted).max())


def test_float32_loses_next_to_no_digits():
    for found, wanted in both(np.float32, (2, 14, 14, 256), 16):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-6 * np.abs(wanted).max())  # measured: 5e-7


@pytest.mark.parametrize(("pictures", "at_once"), [(96, 8), (8, 8), (7, 7), (11, 1), (0, 0)])
def test_as_many_pictures_at_a_time_as_share_the_batch_and_have_few_tiles(pictures, at_once):
    x, transformed = jnp.zeros((pictures, 14, 14, 2)), jnp.zeros((4, 4, 2, 3))
    assert winograd._cut(x).shape == (pictures // max(at_once, 1) or 1, at_once, 14, 14, 2)
    assert winograd.convolve(x, transformed).shape == (pictures, 14, 14, 3)


def test_numpy_kernels_stay_as_exact_as_they_are():
    kernel = np.random.default_rng(0).normal(size=(3, 3, 2, 2))
    found = winograd.transform(kernel)
    assert isinstance(found, np.ndarray)
    matrix = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
    np.testing.assert_allclose(found, np.einsum("ai,bj,ijcd->abcd", matrix, matrix, kernel), rtol=1e-14)


def test_it_is_chosen_for_many_channels_without_loss_of_digits_only():
    wide, narrow = (3, 3, 128, 256), (3, 3, 64, 128)
    assert winograd.suits(wide, jnp.float32)
    assert not any((winograd.suits(wide, jnp.bfloat16), winograd.suits(narrow, jnp.float32)))


def loss(kernel, x, convolve=lambda x, kernel: convolution.convolve(x, kernel, (1, 1), ((1, 1), (1, 1)))):
    return jnp.mean(jnp.square(convolve(x, kernel)))


def mapped(function, replicas, data, *, pmap):
    """The function on the devices of a mesh; of each replica, `data` devices share the images."""
    axes, devices = (parallel.REPLICA, parallel.DATA), jax.devices()[: replicas * data]
    if pmap:
        parts = jax.pmap(lambda kernel, x: jax.lax.psum(function(kernel, x), axes[1]), axes[1], in_axes=(None, 0))
        return lambda kernel, x: parts(kernel, x.reshape(data, -1, *x.shape[1:]))
    mesh, specs = parallel.make_mesh(replicas, data=data, devices=devices), (PartitionSpec(), PartitionSpec(axes))
    return jax.shard_map(
        lambda kernel, x: jax.lax.psum(function(kernel, x), axes), mesh=mesh, in_specs=specs, out_specs=PartitionSpec()
    )


@pytest.mark.parametrize(("replicas", "data", "pmap"), [(1, 1, False), (1, 4, False), (2, 2, False), (1, 4, True)])
@pytest.mark.parametrize(("images", "wanted"), [(16, [0, 0]), (32, [2, 1])])
def test_it_is_chosen_by_the_images_of_all_devices_that_share_a_batch(images, wanted, replicas, data, pmap, traced_for):
    traced_for("")
    kernel, x = jnp.zeros((3, 3, 128, 128)), jnp.zeros((replicas * images, 4, 4, 128))
    programs = [jax.make_jaxpr(mapped(f, replicas, data, pmap=pmap))(kernel, x) for f in (jax.grad(loss), loss)]
    assert [str(program).count("scan[") for program in programs] == wanted


def test_gradients_are_the_same_on_several_devices():
    random = np.random.default_rng(0)
    x, kernel = (jnp.float32(random.normal(size=size)) for size in ((64, 4, 4, 128), (3, 3, 128, 128)))
    wanted = jax.jit(jax.grad(lambda kernel, x: loss(kernel, x, plain)))(kernel, x)
    specs = PartitionSpec(), PartitionSpec("data")
    mesh = parallel.make_mesh(data=2, devices=jax.devices()[:2])
    shared = jax.shard_map(jax.grad(loss), mesh=mesh, in_specs=specs, out_specs=PartitionSpec())
    for found in (jax.jit(jax.grad(loss))(kernel, x), jax.jit(shared)(kernel, x) / 2):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


def test_second_derivatives_are_those_of_the_convolution(monkeypatch):
    monkeypatch.setattr(winograd, "suits", lambda *_, **__: True)
    random = np.random.default_rng(0)
    with jax.enable_x64(True):
        x, kernel = (jnp.array(random.normal(size=size)) for size in ((2, 4, 4, 2), (3, 3, 2, 3)))

        def slope(convolve):
            return lambda x, kernel: jnp.sum(jnp.square(jax.grad(lambda x: jnp.sum(convolve(x, kernel) ** 3))(x)))

        ways = lambda x, kernel: convolution._convolve(x, kernel, 1), plain
        found, wanted = (jax.jit(jax.grad(slope(convolve), argnums=(0, 1)))(x, kernel) for convolve in ways)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12 * np.abs(other).max())
