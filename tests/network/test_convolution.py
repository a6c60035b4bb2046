"""Convolutions against `jax.lax.conv_general_dilated` and its own derivative."""

import itertools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from perface_jax.network import convolution
from perface_jax.network.convolution import LAYOUT, convolve
from perface_jax.parallel import make_mesh


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("side", "size"), [(8, 3), (2, 3), (8, 1), (7, 3), (7, 1)])
def test_value_and_derivatives_are_those_of_xla(side, size, stride, elsewhere, monkeypatch):
    if elsewhere:  # the branch of programs for other platforms, run here
        jax.clear_caches()
        monkeypatch.setattr(convolution, "on_cpu", lambda ours, xla, *args: xla(*args))
    random = np.random.default_rng(0)
    edge = size // 2
    geometry = (stride, stride), ((edge, edge), (edge, edge))

    def xla(x, kernel):
        return jax.lax.conv_general_dilated(x, kernel, *geometry, dimension_numbers=LAYOUT)

    with jax.enable_x64(True):
        arrays = [jnp.array(random.normal(size=shape)) for shape in [(2, side, side + 2, 3), (size, size, 3, 4)]]
        ours, back = jax.vjp(lambda x, kernel: convolve(x, kernel, *geometry), *arrays)
        theirs, back_theirs = jax.vjp(xla, *arrays)
        dy = jnp.array(random.normal(size=ours.shape))
        pairs = [(ours, theirs), *zip(back(dy), back_theirs(dy), strict=True)]
    for one, other in pairs:
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)
    if elsewhere:
        jax.clear_caches()


@pytest.mark.parametrize(
    ("padding", "options"),
    [
        (((3, 3), (3, 3)), {}),
        (((1, 1), (1, 1)), {"feature_group_count": 3}),
        (((2, 2), (2, 2)), {"rhs_dilation": (2, 2)}),
    ],
)
@pytest.mark.parametrize("size", [1, 3])
def test_other_strided_convolutions_are_left_to_xla(size, padding, options):
    random, groups = np.random.default_rng(0), options.get("feature_group_count", 1)
    x, kernel = random.normal(size=(1, 8, 8, 3)), random.normal(size=(size, size, 3 // groups, 6))
    found = convolve(jnp.float32(x), jnp.float32(kernel), (2, 2), padding, **options)
    wanted = jax.lax.conv_general_dilated(
        jnp.float32(x), jnp.float32(kernel), (2, 2), padding, dimension_numbers=LAYOUT, **options
    )
    np.testing.assert_array_equal(found, wanted)


def test_replicated_kernels_have_the_sum_of_the_devices_gradients():
    random = np.random.default_rng(0)
    x, mesh = jnp.float32(random.normal(size=(4, 8, 8, 3))), make_mesh(data=4, devices=jax.devices()[:4])
    for size, stride in itertools.product((1, 3), (1, 2)):
        kernel, edge = jnp.float32(random.normal(size=(size, size, 3, 2))), size // 2

        def loss(kernel, x, stride=stride, edge=edge):
            return jnp.sum(jnp.square(convolve(x, kernel, (stride, stride), ((edge, edge), (edge, edge)))))

        specs = PartitionSpec(), PartitionSpec("data")
        shared = jax.jit(jax.shard_map(jax.grad(loss), mesh=mesh, in_specs=specs, out_specs=PartitionSpec()))
        np.testing.assert_allclose(shared(kernel, x), jax.jit(jax.grad(loss))(kernel, x), rtol=1e-4, atol=1e-3)


def test_an_option_that_says_something_else_is_left_to_xla():
    x, kernel = jnp.ones((1, 4, 4, 2), jnp.bfloat16), jnp.ones((3, 3, 2, 2), jnp.bfloat16)
    found = convolve(x, kernel, (1, 1), ((1, 1), (1, 1)), preferred_element_type=jnp.float32)
    assert found.dtype == jnp.float32
    assert convolve(x, kernel, (1, 1), ((1, 1), (1, 1))).dtype == jnp.bfloat16


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("stride", [1, 2])
def test_within_a_loop_no_convolution_is_left_in_an_order_of_axes_that_is_slow_on_cpus(stride, size, traced_for):
    traced_for("")
    x, kernel = jnp.zeros((2, 4, 8, 8, 3)), jnp.zeros((2, size, size, 3, 5))
    geometry = (stride, stride), ((size // 2, size // 2),) * 2

    def loss(x, kernel):
        return jnp.sum(jnp.square(convolve(x, kernel, *geometry)))

    gradients = jax.grad(loss, argnums=(0, 1))
    looped = jax.jit(lambda x, kernel: jax.lax.map(lambda one: gradients(*one), (x, kernel)))
    text = looped.lower(x, kernel).compile().as_text()
    found = re.findall(r"convolution\(.*dim_labels=(\S+?)[,\s]", text)
    assert "while(" in text
    assert set(found) == {"b01f_01io->b01f"}
