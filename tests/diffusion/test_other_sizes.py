"""Whole runs with weights, widths, depths and sizes that the golden values lack, against `reference`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from converters import diffusers_keys
from perface_jax.diffusion import networks, sampling, settings
from perface_jax.diffusion.sampling import Guidance, Noise, Shown
from tests.diffusion import formula

# A run differs by the schedule, which is float32 here.
CLOSE = 3e-6
STEPS = 2
ENCODER = settings.EncoderSettings(width=24, hidden=56, layers=2, heads=3, patch=7, size=28)
SMALL = settings.Settings(
    settings.UNetSettings((16, 24, 32), (2, 3, 4), (True, True, False), (False, True, True), 1, 4, context=24),
    settings.VAESettings((8, 12, 16), layers=1, groups=4),
    ENCODER,
)
DEEP = settings.Settings(
    settings.UNetSettings((16, 16, 24, 24), (4, 2, 2, 3), layers=3, groups=8, context=24),
    settings.VAESettings((8, 8, 16, 24), layers=3, groups=8),
    ENCODER,
)


def filled(made, name, salt):
    shapes = {key: tensor.torch_shape for key, tensor in diffusers_keys.tensors_of(made, name).items()}
    tree = diffusers_keys.fill(made, name, formula.state_dict(name, shapes, salt)).params
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), tree)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sizes", "side", "salt", "degree", "scale"),
    [(SMALL, (36, 36), "salt/", 0.7, 3.0), (DEEP, (56, 56), "other/", 1.25, 4.0)],
)
def test_a_run_with_other_weights_and_sizes(sizes, side, salt, degree, scale):
    torch = pytest.importorskip("torch")
    from tests.diffusion import reference

    count, factor = 2, sizes.vae.factor
    picture, crop = formula.picture(f"{salt}x", (count, 3, *side)), formula.normal(f"{salt}c", (count, 3, 28, 28))
    noise = formula.normal(f"{salt}n", (3 + STEPS, count, 4, *(n // factor for n in side)))
    wide = (torch.from_numpy(one).double() for one in (picture, crop, noise))
    with torch.no_grad():
        wanted = reference.generate(sizes, salt, *wide, (501, 1), degree, scale).numpy()
    with jax.enable_x64(True):
        made = networks.Networks(sizes, jnp.dtype("float64"))
        params = {name: filled(made, name, salt) for name in networks.NAMES}
        pictures, crops, drawn = (jnp.asarray(formula.nhwc(one), "float64") for one in (picture, crop, noise))
        run = jax.jit(lambda *given: sampling.generate(made, *given))
        found = run(params, None, Shown(pictures, crops), Noise(*drawn[:3], drawn[3:]), Guidance(degree, scale))
    np.testing.assert_allclose(formula.nchw(found), wanted, atol=CLOSE)
