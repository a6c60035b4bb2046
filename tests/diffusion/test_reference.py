"""The second implementation against the original code."""

import numpy as np
import pytest

from perface_jax.diffusion import networks
from tests.diffusion import formula, small


@pytest.mark.slow
def test_the_reference_agrees_with_the_original():
    torch = pytest.importorskip("torch")
    from tests.diffusion import reference

    def normal(name, *shape):
        return torch.from_numpy(formula.normal(f"small/{name}", shape)).double()

    golden, sizes = small.golden(), small.read_settings("small").unet
    tokens = [normal(f"{name}_embeds", 2, 1, 32) for name in ("ref", "cref")]
    sines = torch.from_numpy(golden["unet/time_proj_32"][[4, 2]]).double()  # t = 500 and 7
    with torch.no_grad():
        still = reference.waves(torch.zeros(2), 32)
        found = [
            reference.unet(reference.Weights(name, ""), sizes, normal(f"{short}_sample", 2, 4, 16, 16), still, token)[1]
            for name, short, token in zip(networks.REFERENCES, ("ref", "cref"), tokens, strict=True)
        ]
        states = {name: torch.cat([one[name] for one in found], 1) for name in found[0]}
        inputs = normal("unet_sample", 2, 4, 16, 16), sines, torch.cat(tokens, 1), states
        output, _ = reference.unet(reference.Weights("unet", ""), sizes, *inputs)
    np.testing.assert_allclose(output, golden["unet/basic"], atol=1e-12)
