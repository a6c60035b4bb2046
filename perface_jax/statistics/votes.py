"""Counts the votes on a triplet, for NumPy and JAX arrays alike: only methods of the array are called.

Votes are 0 = a, 1 = b, -1 = none.
"""

from typing import Any

from jaxtyping import Int


def count_votes(votes: Int[Any, "*batch v"]) -> tuple[Int[Any, "*batch"], Int[Any, "*batch"]]:
    """The votes for a and the votes for b."""
    return (votes == 0).sum(axis=-1), (votes == 1).sum(axis=-1)


def agreeing_pairs(votes: Int[Any, "*batch v"]) -> tuple[Int[Any, "*batch"], Int[Any, "*batch"]]:
    """The ordered pairs of votes on a triplet: those that agree, and all of them.

    a (a - 1) + b (b - 1) of n (n - 1), with a votes for a, b votes for b and n = a + b.
    """
    a, b = count_votes(votes)
    return a * (a - 1) + b * (b - 1), (a + b) * (a + b - 1)
