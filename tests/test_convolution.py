"""The strided convolution against `jax.lax.conv_general_dilated` and its own derivative."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax.convolution import LAYOUT, convolve


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("side", "size"), [(8, 3), (2, 3), (8, 1), (7, 3), (7, 1)])
def test_value_and_derivatives_are_those_of_xla(side, size, stride):
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
