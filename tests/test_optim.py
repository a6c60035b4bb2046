"""Our SGD against torch.optim.SGD."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch

from perface_jax import optim


def test_five_steps_are_those_of_pytorch():
    start = np.linspace(-1, 1, 6).astype(np.float32).reshape(2, 3)
    gradients = [np.cos(start * (i + 1)) for i in range(5)]

    weight = torch.nn.Parameter(torch.tensor(start))
    theirs = torch.optim.SGD([weight], lr=0.1, momentum=0.9, weight_decay=0.05)
    params = jnp.asarray(start)
    ours = optim.sgd(0.1, momentum=0.9, weight_decay=0.05)
    opt_state = ours.init(params)
    for gradient in gradients:
        weight.grad = torch.tensor(gradient)
        theirs.step()
        updates, opt_state = jax.jit(ours.update)(jnp.asarray(gradient), opt_state, params)
        params = optax.apply_updates(params, updates)
    np.testing.assert_allclose(params, weight.detach().numpy(), rtol=1e-6)
