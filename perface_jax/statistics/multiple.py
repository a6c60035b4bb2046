"""Several tests at once: of twenty comparisons between equal models, one is below .05 on average."""

import numpy as np
from jaxtyping import Float, Shaped


def holm(p: Shaped[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    """p-values corrected by Holm's method: at .05, at most 5% of whole families of tests have a false positive.

    Of the k sorted p-values, the i-th becomes the largest of `(k - j + 1) p_j` for j <= i, at most 1. NaN stays NaN and
    does not count.

        >>> import numpy as np
        >>> from perface_jax.statistics.multiple import holm
        >>> holm(np.array([0.01, 0.04, 0.03])).tolist()
        [0.03, 0.06, 0.06]

    Source: Holm, Scandinavian Journal of Statistics 6 (1979).
    """
    p = np.asarray(p, np.float64)
    order = np.argsort(p)[: np.sum(~np.isnan(p))]  # NaN comes last
    corrected = np.full(p.shape, np.nan)
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1)
    return corrected
