"""How much of the variance of the scores is due to the source, to the target, and to neither.

`x_st = mean + source_s + target_t + rest_st`, all three random and independent. The rest contains the interaction of
source and target, the votes, and all other noise. Any crossing works, with empty cells or several scores in one.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Shaped


class VarianceComponents(NamedTuple):
    """The variances of one score: unbiased, so they may be below 0; NaN if the crossing does not determine them."""

    source: float
    target: float
    rest: float

    def shares(self) -> "VarianceComponents":
        """Each as a share of their sum; those below 0 count as 0."""
        positive = np.maximum(self, 0)
        total = positive.sum()
        return VarianceComponents(*map(float, positive / total)) if total > 0 else UNKNOWN


UNKNOWN = VarianceComponents(np.nan, np.nan, np.nan)


def variance_components(
    scores: Float[np.ndarray, " t"],
    source: Shaped[np.ndarray, " t"] | Sequence,
    target: Shaped[np.ndarray, " t"] | Sequence,
) -> VarianceComponents:
    """The variance components of crossed sources and targets, from sums of squares equated with their expectations.

    With n scores, n_s of source s, n_t of target t and n_st of both, the sums `X^2 / n`, `sum_s X_s^2 / n_s`,
    `sum_t X_t^2 / n_t` and `sum x^2` are linear in the components (and in the squared mean). For a complete crossing
    this is the analysis of variance: `source = (MS_source - MS_rest) / targets`.

    NaN with fewer than two sources or targets, and if sources and targets cannot be distinguished.

    Source: Henderson, Biometrics 9 (1953), method 1; Searle, Casella & McCulloch, Variance Components (1992), ch. 5.
    """
    x = np.asarray(scores, np.float64)
    of_source, of_target = (np.unique(ids, return_inverse=True)[1] for ids in (source, target))
    if x.size == 0 or min(of_source.max(), of_target.max()) < 1:
        return UNKNOWN
    x, n = x - x.mean(), len(x)  # the components do not depend on the mean
    by_source, by_target = np.bincount(of_source), np.bincount(of_target)
    cells, count = np.unique(of_source * len(by_target) + of_target, return_counts=True)
    s, t = np.divmod(cells, len(by_target))
    expected = [  # of the squared mean, source, target, rest
        [n, np.sum(by_source**2) / n, np.sum(by_target**2) / n, 1],
        [n, n, np.sum(count**2 / by_source[s]), len(by_source)],
        [n, np.sum(count**2 / by_target[t]), n, len(by_target)],
        [n, n, n, n],
    ]
    sums = [
        np.sum(x) ** 2 / n,
        np.sum(np.bincount(of_source, x) ** 2 / by_source),
        np.sum(np.bincount(of_target, x) ** 2 / by_target),
        np.sum(x * x),
    ]
    if np.linalg.cond(expected) > 1e10:
        return UNKNOWN
    return VarianceComponents(*map(float, np.linalg.solve(expected, sums)[1:]))
