"""The cosine triplet loss: hand-worked rows, its gradient, and PyTorch's version of it."""

import jax
import jax.numpy as jnp
import numpy as np
import torch

from perface_jax import losses

# cos(x, x+) and cos(x, x-) by hand: row 0: 0.6, 0.8; row 1: 1, 0; row 2: 0.8, 0.75 / 0.85 -> below.
REFERENCE = jnp.array([[1.0, 0.0], [0.0, 2.0], [1.0, 0.0]])
POSITIVE = jnp.array([[3.0, 4.0], [0.0, 5.0], [4.0, 3.0]])
NEGATIVE = jnp.array([[4.0, 3.0], [7.0, 0.0], [15.0, 8.0]])


def test_the_loss_is_the_hinge_of_equation_1_per_triplet():
    # .8 - .6 + .1 = .3;  0 - 1 + .1 < 0;  15/17 - .8 + .1 = .182353
    loss = losses.cosine_triplet(REFERENCE, POSITIVE, NEGATIVE)
    np.testing.assert_allclose(loss, [0.3, 0, 0.18235294], atol=1e-6)


def test_a_larger_margin_adds_up_until_the_hinge():
    loss = losses.cosine_triplet(REFERENCE, POSITIVE, NEGATIVE, margin=1.5)
    np.testing.assert_allclose(loss, [1.7, 0.5, 1.58235294], atol=1e-6)


def test_the_gradient_agrees_with_pytorch(key):
    arrays = [np.asarray(jax.random.normal(next(key), (6, 8))) for _ in range(3)]
    ours = jax.grad(lambda *x: losses.cosine_triplet(*x, margin=0.3).sum(), (0, 1, 2))(*arrays)

    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    cosine = torch.nn.functional.cosine_similarity
    reference, positive, negative = tensors
    torch.clamp(cosine(reference, negative) - cosine(reference, positive) + 0.3, min=0).sum().backward()
    for gradient, tensor in zip(ours, tensors, strict=True):
        np.testing.assert_allclose(gradient, tensor.grad.numpy(), atol=1e-6)


def test_a_collapsed_embedding_gives_finite_gradients():
    zeros = jnp.zeros((1, 4))
    loss, gradient = jax.value_and_grad(lambda x: losses.cosine_triplet(x, x, x).sum())(zeros)
    np.testing.assert_allclose(loss, 0.1, rtol=1e-6)
    assert jnp.isfinite(gradient).all()


def test_leading_dimensions_are_free(key):
    x = jax.random.normal(next(key), (3, 2, 5, 8))
    np.testing.assert_allclose(jax.vmap(losses.cosine_triplet)(*x), losses.cosine_triplet(*x), atol=1e-6)
