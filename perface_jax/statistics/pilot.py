"""The `planning.Effects` of a pilot study, from its votes and the choices of two models on its triplets.

Means of products separate the effects. With x the vote share or the choice on a triplet, and `neither` the mean of x x'
over two triplets that have neither source nor target in common,

    cov(source) = mean of x x' over two triplets of one source  - neither
    cov(target) = mean of x x' over two triplets of one target  - neither
    cov(cell)   = mean of y y' over two votes on one triplet    - neither

For choices, x and x' are of one model, or x of one and x' of the other. `logit_normal` converts covariances of shares
to variances on the logit scale. Negative estimates become 0. A pilot of few sources says little about effects of
sources.
"""

import numpy as np
from jaxtyping import Float, Int

from perface_jax.statistics import logit_normal
from perface_jax.statistics.planning import Effects

ROUNDS = 60  # until the deviation of a model's logit settles


def effects(
    votes_for_a: Float[np.ndarray, " t"],
    votes: Float[np.ndarray, " t"],
    source: Int[np.ndarray, " t"],
    target: Int[np.ndarray, " t"],
    *right: Float[np.ndarray, " t"],
) -> Effects:
    """The effects of a pilot; effects that it does not determine stay as in `Effects()`.

    Args:
      votes_for_a, votes: of each triplet; only those with two votes or more count.
      source, target: ids, any numbers; a triplet with an unknown one (below 0) does not count.
      *right: of two models, or of none: 1 where the model chose the side that most votes prefer, 0 where not, 1/2 or
        NaN where the votes or the model are tied.

    Raises:
      ValueError: one model, or more than two; fewer than two sources or targets; no triplet with two votes; no triplet
        on which both models are right or wrong.
    """
    if len(right) not in (0, 2):
        raise ValueError(f"the choices of {len(right)} models; wanted those of two, or of none")
    known = (source >= 0) & (target >= 0)
    votes_for_a, votes, *chosen = (one[known] for one in (votes_for_a, votes, *right))
    source, target = (np.unique(ids[known], return_inverse=True)[1] for ids in (source, target))
    if min(source.max(initial=0), target.max(initial=0)) < 1 or not np.any(votes >= 2):
        raise ValueError("a pilot needs two sources, two targets, and triplets with two votes or more")
    found = Effects()._replace(**_of_votes(votes_for_a, votes, source, target))
    return found._replace(**_of_models(chosen[0], chosen[1], source, target)) if chosen else found


def _of_votes(votes_for_a, votes, source, target) -> dict[str, float]:
    kept = votes >= 2
    a, n, source, target = votes_for_a[kept], votes[kept], source[kept], target[kept]
    of_source, of_target, neither = _products(a / n, a / n, source, target)
    same = np.mean(a * (a - 1) / (n * (n - 1)))
    mean = float(np.mean(a / n))
    total = logit_normal.total_variance(mean, same - neither)
    parts = [logit_normal.shared_variance(mean, np.sqrt(total), of - neither) for of in (of_source, of_target)]
    names = ("vote_source", "vote_target", "vote_rest")
    return dict(zip(names, map(_root, (*parts, total - sum(parts))), strict=True))


def _of_models(first, second, source, target) -> dict[str, float]:
    kept = np.isin(first, (0, 1)) & np.isin(second, (0, 1))
    if not kept.any():
        raise ValueError("the models of the pilot choose nothing: every triplet has tied votes or tied similarities")
    first, second, source, target = first[kept], second[kept], source[kept], target[kept]
    across = _products(first, second, source, target)
    within = np.mean([_products(x, x, source, target) for x in (first, second)], axis=0)
    covariances = [
        np.mean(first * second) - across[2],
        *(across[:2] - across[2]),
        *(within[:2] - within[2]),
    ]
    mean, deviation = float(np.clip((first.mean() + second.mean()) / 2, 0.01, 0.99)), 3.0
    shared = source_1 = target_1 = source_own = target_own = 0.0
    for _ in range(ROUNDS):
        shared, source_1, target_1, source_2, target_2 = (
            logit_normal.shared_variance(mean, deviation, one) for one in covariances
        )
        source_own, target_own = max(source_2 - source_1, 0), max(target_2 - target_1, 0)
        deviation = (deviation + max(np.sqrt(max(shared, source_1 + target_1) + source_own + target_own), 0.1)) / 2
    return {
        "shared_source": _root(source_1),
        "shared_target": _root(target_1),
        "shared_rest": _root(shared - source_1 - target_1),
        "model_source": _root(source_own),
        "model_target": _root(target_own),
    }


def _products(x, y, source, target) -> np.ndarray:
    """The mean of x y' over two triplets of one source, of one target (not of one cell), and of neither."""
    cell = np.unique(np.stack([source, target]), axis=1, return_inverse=True)[1].reshape(-1)
    ones = np.ones(len(x))
    sums, pairs = (
        np.array([np.sum(np.bincount(ids, one) * np.bincount(ids, other)) for ids in (source, target, cell)])
        for one, other in ((x, y), (ones, ones))
    )
    everything = np.array([x.sum() * y.sum(), len(x) ** 2])
    of_source, of_target, of_cell = np.stack([sums, pairs], axis=1)
    neither = everything - of_source - of_target + of_cell
    parts = np.stack([of_source - of_cell, of_target - of_cell, neither])
    return np.divide(parts[:, 0], parts[:, 1], out=np.full(3, np.nan), where=parts[:, 1] > 0)


def _root(variance: float) -> float:
    return float(np.sqrt(max(variance, 0.0)))
