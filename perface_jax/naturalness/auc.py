"""The area under the ROC curve: how often a natural face scores higher than an unnatural one."""

import numpy as np
from jaxtyping import Float, Shaped

from perface_jax.arrays import AnyArray
from perface_jax.statistics.estimates import Estimate, percentile_estimate
from perface_jax.statistics.resampling import resample


def auc(natural: Float[AnyArray, " n"], unnatural: Float[AnyArray, " m"]) -> float:
    """The share of all pairs in which the natural face scores higher; equal scores count half; 0.5 is guessing.

    ValueError for an empty side or NaN.
    """
    natural, unnatural = _checked(natural, unnatural)
    return _weighted(natural, unnatural, None, None)


def auc_estimate(
    natural: Float[AnyArray, " n"],
    unnatural: Float[AnyArray, " m"],
    persons: Shaped[np.ndarray, " n"],
    unnatural_persons: Shaped[np.ndarray, " m"],
    *,
    seed: int = 0,
    resamples: int = 1000,
) -> Estimate:
    """`auc` with its 95% interval, an expanded percentile bootstrap over persons, who may be on both sides."""
    natural, unnatural = _checked(natural, unnatural)
    both = np.unique(np.concatenate([persons, unnatural_persons]), return_inverse=True)[1]
    place, other = both[: len(natural)], both[len(natural) :]
    draws = resample(int(both.max()) + 1, resamples, seed=seed)
    values = [_weighted(natural, unnatural, draw[place], draw[other]) for draw in draws]
    return percentile_estimate(_weighted(natural, unnatural, None, None), values, clusters=draws.shape[1])


def _checked(natural, unnatural):
    sides = np.asarray(natural, np.float64), np.asarray(unnatural, np.float64)
    for name, side in zip(("natural", "unnatural"), sides, strict=True):
        if side.ndim != 1 or side.size == 0 or np.isnan(side).any():
            raise ValueError(
                f"{name} scores have shape {side.shape}; wanted [N] numbers, at least one, none of them NaN"
            )
    return sides


def _weighted(natural, unnatural, weights, others):
    weights = np.ones(len(natural)) if weights is None else weights
    others = np.ones(len(unnatural)) if others is None else others
    order = np.argsort(unnatural)
    below = np.concatenate([[0], np.cumsum(others[order])])
    left, right = (below[np.searchsorted(unnatural[order], natural, side=side)] for side in ("left", "right"))
    total = weights.sum() * others.sum()
    return float(np.sum(weights * (left + right)) / (2 * total)) if total else np.nan
