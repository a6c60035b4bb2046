"""Vote counts under ANY distribution of p, the share of people who say a: the nearest possible counts, and bounds.

The votes on a triplet are independent given its p; nothing is assumed about how p varies between triplets. Cells are as
in `beta_binomial`. With V votes on each triplet, the counts determine the first V moments of p, and so the mean of any
polynomial of that degree. The mean of another function lies between two bounds, each the solution of a linear program
over the weights of a grid of p.
"""

import numpy as np
from jaxtyping import Float, Float64, Int, Real

GRID = np.linspace(0, 1, 1001)  # the values of p; a grid four times as fine changes the bounds of the release by 1e-6
STEPS = 100  # of the search for the nearest mixture; it took at most 17 in 400 simulated data sets
TOLERANCE = 1e-7  # of each share of the counts, as that of the solver: with 8 or more votes no mixture matches exactly


def chances_by_share(votes_for_a: Int[np.ndarray, " c"], votes: Int[np.ndarray, " c"]) -> Float64[np.ndarray, "c g"]:
    """The probability of k votes for a among n, for each p of `GRID`."""
    from scipy.special import gammaln, xlog1py, xlogy

    k, n = votes_for_a[:, None], votes[:, None]
    ways = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return np.exp(ways + xlogy(k, GRID) + xlog1py(n - k, -GRID))


def nearest_mixture(chances: Float[np.ndarray, "c g"], counts: Real[np.ndarray, " c"]) -> Float64[np.ndarray, " g"]:
    """The weights of p that make the counts most likely; other weights can give the same probabilities of the cells.

    If any distribution of p gives exactly the observed shares, so do these weights. Otherwise the probabilities are the
    nearest possible ones, in likelihood. Not all counts are possible: two votes on each triplet, for instance, cannot
    be split on more than half of the triplets, apart from chance.

    Source: Lindsay (1995), Mixture Models; the constrained Newton method of Wang, J. R. Statist. Soc. B 69 (2007).
    """
    from scipy.optimize import nnls

    seen, share = chances[counts > 0], counts[counts > 0] / counts.sum()
    weights = np.full(chances.shape[1], 1 / chances.shape[1])
    for _ in range(STEPS):
        ratio = seen / (seen @ weights)[:, None]
        if np.max(share @ ratio) < 1 + 1e-9:  # the derivative towards each p: none increases the likelihood
            break
        # The maximum of the quadratic approximation, as least squares with weights that sum to 1.
        squares = np.vstack([np.sqrt(share)[:, None] * (ratio - 2), np.ones(len(weights))])
        towards, _ = nnls(squares, np.append(np.zeros(len(share)), 1))
        towards = towards / towards.sum() - weights
        steps = 0.5 ** np.arange(30)
        likelihood = share @ np.log(seen @ (weights[:, None] + towards[:, None] * steps))
        weights = weights + steps[np.argmax(likelihood)] * towards
    return weights


def bounds(
    chances: Float[np.ndarray, "c g"], weights: Float[np.ndarray, " g"], function: Float[np.ndarray, " g"]
) -> tuple[float, float]:
    """The smallest and the largest mean of a function of p, over all distributions that give the cells of `weights`.

    They are bounds for these counts: they do not contain the error of having seen few triplets.

    Args:
      function: its value at each p of the grid.

    Raises:
      RuntimeError: the solver found no solution.
    """
    from scipy.optimize import linprog

    shares = chances @ weights
    within = np.vstack([chances, -chances]), np.concatenate([shares, -shares]) + TOLERANCE
    ends = []
    for sign in (1, -1):
        found = linprog(sign * function, *within, np.ones((1, len(weights))), [1], bounds=(0, None), method="highs")
        if found.status:
            raise RuntimeError(f"the linear program of a bound was not solved: {found.message}")
        ends.append(sign * found.fun)
    return ends[0], ends[1]
