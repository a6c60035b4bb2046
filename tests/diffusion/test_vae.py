"""The autoencoder against the original code, in float64."""

import jax
import numpy as np
import pytest

from perface_jax.diffusion.networks import PICTURES
from tests.diffusion import formula, small

EXACT = 1e-9


@pytest.mark.slow
def test_posterior_and_pictures_are_those_of_the_original():
    golden = small.golden()
    with jax.enable_x64(True):
        vae, params = small.made().vae, {"params": small.params(PICTURES)[PICTURES]}
        encode = jax.jit(lambda variables, x: vae.apply(variables, x, method="encode"))
        found = encode(params, small.pictures("small/vae_x", (2, 3, 128, 128)))
        np.testing.assert_allclose(formula.nchw(found.mean), golden["vae/mean"], atol=EXACT)
        np.testing.assert_allclose(formula.nchw(found.log_variance), golden["vae/logvar"], atol=EXACT)
        sample = found.sample(small.latents("small/vae_noise", (2, 4, 16, 16)))
        np.testing.assert_allclose(formula.nchw(sample), golden["vae/sample"], atol=EXACT)
        decode = jax.jit(lambda variables, z: vae.apply(variables, z, method="decode"))
        picture = formula.nchw(decode(params, small.latents("small/vae_z", (1, 4, 16, 16))))
        np.testing.assert_allclose(picture[..., 40:72, 40:72], golden["vae/decode"], atol=EXACT)
