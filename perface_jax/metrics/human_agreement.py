"""Human agreement: how well people agree with each other on a triplet, the ceiling of any score against their votes.

Votes are 0 = a, 1 = b, -1 = none. A triplet with fewer than two votes gives NaN: pass `where=~jnp.isnan(scores)` to
whatever averages them. All functions are traceable.

A ceiling is defined over ALL triplets of a setting. On the unanimous ones it is 1 by selection: they were kept because
their votes agree, and coin tosses kept for that reason would agree just as well.
"""

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
