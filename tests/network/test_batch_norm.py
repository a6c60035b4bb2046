"""Batch norm and PReLU with their hand-written derivative, against PyTorch and against JAX's own derivative."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P

from perface_jax import parallel
from perface_jax.network import batch_norm
from perface_jax.network import kernels as kernels_module
from perface_jax.network.kernels import Kernels

CHANNELS = 5


def rows(shape=(4, 6, 3, CHANNELS), seed=0):
    """Rows whose channels differ in place and spread, and a derivative to send back."""
    random = np.random.default_rng(seed)
    x = random.normal(size=shape) * np.linspace(0.5, 3, CHANNELS) + np.linspace(-4, 4, CHANNELS)
    return x, random.normal(size=shape)


def vectors(seed=1):
    scale, bias, slope = np.random.default_rng(seed).normal(size=(3, CHANNELS))
    return scale, bias, slope


def of_batch(x, scale, bias, slope):
    return batch_norm.normalize_batch(x, scale, bias, slope, shift=jnp.zeros_like(bias))[0]


def with_derivatives(function):
    """`(dy, *inputs) -> (value, derivatives)`, as one program."""

    @jax.jit
    def both(dy, *inputs):
        value, back = jax.vjp(function, *inputs)
        return value, back(dy)

    return both


def plain(x, scale, bias, slope):
    mean, var = jnp.mean(x, (0, 1, 2), keepdims=True), jnp.var(x, (0, 1, 2), keepdims=True)
    scale, bias, slope = (vector.reshape(1, 1, 1, -1) for vector in (scale, bias, slope))
    z = (x - mean) / jnp.sqrt(var + 1e-5) * scale + bias
    return jnp.where(z > 0, z, slope * z)


@pytest.mark.parametrize("activated", [True, False])
@pytest.mark.parametrize("of_the_batch", [True, False])
def test_value_and_derivatives_are_those_of_pytorch(of_the_batch, activated):
    torch = pytest.importorskip("torch")
    (x, dy), (scale, bias, slope) = rows(), vectors()
    mean, var = np.linspace(-3, 3, CHANNELS), np.linspace(0.5, 2, CHANNELS)
    inputs = [torch.tensor(v, requires_grad=True) for v in (x.transpose(0, 3, 1, 2), scale, bias, slope)]
    running = torch.tensor(mean), torch.tensor(var)
    y = torch.nn.functional.batch_norm(inputs[0], *running, *inputs[1:3], training=of_the_batch, eps=1e-5)
    y = torch.nn.functional.prelu(y, inputs[3]) if activated else y
    y.backward(torch.tensor(dy.transpose(0, 3, 1, 2)))
    wanted = [one.grad for one in inputs[: 4 if activated else 3]]

    with jax.enable_x64(True):

        def function(x, scale, bias, slope):
            slope = slope if activated else None
            if of_the_batch:
                return batch_norm.normalize_batch(x, scale, bias, slope, shift=jnp.zeros(CHANNELS))[0]
            return batch_norm.normalize(x, jnp.array(mean), jnp.array(var), scale, bias, slope)

        found, seen = with_derivatives(function)(*(jnp.array(v) for v in (dy, x, scale, bias, slope)))
    np.testing.assert_allclose(found, y.detach().permute(0, 2, 3, 1), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(seen[0], wanted[0].permute(0, 2, 3, 1), rtol=1e-10, atol=1e-12)
    for ours, theirs in zip(seen[1:], wanted[1:], strict=False):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


def test_running_statistics_have_the_derivative_that_jax_finds_for_the_formula():
    (x, _), (scale, bias, slope) = rows(), vectors()

    def formula(mean, var):
        z = (x - mean.reshape(1, 1, 1, -1)) / jnp.sqrt(var + 1e-5).reshape(1, 1, 1, -1) * scale + bias
        return jnp.sum(jnp.where(z > 0, z, slope * z) ** 2)

    with jax.enable_x64(True):
        of = jnp.linspace(-3, 3, CHANNELS), jnp.linspace(0.5, 2, CHANNELS)
        arrays = [jnp.array(v) for v in (scale, bias, slope)]

        def ours(mean, var):
            return jnp.sum(batch_norm.normalize(jnp.array(x), mean, var, *arrays) ** 2)

        seen = jax.jit(jax.grad(ours, argnums=(0, 1)))(*of)
        with jax.numpy_rank_promotion("allow"):
            wanted = jax.jit(jax.grad(formula, argnums=(0, 1)))(*of)
    for one, other in zip(seen, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10)


def test_second_derivatives_are_those_of_the_formula():
    with jax.enable_x64(True):
        arrays = [jnp.array(v) for v in (rows()[0], *vectors())]

        def length_of_gradient(function, x):
            return jnp.sum(jax.grad(lambda x: jnp.sum(jnp.sin(function(x, *arrays[1:]))))(x) ** 2)

        losses = (functools.partial(length_of_gradient, function) for function in (of_batch, plain))
        ours, theirs = (jax.jit(jax.grad(loss))(arrays[0]) for loss in losses)
    np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-10)


def shared_gradients():
    """`(x, dy, scale, bias, slope) -> gradients`, on four devices."""
    mesh = parallel.make_mesh(devices=jax.devices()[:4])

    def local(x, dy, *vectors):
        def loss(x, *vectors):
            options = {"shift": jnp.linspace(-3, 3, CHANNELS, dtype=x.dtype), "axis_name": "data"}
            return jnp.sum(batch_norm.normalize_batch(x, *vectors, **options)[0] * dy)

        return jax.grad(loss, argnums=(0, 1, 2, 3))(x, *vectors)

    specs = (P("data"), P("data"), P(), P(), P())
    return jax.jit(jax.shard_map(local, mesh=mesh, in_specs=specs, out_specs=(P("data"), P(), P(), P())))


@pytest.mark.parametrize("platform", ["", "tpu"])
def test_statistics_shared_by_devices_are_those_of_all_rows_and_so_are_the_derivatives(platform, traced_for):
    (x, dy), (scale, bias, slope) = rows((4, 6, 4 if platform else 3, CHANNELS)), vectors()
    with jax.enable_x64(True):
        arrays = [jnp.array(v) for v in (x, dy, scale, bias, slope)]
        _, alone = with_derivatives(of_batch)(arrays[1], arrays[0], *arrays[2:])
        traced_for(platform)
        shared = shared_gradients()(*arrays)
    for ours, theirs in zip(shared, alone, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("platform", "messages"), [("cpu", 3), ("tpu", 2), ("cuda", 2)])
def test_accelerators_share_both_statistics_in_one_message(platform, messages, traced_for):
    traced_for("")
    x, dy = (jnp.array(v, jnp.float32) for v in rows())
    arrays = [x, dy, *(jnp.array(v, jnp.float32) for v in vectors())]
    text = jax.export.export(shared_gradients(), platforms=[platform])(*arrays).mlir_module()
    assert text.count("stablehlo.all_reduce") == messages + 3  # the gradients of scale, bias and slope


@pytest.mark.parametrize(("shift", "digits"), [(29.0, 2e-6), (0.0, 1e-3)])
def test_a_shift_near_the_mean_keeps_the_digits(shift, digits, traced_for):
    traced_for("tpu")
    x = np.random.default_rng(0).normal(30.0, 1.0, (32, 28, 28, CHANNELS)).astype(np.float32)
    mean, var = statistics(jnp.array(x), jnp.full(CHANNELS, shift))
    exact = x.reshape(-1, CHANNELS).astype(np.float64)
    np.testing.assert_allclose(mean, exact.mean(0), rtol=1e-6)
    np.testing.assert_allclose(var, exact.var(0), rtol=digits)
    assert np.abs(var / exact.var(0) - 1).max() > digits / 100  # the tolerance says what the shift is worth


def statistics(x, shift):
    """Mean and variance of the rows, as they come with the normalized ones."""
    return batch_norm.normalize_batch(x, jnp.ones_like(shift), shift, None, shift=shift)[1:]


def test_mean_and_variance_have_derivatives_too():
    (x, _), (scale, bias, slope) = rows(), vectors()
    with jax.enable_x64(True):
        arrays = [jnp.array(v) for v in (scale, bias, slope)]

        def ours(x):
            _, mean, var = batch_norm.normalize_batch(x, *arrays, shift=jnp.ones(CHANNELS))
            return jnp.sum(jnp.sin(mean) * jnp.exp(-var))

        def formula(x):
            return jnp.sum(jnp.sin(jnp.mean(x, (0, 1, 2))) * jnp.exp(-jnp.var(x, (0, 1, 2))))

        found, wanted = (jax.jit(jax.grad(loss))(jnp.array(x)) for loss in (ours, formula))
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-14)


def test_half_precision_rows_are_computed_in_the_dtype_of_the_vectors():
    x, dy = (jnp.array(v, jnp.bfloat16) for v in rows())
    arrays = [jnp.array(v, jnp.float32) for v in vectors()]

    def function(x, *vectors):
        return batch_norm.normalize_batch(x, *vectors, shift=jnp.zeros(CHANNELS))[0]

    y, derivatives = with_derivatives(function)(dy, x, *arrays)
    assert [y.dtype, *(one.dtype for one in derivatives)] == [jnp.bfloat16, jnp.bfloat16, *[jnp.float32] * 3]
    exact = jax.jit(of_batch)(x.astype(jnp.float32), *arrays)
    np.testing.assert_array_equal(y, exact.astype(jnp.bfloat16))


@pytest.mark.parametrize("shape", [(7, 3), (64, 56, 56, 16), (1, 3)])
def test_sums_over_many_rows_far_from_zero_keep_their_digits(shape):
    x = np.random.default_rng(0).normal(1000.0, 1.0, shape).astype(np.float32)
    mean, var = statistics(jnp.array(x), jnp.full(shape[-1], 999.0))
    exact = x.reshape(-1, shape[-1]).astype(np.float64)
    np.testing.assert_allclose(mean, exact.mean(0), rtol=1e-6)  # measured: 2e-7
    np.testing.assert_allclose(var, exact.var(0), rtol=2e-4, atol=1e-7)


@pytest.mark.parametrize("kernels", Kernels)
def test_an_accelerators_sums_give_what_the_cpus_products_give(kernels, monkeypatch):
    (x, dy), numbers = rows(), vectors()

    def function(x, *vectors):
        return batch_norm.normalize_batch(x, *vectors, shift=jnp.ones(CHANNELS), kernels=kernels)[0]

    with jax.enable_x64(True):
        arrays = [jnp.asarray(one) for one in (dy, x, *numbers)]
        on_cpu = with_derivatives(of_batch)(*arrays)
        jax.clear_caches()
        monkeypatch.setattr(kernels_module, "on_cpu", lambda ours, xla, *args: xla(*args))
        elsewhere = with_derivatives(function)(*arrays)
    jax.clear_caches()
    for one, other in zip(jax.tree.leaves(on_cpu), jax.tree.leaves(elsewhere), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)
