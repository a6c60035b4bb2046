"""Cluster-robust errors of an estimate that is not a mean, through those of a mean (`statistics.cluster_robust`)."""

import numpy as np
from jaxtyping import Float, Shaped
from scipy.special import stdtrit

from perface_jax.statistics.cluster_robust import robust_mean
from perface_jax.statistics.estimates import LEVEL


def robust_errors(scores: Float[np.ndarray, "*batch t"], *clusters: Shaped[np.ndarray, " t"]) -> tuple:
    """The standard error `[*batch]` of estimates, its degrees of freedom, and their t quantile of a 95% interval.

    Args:
      scores: how much each row moves the estimate; their sum is 0.
      clusters: one or more; a clustering with a single cluster is left out.

    NaN if no clustering is left.
    """
    numbered = [np.unique(ids, return_inverse=True)[1] for ids in clusters]
    numbered = [ids.astype(np.int32) for ids in numbered if ids.max(initial=0) > 0]
    if not numbered:
        return np.full(np.shape(scores)[:-1], np.nan), np.nan, np.nan
    scores = np.asarray(scores, np.float64)
    count = scores.shape[-1]
    size = 256 << max(0, int(np.ceil(np.log2(count / 256))))  # few sizes, few programs
    scale = np.abs(scores).max(axis=-1, keepdims=True)  # float32 holds the squares of numbers around 1
    shares = np.divide(scores, scale, out=np.zeros_like(scores), where=scale > 0)
    padded = np.pad(shares, [(0, 0)] * (scores.ndim - 1) + [(0, size - count)]).astype(np.float32)
    ids = [np.pad(one, (0, size - count), constant_values=-1) for one in numbered]
    found = robust_mean(padded, *ids)
    error = np.asarray(found.error, np.float64) * count * scale[..., 0]
    degrees = float(found.degrees)
    return error if error.ndim else float(error), degrees, float(stdtrit(degrees, (1 + LEVEL) / 2))
