"""Votes that resemble the released file, and files with columns in other row orders."""

import numpy as np

from perface_jax.annotations import GridOrder


def simulated_cells(rng, sources: int = 80, targets: int = 80, columns: int = 3) -> np.ndarray:
    """Votes like those of the real file, in target-major order.

    P(b) = 1 / (1 + exp(-(u_source + e_cell))), u ~ N(0, 1.9^2), e ~ N(0, .3^2), columns independent given that.
    """
    logit = rng.normal(0, 1.9, (1, sources, 1)) + rng.normal(0, 0.3, (targets, sources, 1))
    votes = rng.random((targets, sources, columns)) < 1 / (1 + np.exp(-logit))
    return votes.reshape(-1, columns).astype(np.int8)


def in_order(cell_votes: np.ndarray, *orders: GridOrder) -> np.ndarray:
    """Each column written down in its own order."""
    out = np.empty_like(cell_votes)
    for k, order in enumerate(orders):
        out[order.positions(), k] = cell_votes[:, k]
    return out
