"""Human agreement: how well people agree with each other on a triplet.

Votes are 0 = a, 1 = b, -1 = none. A triplet with fewer than two votes gives NaN: pass `where=~jnp.isnan(scores)` to
whatever averages them. All functions are traceable.

Average it over ALL triplets of a setting. On the unanimous ones it is 1 by selection: they were kept because their
votes agree, and coin tosses kept for that reason would agree just as well. What a model can achieve there is bounded by
`achievable_accuracy`.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Float, Int

from perface_jax.arrays import AnyArray, Array
from perface_jax.statistics.arguments import floats, integers
from perface_jax.statistics.votes import agreeing_pairs, count_votes


def vote_agreement(votes: Int[AnyArray, "*batch t v"]) -> Float[Array, "*batch t"]:
    """Share of the pairs of votes on a triplet that agree: `(a (a - 1) + b (b - 1)) / (n (n - 1))`.

    With a votes for a, b votes for b and n = a + b. Its expectation is `p^2 + (1 - p)^2`, where p is the share of all
    people who would vote a; it is unbiased for every n of at least 2.
    """
    return _per_triplet(*agreeing_pairs(_checked(votes)))


def vote_against_others(votes: Int[AnyArray, "*batch t v"]) -> Float[Array, "*batch t"]:
    """How well one vote is predicted by the majority of the others: the mean over the votes of a triplet.

    A vote scores 1 if most of the others chose the same, 1/2 if the others tie, 0 otherwise. With two or three votes
    this equals `vote_agreement`; with more it is higher on average, because a majority knows more than one person.
    """
    a, b = count_votes(_checked(votes))
    right = a * (jnp.sign(a - 1 - b) + 1) + b * (jnp.sign(b - 1 - a) + 1)  # twice the points of all voters
    return _per_triplet(right, jnp.where(a + b >= 2, 2 * (a + b), 0))


class NoiseCeiling(NamedTuple):
    """Between the means of the two lies the best soft score that any predictor can be expected to achieve."""

    lower: Float[Array, "*batch t"]
    upper: Float[Array, "*batch t"]


def noise_ceiling(votes: Int[AnyArray, "*batch t v"]) -> NoiseCeiling:
    """The lower and the upper noise ceiling of each triplet: how well the majority predicts one of its votes.

    - lower: the majority of the OTHER votes, `vote_against_others`. It does not know the vote, but rests on few others.
    - upper: the majority of all votes, the one to be predicted included, `max(a, b) / (a + b)`. It is fitted to the
      votes: no answer agrees with more of them.

    A tied majority scores 1/2. Nili et al. correlate each person with the mean of the others, and with the mean of all;
    here the agreement of votes takes the place of the correlation, and a vote that of a person: the votes in a column
    need not be of one person.

    Source: Nili et al., PLoS Computational Biology 10 (2014), e1003553, noise ceiling.
    """
    a, b = count_votes(_checked(votes))
    return NoiseCeiling(vote_against_others(votes), _per_triplet(jnp.maximum(a, b), jnp.where(a + b >= 2, a + b, 0)))


def bapps_ceiling(share: Float[AnyArray, "*batch"]) -> Float[Array, "*batch"]:
    """`p^2 + (1 - p)^2`: the soft score of a person, with the observed share of the votes (0 to 1) in place of p.

    The share of V votes is not p, and this plug-in estimate is too high by `2 p (1 - p) / V` on average: with three
    votes on a triplet that splits people evenly it gives .667, while two people agree with probability .5. For
    `E[k^2 + (V - k)^2] / V^2 = p^2 + (1 - p)^2 + 2 Var(k / V)` with k votes for a, `Var(k / V) = p (1 - p) / V`.
    `vote_agreement` is the same quantity without the bias: `(V * bapps_ceiling - 1) / (V - 1)`. A model that always
    follows the majority scores `max(p, 1 - p)`, which is more.

    Source: Zhang et al. (CVPR 2018), BAPPS, the human score.
    """
    share = floats(share, "shares")
    return share**2 + (1 - share) ** 2


def _checked(votes):
    votes = integers(votes, "votes")
    if votes.ndim < 2:
        raise ValueError(f"votes have shape {votes.shape}; wanted [..., T, V], the last axis the votes of a triplet")
    return votes


def _per_triplet(points, most):
    return jnp.where(most == 0, jnp.nan, points / jnp.maximum(most, 1))
