"""Vote counts under ANY distribution of p (the share of people who say a): the nearest possible counts, and bounds.

The votes on a triplet are independent given its p; nothing is assumed about how p varies between triplets. Cells are as
in `beta_binomial`. With V votes on each triplet, the counts determine the first V moments of p, hence the mean of any
polynomial of degree V. The mean of another function lies between two bounds, each the solution of a linear program
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
    nearest possible ones, in likelihood. Not all counts are possible: with two votes on each triplet, for instance, the
    expected share of split triplets is at most one half.

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
        with np.errstate(divide="ignore"):  # a whole step may make a cell impossible
            likelihood = share @ np.log(seen @ (weights[:, None] + towards[:, None] * steps))
        weights = weights + steps[np.argmax(likelihood)] * towards
    return weights


def bounds(
    expected: Float[np.ndarray, "c g"],
    share: Float[np.ndarray, " c"],
    weights: Float[np.ndarray, " g"],
    right: Float[np.ndarray, " g"],
    scored: Float[np.ndarray, " g"],
) -> tuple[float, float]:
    """The smallest and the largest ratio of two means over p, `right / scored`, over all admissible distributions of p.

    A distribution is admissible if its cells are as near to the observed shares (sum of absolute differences) as those
    of `weights`. If any distribution matches the shares exactly, only exact ones are admissible. The bounds are for
    these counts, and contain no sampling error.

    Args:
      expected: the share of the triplets in each cell, for each p of the grid.
      weights: of the `nearest_mixture`.
      right, scored: the two functions at each p of the grid.

    Raises:
      RuntimeError: the solver found no solution.

    Source: Charnes & Cooper, Naval Research Logistics 9 (1962), ratios by linear programming.
    """
    from scipy.optimize import linprog

    cells, points = expected.shape
    nearest = np.abs(expected @ weights - share).sum() + TOLERANCE * cells
    # Unknown are the weights, the difference in each cell, and 1 / (mean of `scored`), by which all are multiplied.
    own, column, none = np.eye(cells), share[:, None], np.zeros((1, cells))
    below = np.block([[expected, -own, -column], [-expected, -own, column]])
    below = np.vstack([below, np.concatenate([np.zeros(points), np.ones(cells), [-nearest]])])
    equal = np.block([[np.ones((1, points)), none, np.full((1, 1), -1.0)], [scored[None], none, np.zeros((1, 1))]])
    goal, ends = np.concatenate([right, np.zeros(cells + 1)]), []
    for sign in (1, -1):
        found = linprog(sign * goal, below, np.zeros(len(below)), equal, [0, 1], bounds=(0, None), method="highs")
        if found.status:
            raise RuntimeError(f"the linear program of a bound was not solved: {found.message}")
        ends.append(sign * found.fun)
    return ends[0], ends[1]
