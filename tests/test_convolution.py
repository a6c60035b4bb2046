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
