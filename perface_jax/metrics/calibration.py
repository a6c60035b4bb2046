"""From similarity differences to votes: a fitted logistic, its likelihood, its calibration.

`P(vote = a) = sigma(slope * difference + intercept)` with `difference = cos(reference, a) - cos(reference, b)`. Of the
`votes` on a triplet, `votes_for_a` are for a; both are whole numbers of any dtype. Triplets without votes and triplets
outside the mask `where` do not count. A logistic has a slope and an intercept for each row of triplets, or
scalars for all. Fit on training or validation triplets, and evaluate on test triplets. All functions are traceable.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float, Num, Shaped

from perface_jax.arrays import AnyArray, Array
from perface_jax.statistics.arguments import floats, mask, same_shape

STEPS = 25  # of Newton's method; ordinary data need fewer than 10, separable data up to 15
RIDGE = 1e-6  # per vote


class Logistic(NamedTuple):
    """`P(vote = a) = sigma(slope * difference + intercept)`, one slope and intercept for each row of triplets."""

    slope: Float[AnyArray, "*batch"]
    intercept: Float[AnyArray, "*batch"]


class Calibration(NamedTuple):
    """Predicted and observed share of a, by bins of the predicted share; an empty bin is NaN in both.

    Each vote counts once. `error` is the expected calibration error, the mean over all votes of
    `|predicted - observed|` of their bin.
    """

    predicted: Float[Array, "*batch bins"]
    observed: Float[Array, "*batch bins"]
    votes: Float[Array, "*batch bins"]
    error: Float[Array, "*batch"]


def fit_logistic(
    difference: Float[AnyArray, "*batch t"],
    votes_for_a: Num[AnyArray, "*batch t"],
    votes: Num[AnyArray, "*batch t"],
    *,
    where: Shaped[AnyArray, "*batch t"] | None = None,
) -> Logistic:
    """The maximum-likelihood logistic for binomial counts.

    25 steps of Newton's method. Whole steps can diverge, so each is whole, halved, ... or divided by 128, whichever
    comes closest to the maximum along it. Differences are measured in units of their root mean square u, and a ridge of
    `1e-6 / 2 * votes * ((slope * u)^2 + intercept^2)` is subtracted from the log-likelihood. The ridge changes the
    slope of ordinary data by less than a thousandth. It keeps the answer finite where the difference, or a constant,
    predicts every vote and the likelihood alone has no maximum. Without any vote, slope and intercept are 0. They are
    NaN if a difference that counts is NaN.

    Source: McCullagh & Nelder (1989), Generalized Linear Models, section 4.4; ridge and parts of steps are ours.
    """
    return Logistic(*_fit(*_counted(difference, votes_for_a, votes, where)))


def vote_log_likelihood(
    difference: Float[AnyArray, "*batch t"],
    votes_for_a: Num[AnyArray, "*batch t"],
    votes: Num[AnyArray, "*batch t"],
    logistic: Logistic,
) -> Float[Array, "*batch t"]:
    """`votes_for_a log P(a) + (votes - votes_for_a) log P(b)` per triplet: the sum over its votes, not their mean.

    Natural logarithm, without the binomial coefficient, which is the same for every model. Chance is `log(1/2)` = -.693
    per vote: divide the sum over triplets by the number of votes. A triplet without votes has 0.
    """
    difference, votes_for_a, votes = _counted(difference, votes_for_a, votes, None)
    exponent = _exponent(difference, logistic)
    return votes_for_a * jax.nn.log_sigmoid(exponent) + (votes - votes_for_a) * jax.nn.log_sigmoid(-exponent)


def calibration(
    difference: Float[AnyArray, "*batch t"],
    votes_for_a: Num[AnyArray, "*batch t"],
    votes: Num[AnyArray, "*batch t"],
    logistic: Logistic,
    *,
    where: Shaped[AnyArray, "*batch t"] | None = None,
    bins: int = 10,
) -> Calibration:
    """Predicted against observed shares, in bins of equal width: the numbers of a reliability diagram.

    A prediction on the border of two bins belongs to the lower one. The error is above 0 even for a perfect model,
    because the few votes of a bin do not match their probability: see `calibration_reference`. It is NaN without votes,
    and if a difference that counts is NaN. Its gradient treats the bins as fixed, and is finite even with empty bins.

    Source: Naeini, Cooper, Hauskrecht (AAAI 2015), expected calibration error.
    """
    difference, votes_for_a, votes = _counted(difference, votes_for_a, votes, where)
    predicted = jax.nn.sigmoid(_exponent(difference, logistic))
    borders = jnp.linspace(0, 1, bins + 1, dtype=predicted.dtype)[1:-1]
    inside = jax.nn.one_hot(jnp.searchsorted(borders, predicted), bins, dtype=predicted.dtype)
    in_bin, for_a_in_bin, expected = (
        jnp.sum(x[..., None] * inside, axis=-2) for x in (votes, votes_for_a, votes * predicted)
    )
    # Not x / NaN: the gradient of anything that leaves empty bins out would be NaN.
    mean, observed = (
        jnp.where(in_bin == 0, jnp.nan, x / jnp.where(in_bin == 0, 1, in_bin)) for x in (expected, for_a_in_bin)
    )
    gap = jnp.sum(jnp.abs(expected - for_a_in_bin), axis=-1)
    return Calibration(mean, observed, in_bin, gap / jnp.sum(in_bin, axis=-1))


@jax.jit
@functools.partial(jnp.vectorize, signature="(t),(t),(t)->(),()")
def _fit(difference, votes_for_a, votes):
    total = jnp.maximum(jnp.sum(votes), 1)
    unit = jnp.sqrt(jnp.sum(votes * difference**2) / total)
    unit = jnp.where(unit == 0, 1, unit)
    terms = jnp.stack([difference / unit, (votes > 0).astype(votes.dtype)])

    def improve(_, weights):
        return _newton_step(weights, terms, votes_for_a, votes, RIDGE * total)

    slope, intercept = jax.lax.fori_loop(0, STEPS, improve, jnp.zeros_like(terms[:, 0]))
    return slope / unit, intercept


def _newton_step(weights, terms, votes_for_a, votes, ridge):
    """The weights `[2]` of the terms `[2, T]` after one step of Newton's method, or a part of it."""
    product = functools.partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)

    def ascent(weights):
        predicted = jax.nn.sigmoid(product(weights, terms))
        return product(votes_for_a - votes * predicted, terms.T) - ridge * weights, predicted

    gradient, predicted = ascent(weights)
    bend = product(terms * (votes * predicted * (1 - predicted))[None], terms.T)
    step = jnp.linalg.solve(bend + ridge * jnp.eye(2, dtype=bend.dtype), gradient)
    # A whole step can overshoot and end at 1e6. At the best part of it the likelihood stops rising along the step.
    candidates = [weights + step / 2**i for i in range(8)]
    still_rising = [jnp.abs(product(ascent(candidate)[0], step)) for candidate in candidates]
    return jnp.stack(candidates)[jnp.argmin(jnp.stack(still_rising))]


def _exponent(difference, logistic):
    slope, intercept = (jnp.asarray(x, difference.dtype) for x in logistic)
    for x in (slope, intercept):
        if x.shape not in ((), difference.shape[:-1]):
            raise ValueError(f"slope and intercept have shape {x.shape}; wanted () or {difference.shape[:-1]}")
    slope, intercept = (jnp.broadcast_to(x[..., None], difference.shape) for x in (slope, intercept))
    return slope * difference + intercept


def _counted(difference, votes_for_a, votes, where):
    """The three as floats; all three are 0 for a triplet that does not count."""
    difference = floats(difference, "differences")
    votes_for_a, votes = (jnp.asarray(x).astype(difference.dtype) for x in (votes_for_a, votes))
    same_shape(difference=difference, votes_for_a=votes_for_a, votes=votes)
    if not difference.ndim:
        raise ValueError("differences have shape (); wanted [..., T]")
    kept = mask(where, difference.shape) & (votes > 0)
    return tuple(jnp.where(kept, x, 0) for x in (difference, votes_for_a, votes))
