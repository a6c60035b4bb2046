"""The beta-binomial distribution of vote counts: each triplet has its own share p of people who say a, p ~ Beta(a, b).

A cell is a number of votes for a among a number of votes, k of n. `counts` says how many triplets are in each cell, for
many data sets at once, such as the resamples of a bootstrap.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int, Real

STEPS = 60  # of Fisher scoring; ordinary counts need 5 to 10
FARTHEST = 16.0  # log-odds of the mean, and log(a + b): where the likelihood has no maximum, the search ends here
CLOSE = 1e-12  # relative, in the log-likelihood
LONGEST = 2.0  # a step in these logarithms


class BetaBinomial(NamedTuple):
    """For each data set. Mean of p: `a / (a + b)`; correlation of two votes on a triplet: `1 / (a + b + 1)`."""

    a: Float64[np.ndarray, " data"]
    b: Float64[np.ndarray, " data"]


def fit_beta_binomial(
    votes_for_a: Int[np.ndarray, " c"], votes: Int[np.ndarray, " c"], counts: Real[np.ndarray, "data c"]
) -> BetaBinomial:
    """The maximum-likelihood beta-binomial, by Fisher scoring; each step is whole, halved, ... or divided by 32.

    The parameters are the log-odds of the mean and `log(a + b)`, both within +-16. They end at this limit if the
    likelihood has no maximum: votes that vary no more than those of one coin give one p for all; triplets that are all
    unanimous give p = 0 and p = 1. a and b are NaN if no triplet has two votes: single votes say nothing about how p
    varies.

    Source: Griffiths, Biometrics 29 (1973).
    """
    counts = np.asarray(counts, np.float64)
    at = np.zeros((len(counts), 2))
    moving, value = np.arange(len(counts)), _log_likelihood(votes_for_a, votes, counts, at)
    for _ in range(STEPS):
        moved, values = _step(votes_for_a, votes, counts[moving], at[moving])
        better = values > value[moving] + CLOSE * np.abs(value[moving])
        moving = moving[better]
        if not len(moving):
            break
        at[moving], value[moving] = moved[better], values[better]
    known = np.sum(counts * (votes >= 2), axis=-1, keepdims=True) > 0
    return BetaBinomial(*_beta(np.where(known, at, np.nan)))


def _step(k, n, counts, at):
    """The best of six steps from the parameters `at`, and its log-likelihood."""
    chances, slopes = cell_chances(k, n, *_beta(at)), _slopes(k, n, at)
    size = counts @ (n[:, None] == n)  # triplets with as many votes
    gradient = np.einsum("...c,...ci->...i", counts, slopes)
    information = np.einsum("...c,...ci,...cj->...ij", size * chances, slopes, slopes) + 1e-12 * np.eye(2)
    step = np.clip(np.linalg.solve(information, gradient[..., None])[..., 0], -LONGEST, LONGEST)
    steps = np.clip(at + step * 0.5 ** np.arange(6)[:, None, None], -FARTHEST, FARTHEST)
    values = _log_likelihood(k, n, counts, steps)
    best = np.argmax(values, axis=0), np.arange(len(at))
    return steps[best], values[best]


def cell_chances(
    votes_for_a: Int[np.ndarray, " c"],
    votes: Int[np.ndarray, " c"],
    a: Float[np.ndarray, " data"],
    b: Float[np.ndarray, " data"],
) -> Float64[np.ndarray, "data c"]:
    """The probability of k votes for a among n: `C(n, k) B(a + k, b + n - k) / B(a, b)`."""
    return np.exp(_log_chances(votes_for_a, votes, a, b))


def _log_chances(k, n, a, b):
    from scipy.special import gammaln

    ways = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return ways + _rising(np.log, a, k) + _rising(np.log, b, n - k) - _rising(np.log, a + b, n)


def _rising(of, x, steps):
    """The sum of `of(x + i)` for i = 0 .. steps - 1: exact where differences of log-gamma functions cancel."""
    terms = of(np.asarray(x)[..., None] + np.arange(np.max(steps, initial=0)))
    sums = np.concatenate([np.zeros((*terms.shape[:-1], 1)), np.cumsum(terms, axis=-1)], axis=-1)
    return sums[..., steps]


def _slopes(k, n, at):
    """The derivatives of the log-probabilities by the two parameters: `[..., C, 2]`."""
    a, b = _beta(at)
    by_a, by_b, by_both = (_rising(np.reciprocal, x, steps) for x, steps in ((a, k), (b, n - k), (a + b, n)))
    a, b = a[..., None], b[..., None]
    return np.stack([a * b / (a + b) * (by_a - by_b), a * by_a + b * by_b - (a + b) * by_both], axis=-1)


def _beta(at):
    mean, total = 1 / (1 + np.exp(-at[..., 0])), np.exp(at[..., 1])
    return total * mean, total / (1 + np.exp(at[..., 0]))


def _log_likelihood(k, n, counts, at):
    return np.sum(counts * _log_chances(k, n, *_beta(at)), axis=-1)
