"""How far people agree with each other: the ceiling of any score against their votes, per triplet.

`votes` is integer `[..., T, V]`, 0 = a, 1 = b, -1 = none. A triplet with fewer than two votes says nothing of agreement
and gives NaN: pass `where=~jnp.isnan(scores)` to what averages them. All functions are traceable.

A ceiling belongs to ALL triplets of a setting. On the unanimous ones it is 1 by selection: they were kept because their
votes agree, and coin tosses that are kept because they agree agree just as well.
"""

import jax
import jax.numpy as jnp

from perface_jax.statistics.arguments import floats, integers
from perface_jax.statistics.votes import agreeing_pairs, count_votes


def vote_agreement(votes: jax.Array) -> jax.Array:
    """Share of the pairs of different votes on a triplet that agree: `(a (a - 1) + b (b - 1)) / (n (n - 1))`.

    With a votes for a, b for b, n = a + b. Its expectation is `p^2 + (1 - p)^2`, p the share of all people who would
    vote a, without bias for any n of at least 2.

    Args:
      votes: integer `[..., T, V]`, 0 = a, 1 = b, -1 = none.

    Returns:
      `[..., T]` in [0, 1]; NaN where a triplet has fewer than two votes.

    Raises:
      TypeError: votes that are not integer.
      ValueError: votes without an axis of voters.
    """
    return _per_triplet(*agreeing_pairs(_checked(votes)))


def vote_against_others(votes: jax.Array) -> jax.Array:
    """How well one vote is predicted by the majority of the others: the mean over the votes of a triplet.

    A vote gets 1 where most of the others chose the same, 1/2 where the others tie, 0 otherwise. With two or three
    votes it equals `vote_agreement`; with more it is higher on average: a majority knows more than one person.

    Args:
      votes: integer `[..., T, V]`, 0 = a, 1 = b, -1 = none.

    Returns:
      `[..., T]` in [0, 1]; NaN where a triplet has fewer than two votes.

    Raises:
      TypeError, ValueError: as for `vote_agreement`.
    """
    a, b = count_votes(_checked(votes))
    right = a * (jnp.sign(a - 1 - b) + 1) + b * (jnp.sign(b - 1 - a) + 1)  # twice the points of all voters
    return _per_triplet(right, jnp.where(a + b >= 2, 2 * (a + b), 0))


def bapps_ceiling(share: jax.Array) -> jax.Array:
    """`p^2 + (1 - p)^2`: the soft score a person would get, with the share of the votes put in for p.

    The share of V votes is not p, and the plug-in is too high by `2 p (1 - p) / V` on average: with three votes on a
    triplet that splits people evenly it says .667 where two people agree with .5. For
    `E[k^2 + (V - k)^2] / V^2 = p^2 + (1 - p)^2 + 2 Var(k / V)` with k votes for a, `Var(k / V) = p (1 - p) / V`.
    `vote_agreement` is the same quantity without the bias: `(V * bapps_ceiling - 1) / (V - 1)`.

    Args:
      share: floating `[...]` in [0, 1], the votes for a (or for b) among all votes.

    Returns:
      `[...]` in [1/2, 1]. A model that always follows the majority gets `max(p, 1 - p)`, which is more.

    Raises:
      TypeError: shares that are not floating.

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
