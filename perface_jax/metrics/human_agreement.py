"""Human agreement: how well people agree with each other on a triplet.

Votes are 0 = a, 1 = b, -1 = none. A triplet with fewer than two votes gives NaN: pass `where=~jnp.isnan(scores)` to
the function that averages them. All functions are traceable.

Average it over ALL triplets of a setting. On unanimous triplets it is 1 by selection, even if every vote was a coin
toss. `achievable_accuracy` bounds what a model can achieve there.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Float, Int

from perface_jax.arrays import AnyArray, Array
from perface_jax.statistics.arguments import floats, integers
from perface_jax.statistics.votes import agreeing_pairs, count_votes


def vote_agreement(votes: Int[AnyArray, "*batch t v"]) -> Float[Array, "*batch t"]:
    """Share of the pairs of votes on a triplet that agree: `(a (a - 1) + b (b - 1)) / (n (n - 1))`.

    With a votes for a, b votes for b and n = a + b. An unbiased estimate of `p^2 + (1 - p)^2` for every n of at least
    2, where p is the share of all people who would vote a.

        >>> import numpy as np
        >>> from perface_jax import metrics
        >>> votes = np.array([[0, 0, 0], [0, 0, 1], [0, 1, -1]])  # 0 = a, 1 = b, -1 = no vote
        >>> metrics.vote_agreement(votes).round(3).tolist()
        [1.0, 0.333..., 0.0]
    """
    return _per_triplet(*agreeing_pairs(_checked(votes)))


def vote_against_others(votes: Int[AnyArray, "*batch t v"]) -> Float[Array, "*batch t"]:
    """How well the majority of the others predicts one vote: the mean over the votes of a triplet.

    A vote scores 1 if most of the others chose the same, 1/2 if the others tie, 0 otherwise. With two or three votes
    this equals `vote_agreement`; with more it is higher on average, because a majority predicts better than one person.
    """
    a, b = count_votes(_checked(votes))
    right = a * (jnp.sign(a - 1 - b) + 1) + b * (jnp.sign(b - 1 - a) + 1)  # twice the points of all voters
    return _per_triplet(right, jnp.where(a + b >= 2, 2 * (a + b), 0))


class NoiseCeiling(NamedTuple):
    """Lower and upper noise ceiling: the best expected soft score of any predictor lies between their means."""

    lower: Float[Array, "*batch t"]
    upper: Float[Array, "*batch t"]


def noise_ceiling(votes: Int[AnyArray, "*batch t v"]) -> NoiseCeiling:
    """The lower and the upper noise ceiling of each triplet: how well the majority predicts one of its votes.

    - lower: the majority of the OTHER votes, `vote_against_others`. It does not know the vote, but few others inform
      it.
    - upper: the majority of all votes, including the one to predict, `max(a, b) / (a + b)`. No answer agrees with more
      of the votes.

    A tied majority scores 1/2. Nili et al. correlate each person with the mean of the others, and with the mean of all.
    Here agreement replaces correlation, and votes replace persons, because the votes in a column need not be of one
    person.

    Source: Nili et al., PLoS Computational Biology 10 (2014), e1003553, noise ceiling.
    """
    a, b = count_votes(_checked(votes))
    return NoiseCeiling(vote_against_others(votes), _per_triplet(jnp.maximum(a, b), jnp.where(a + b >= 2, a + b, 0)))


def bapps_ceiling(share: Float[AnyArray, "*batch"]) -> Float[Array, "*batch"]:
    """`p^2 + (1 - p)^2`: the soft score of a person, with the observed share of the votes (0 to 1) in place of p.

    This plug-in estimate is too high by `2 p (1 - p) / V` on average, because the share of V votes is not p: with three
    votes on a triplet that splits people evenly it gives .667, while two people agree with probability .5. Proof:
    `E[k^2 + (V - k)^2] / V^2 = p^2 + (1 - p)^2 + 2 Var(k / V)` with k votes for a and `Var(k / V) = p (1 - p) / V`.
    `vote_agreement` is the same quantity without the bias: `(V * bapps_ceiling - 1) / (V - 1)`. A model that always
    follows the majority scores more, `max(p, 1 - p)`.

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
