"""Several tests at once: of twenty comparisons between equal models, one is below .05 on average."""

import numpy as np
from jaxtyping import Float, Shaped


def holm(p: Shaped[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    """p-values corrected by Holm's method: below .05 only where the family of tests as a whole still errs in 5%.

    Sorted, the i-th of k becomes the largest of `(k - j + 1) p_j` for j <= i, at most 1. NaN stays NaN and does not
    count.

    Source: Holm, Scandinavian Journal of Statistics 6 (1979).
    """
    p = np.asarray(p, np.float64)
    order = np.argsort(p)[: np.sum(~np.isnan(p))]  # NaN comes last
    corrected = np.full(p.shape, np.nan)
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1)
    return corrected
