"""How strongly votes follow cosines: the slope k of `P(vote = a) = sigma(k (cos(reference, a) - cos(reference, b)))`.

There is no intercept: with equal cosines, a and b are equally likely; otherwise p would depend on which picture is
named first. If people prefer one position on the screen, k is that of votes averaged over both positions: each triplet
counts as if half of its votes had been given with a and b exchanged. `first_share` measures the preference; .73 makes k
smaller by a fifth.

The standard error is cluster-robust, over sources and targets: with the score `d_t (a_t - n_t p_t) / H` of a triplet,
`H = sum_t n_t p_t (1 - p_t) d_t^2`, it is the error of a mean of N numbers `N score` (`statistics.cluster_robust`).

Source: maximum likelihood as in `metrics.fit_logistic`; the sandwich as in Cameron & Miller, Journal of Human Resources
50 (2015), section II.C.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Num, Shaped
from scipy.special import expit

from perface_jax.metrics import fit_logistic
from perface_jax.similarity_scale.robust import robust_errors
from perface_jax.statistics.estimates import Estimate


class Slope(NamedTuple):
    """A fitted slope, per unit of cosine.

    Attributes:
      value: k, with its 95% interval.
      error, degrees: its standard error, and the degrees of freedom of the t quantile.
      first_share: share of votes for a where both cosines are equal, by a fit with an intercept; .5 is no preference.
      triplets, votes, sources, targets: their numbers.
      lowest, highest: cosines that were voted on; widest: the largest difference of two of them.
      origin: which votes, in words.
      clusters: what the two kinds of clusters are, with a comma in between.
    """

    value: Estimate
    error: float
    degrees: float
    first_share: Estimate
    triplets: int
    votes: int
    sources: int
    targets: int
    lowest: float
    highest: float
    widest: float
    origin: str = ""
    clusters: str = "sources, targets"


def fit_slope(
    similarities: Float[np.ndarray, "t 2"],
    votes_for_a: Num[np.ndarray, " t"],
    votes: Num[np.ndarray, " t"],
    source: Shaped[np.ndarray, " t"],
    target: Shaped[np.ndarray, " t"],
    *,
    origin: str = "",
    clusters: str = "sources, targets",
) -> Slope:
    """Fit the slope to triplets; those without a vote do not count.

    Args:
      similarities: cosines of the reference to a and to b.
      votes_for_a, votes: how many of how many. Include triplets with split votes; unanimous triplets alone overstate k.
      source, target: the clusters of each triplet, integers or names. With one source, or one target, the interval is
        over the other alone. Triplets with an unknown id (below 0) are left out.
      origin, clusters: which votes, and what their clusters are, in words.

    Raises:
      ValueError: there is no slope, with the reason: no votes, one source and one target, equal cosines, NaN, or votes
        that are all for the more similar picture, which any large slope fits.
    """
    kept = _known(source) & _known(target) & (np.asarray(votes) > 0)
    similarities, votes_for_a, votes = (np.asarray(x, np.float64)[kept] for x in (similarities, votes_for_a, votes))
    ids = [np.asarray(one)[kept] for one in (source, target)]
    difference = similarities[:, 0] - similarities[:, 1]
    _refuse(difference, votes_for_a, votes, ids)
    k = _fit(difference, votes_for_a, votes)[0]
    score = _scores(difference[:, None], votes_for_a, votes, expit(k * difference))[:, 0]
    error, degrees, half = robust_errors(score, *ids)
    return Slope(
        value=Estimate(k, k - half * error, k + half * error),
        error=error,
        degrees=degrees,
        first_share=_first_share(difference, votes_for_a, votes, ids),
        triplets=len(votes),
        votes=int(votes.sum()),
        sources=len(np.unique(ids[0])),
        targets=len(np.unique(ids[1])),
        lowest=float(similarities.min()),
        highest=float(similarities.max()),
        widest=float(np.abs(difference).max()),
        origin=origin,
        clusters=clusters,
    )


def _known(ids):
    ids = np.asarray(ids)
    return ids >= 0 if ids.dtype.kind in "iu" else np.ones(len(ids), bool)


def _refuse(difference, votes_for_a, votes, clusters):
    if not len(votes):
        raise ValueError("no triplet has votes, a source and a target")
    if not np.isfinite(difference).all():
        raise ValueError("NaN among the cosines")
    if max(len(np.unique(ids)) for ids in clusters) < 2:
        raise ValueError("all votes are on one source and one target; wanted at least two of either")
    if not difference.any():
        raise ValueError("the cosines of a and b are equal in every triplet")
    for_more, differ = np.where(difference > 0, votes_for_a, votes - votes_for_a), difference != 0
    if (for_more == votes)[differ].all() or not for_more[differ].any():
        more = "more" if for_more[differ].any() else "less"
        raise ValueError(f"all {int(votes[differ].sum())} votes are for the {more} similar picture: no slope fits best")


def _fit(difference, votes_for_a, votes, *, intercept=False):
    """Slope and intercept; without an intercept, every triplet also counts with a and b exchanged."""
    columns = [difference, votes_for_a, votes]
    if not intercept:
        columns = [np.append(*both) for both in zip(columns, [-difference, votes - votes_for_a, votes], strict=True)]
    size = 256 << max(0, int(np.ceil(np.log2(len(columns[0]) / 256))))  # few sizes, few programs
    padded = [np.pad(column, (0, size - len(column))).astype(np.float32) for column in columns]
    return tuple(float(x) for x in fit_logistic(*padded))


def _scores(terms: Float64[np.ndarray, "t k"], votes_for_a, votes, predicted) -> Float64[np.ndarray, "t k"]:
    """What each triplet adds to the estimated weights of the terms: H^-1 times its score."""
    bend = (terms * (votes * predicted * (1 - predicted))[:, None]).T @ terms
    return np.linalg.solve(bend, (terms * (votes_for_a - votes * predicted)[:, None]).T).T


def _first_share(difference, votes_for_a, votes, clusters):
    slope, intercept = _fit(difference, votes_for_a, votes, intercept=True)
    terms = np.stack([difference, np.ones_like(difference)], axis=1)
    try:
        scores = _scores(terms, votes_for_a, votes, expit(slope * difference + intercept))[:, 1]
    except np.linalg.LinAlgError:  # one difference for all triplets: a preference cannot be told from it
        return Estimate(np.nan, np.nan, np.nan)
    error, _, half = robust_errors(scores, *clusters)
    return Estimate(*(float(expit(intercept + side * half * error)) for side in (0, -1, 1)))
