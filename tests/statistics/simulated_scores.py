"""Scores of crossed sources and targets with a known mean, for coverage and size; many data sets at once."""

import numpy as np
from scipy.stats import norm

MEAN = 0.75
WORLDS = {  # the shares of source, target and rest-with-both in a normal variable that decides the votes
    "source": (0.6, 0.0, 0.0),
    "source and target": (0.4, 0.3, 0.0),
    "interaction": (0.0, 0.0, 0.6),
}


def simulate(data_sets, sources, targets, *, shares, votes, mean=MEAN, seed=0):
    """`[data_sets, sources * targets]`: the share of `votes` votes that are right, expected `mean`.

    A vote is right with probability `Phi((Phi^-1(mean) + s + t + i) / sqrt(rest))`; s, t and i are normal with the
    variances `shares`, rest is 1 minus their sum.
    """
    random, (of_source, of_target, of_both) = np.random.default_rng(seed), np.sqrt(shares)
    normal = lambda *shape: random.standard_normal(shape, np.float32)  # noqa: E731
    latent = of_source * normal(data_sets, sources, 1) + of_target * normal(data_sets, 1, targets)
    latent = latent + of_both * normal(data_sets, sources, targets)
    p = norm.cdf((norm.ppf(mean) + latent) / np.sqrt(1 - sum(shares)))
    return (random.binomial(votes, p) / votes).astype(np.float32).reshape(data_sets, -1)


def crossing(sources, targets):
    """The source and the target of each score."""
    return tuple(grid.reshape(-1) for grid in np.mgrid[:sources, :targets])
