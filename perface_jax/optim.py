"""Optimisers. What may be optimised is the collection `params`; `constants` and `batch_stats` never come here."""

import optax


def sgd(learning_rate: float, *, momentum: float = 0.9, weight_decay: float = 5e-4) -> optax.GradientTransformation:
    """Stochastic gradient descent as PyTorch does it: decay joins the gradient, then momentum, then the learning rate.

    `g <- g + weight_decay * w;  v <- momentum * v + g;  w <- w - learning_rate * v`. Every parameter decays, norms and
    slopes too, as in the paper's setting.

    Args:
      learning_rate: step size, > 0; the paper uses 0.01.
      momentum: in [0, 1).
      weight_decay: at least 0.

    Returns:
      the optax transformation.

    Source: torch.optim.SGD; PerFace (ICIP 2025), section 4.1.
    """
    return optax.chain(optax.add_decayed_weights(weight_decay), optax.sgd(learning_rate, momentum=momentum))
