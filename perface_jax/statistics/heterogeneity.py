"""Do annotators differ? Cochran's Q with the triplets as blocks: complete or incomplete designs, with covariates.

The null hypothesis: on every triplet, its votes are exchangeable between the people who gave them. Given the number of
votes for b on a triplet, every assignment of these to its annotators is then equally likely, whatever the triplets or
their sources share. With the vote x_ta (1 = b), the share p_t of the n_t votes, and a covariate z_t of the triplet,

    d_ak = sum_t (x_ta - p_t) z_tk
    V    = sum_t p_t (1 - p_t) n_t / (n_t - 1) (diag(c_t) - c_t c_t' / n_t) x z_t z_t'     c_t: votes of each annotator
    Q    = d' V^- d                       chi-squared, with rank(V) degrees of freedom

With z = 1 and every person on every triplet it is Cochran's Q: do people say b equally often? With the difference of
two similarities as z: do they follow the model equally closely? With its parts by dimension: do they weigh these
differently? NumPy only.

Source: Cochran, Biometrika 37 (1950); for incomplete blocks, the general association statistic of Landis, Heyman &
Koch, International Statistical Review 46 (1978). The covariates make it a score test of annotator x covariate.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from perface_jax.statistics.resampling import divide

MOST = 5000  # numbers d_ak: their matrix V is decomposed


class HeterogeneityTest(NamedTuple):
    """Q with its degrees of freedom and p; NaN and 0 where nothing can be tested.

    `excess` is `max(0, 1 - degrees / Q)`: the share of Q beyond what chance alone gives (Higgins and Thompson's I^2).
    """

    q: float
    degrees: int
    p: float
    excess: float


def cochran_q(
    votes: Int[np.ndarray, "t v"],
    annotator: Int[np.ndarray, "t v"],
    covariates: Float[np.ndarray, "t k"] | None = None,
    *,
    given: Float[np.ndarray, "t g"] | None = None,
) -> HeterogeneityTest:
    """Whether the votes on a triplet depend on who gives them.

    Args:
      votes: 0 = a, 1 = b, -1 = none.
      annotator: who gave the vote, from 0; below 0 its vote does not count.
      covariates: finite numbers of each triplet, by which people may differ; default: a constant, Cochran's Q.
      given: covariates by which people may differ under the null hypothesis too, such as a constant (a habit of saying
        b) and a model's difference (care). Q is then what `covariates` add to these.

    Raises:
      ValueError: shapes that do not fit, covariates that are not finite, or more than 5,000 annotators x covariates.

        >>> import numpy as np
        >>> from perface_jax.statistics.heterogeneity import cochran_q
        >>> votes = np.array([[1, 1, 0], [1, 0, 0], [1, 1, 1], [1, 1, 0], [1, 0, 0]])  # a column, a person
        >>> test = cochran_q(votes, np.broadcast_to(np.arange(3), votes.shape))
        >>> round(test.q, 3), test.degrees, round(test.p, 3)
        (6.0, 2, 0.05)
    """
    votes, annotator = np.asarray(votes), np.asarray(annotator)
    tested = np.ones((len(votes), 1)) if covariates is None else np.asarray(covariates, np.float64)
    known = np.zeros((len(votes), 0)) if given is None else np.asarray(given, np.float64)
    _check(votes, annotator, tested, known)
    kept = (votes >= 0) & (annotator >= 0)
    annotator = np.where(kept, np.unique(np.where(kept, annotator, -1), return_inverse=True)[1].reshape(votes.shape), 0)
    people = int(annotator.max(initial=-1)) + 1
    if people * (tested.shape[1] + known.shape[1]) > MOST:
        seen = f"{people} annotators x {tested.shape[1] + known.shape[1]} covariates"
        raise ValueError(
            f"{seen} are more than {MOST:,}; take fewer covariates, such as the first principal components"
        )
    both = np.concatenate([known, tested], axis=1)
    scores, variance = _score(votes, annotator, kept, both / np.maximum(np.abs(both).max(axis=0, initial=0), 1e-300))
    part = known.shape[1] * people  # the scores of the first covariates come first
    (whole, degrees), (less, fewer) = _quadratic(scores, variance), _quadratic(scores[:part], variance[:part, :part])
    return _test(whole - less, degrees - fewer)


def _check(votes, annotator, *covariates) -> None:
    if votes.ndim != 2 or votes.shape != annotator.shape:
        raise ValueError(f"votes and annotator must both be [T, V], got {votes.shape} and {annotator.shape}")
    for one in covariates:
        if one.ndim != 2 or len(one) != len(votes):
            raise ValueError(f"covariates must be [T, K] for {len(votes)} triplets, got {one.shape}")
        if not np.isfinite(one).all():
            raise ValueError("covariates must be finite; leave out the triplets without them")


def _score(votes, annotator, kept, z):
    """d and V, with the annotators of the first covariate first."""
    from scipy import sparse  # takes a while to import

    row, slot = np.nonzero(kept)
    who, people = annotator[row, slot], int(annotator.max(initial=-1)) + 1
    given = kept.sum(axis=1)
    share = np.nan_to_num(divide((votes * kept).sum(axis=1), given))
    residual = votes[row, slot] - share[row]
    scores = np.concatenate([np.bincount(who, residual * one[row], people) for one in z.T] or [np.zeros(0)])
    spread = share * (1 - share) * np.nan_to_num(divide(given, given - 1))
    seen = sparse.csr_matrix((np.ones(len(row)), (row, who)), (len(votes), people))  # c_t
    columns = z.shape[1]
    variance = np.zeros((columns, people, columns, people))
    for k in range(columns):
        for m in range(k, columns):
            weight = spread * z[:, k] * z[:, m]
            together = seen.T @ sparse.diags_array(np.nan_to_num(divide(weight, given))) @ seen
            variance[k, :, m] = variance[m, :, k] = np.diag(seen.T @ weight) - together.toarray()
    return scores, variance.reshape(len(scores), len(scores))


def _quadratic(scores, variance) -> tuple[float, int]:
    """d' V^- d and the rank of V."""
    if not len(scores):
        return 0.0, 0
    values, vectors = np.linalg.eigh(variance)
    kept = values > 1e-9 * max(values[-1], 0.0)
    along = vectors[:, kept].T @ scores
    return float(np.sum(along**2 / values[kept])), int(kept.sum())


def _test(q: float, degrees: int) -> HeterogeneityTest:
    from scipy.stats import chi2

    if degrees < 1:
        return HeterogeneityTest(np.nan, 0, np.nan, np.nan)
    return HeterogeneityTest(q, degrees, float(chi2.sf(q, degrees)), max(0.0, 1 - degrees / q) if q > 0 else 0.0)
