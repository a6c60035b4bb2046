"""The image encoder against the original code, in float64."""

import jax
import numpy as np

from perface_jax.diffusion.networks import ENCODER
from tests.diffusion import small


def test_embeddings_are_those_of_the_original():
    golden = small.golden()
    with jax.enable_x64(True):
        encoder, params = small.made().encoder, {"params": small.params(ENCODER)[ENCODER]}
        x = small.latents("small/clip_x", (2, 3, 56, 56))
        found = jax.jit(lambda variables, x: encoder.apply(variables, x))(params, x)
        np.testing.assert_allclose(found, golden["clip/pooler_output"], atol=1e-9)
        hidden = jax.jit(lambda variables, x: encoder.apply(variables, x, method="hidden"))(params, x)
        np.testing.assert_allclose(hidden, golden["clip/last_hidden_state"], atol=1e-9)
