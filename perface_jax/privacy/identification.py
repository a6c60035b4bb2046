"""Re-identification: is a person's own original found among all originals? Re-ID rate and rank-k curves.

The rank of an anonymized picture is that of the most similar original of its own person among the originals of all
others. All orders of exactly tied originals are equally likely: with b originals of others more similar and t tied, the
own original is among the first k with probability `(k - b) / (t + 1)`, clipped to [0, 1]. The Re-ID rate is the mean of
this probability for k = 1, the cumulative match curve its mean for every k.

Source: Re-ID of Face Anonymization Made Simple (arXiv 2411.00762): the share of outputs whose most similar face in the
test set is their own original. It does not state its rule for ties, or for several originals of one person.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float64, Int

from perface_jax.arrays import AnyArray
from perface_jax.privacy.arguments import Persons, directions, numbered
from perface_jax.privacy.pairs import BLOCK, cosines
from perface_jax.statistics.estimates import Estimate
from perface_jax.statistics.shares import share_of


class Ranks(NamedTuple):
    """The rank of the own person among the originals, for each anonymized picture.

    `better` counts the originals of others that are more similar than the most similar one of the own person, `tied`
    those that are exactly as similar.
    """

    better: Int[np.ndarray, " n"]
    tied: Int[np.ndarray, " n"]


def ranks(
    anonymized: Float[AnyArray, "n d"],
    originals: Float[AnyArray, "m d"],
    persons: Persons | None = None,
    *,
    original_persons: Persons | None = None,
) -> Ranks:
    """Compare each anonymized picture with all originals; 256 rows of the N x M cosines are in memory at once.

    Args:
      originals: the gallery. An original of another person that appears twice counts twice.
      persons: the person in each anonymized picture; None = all different.
      original_persons: the person in each original; None = `persons`, row by row, so M = N.

    Raises:
      ValueError: a person without an original.
    """
    probes, gallery = directions(anonymized, "anonymized"), directions(originals, "originals")
    if probes.shape[1] != gallery.shape[1]:
        raise ValueError(
            f"anonymized have {probes.shape[1]} numbers each, originals {gallery.shape[1]}; wanted the same number"
        )
    person, owner = people_of(persons, original_persons, len(probes), len(gallery))
    better, tied = np.empty(len(probes), int), np.empty(len(probes), int)
    for start in range(0, len(probes), BLOCK):
        rows = slice(start, start + BLOCK)
        better[rows], tied[rows] = ranks_of(cosines(probes[rows], gallery), person[rows, None] == owner)
    return Ranks(better, tied)


def ranks_of(similarity: Float[np.ndarray, "n m"], own: Bool[np.ndarray, "n m"]) -> Ranks:
    """As `ranks`, from the similarities of n anonymized pictures and m originals, and which pairs show one person."""
    best = np.max(similarity, axis=1, where=own, initial=-np.inf, keepdims=True)
    return Ranks(np.sum((similarity > best) & ~own, axis=1), np.sum((similarity == best) & ~own, axis=1))


def found_within(found: Ranks, *, k: int) -> Float64[np.ndarray, " n"]:
    """The probability that the own original is among the k most similar, k = 1 or more; k = 1 is Re-ID."""
    if k < 1:
        raise ValueError(f"k is {k}; wanted 1 or more")
    return np.clip((k - found.better) / (found.tied + 1), 0, 1)


def cumulative_match(
    found: Ranks, persons: Persons | None = None, *, most: int, seed: int = 0, resamples: int = 1000
) -> list[Estimate]:
    """The cumulative match curve: the share found within k for k = 1 to `most`, each with its 95% interval.

    `most` is 1 or more; `seed` and `resamples` are those of `share`.
    """
    person = numbered(persons, len(found.better))
    return [share_of(found_within(found, k=k), person) for k in range(1, most + 1)]


def people_of(
    persons: Persons | None, original_persons: Persons | None, probes: int, originals: int
) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " m"]]:
    """The person in each of `probes` anonymized pictures and of `originals`, with a common numbering.

    Arguments and errors as for `ranks`.
    """
    if original_persons is None:
        if probes != originals:
            raise ValueError(
                f"{probes} anonymized pictures and {originals} originals; wanted row i of the first made from row i of"
                " the second, or `persons` and `original_persons`"
            )
        person = numbered(persons, probes)
        return person, person
    if persons is None:
        raise ValueError("original_persons without persons; say who is on the anonymized pictures, too")
    numbered(persons, probes)  # refuses each by its own length
    numbered(original_persons, originals)
    both = numbered(np.concatenate([persons, original_persons]), probes + originals)
    person, owner = both[:probes], both[probes:]
    if (missing := ~np.isin(person, owner)).any():
        raise ValueError(
            f"{missing.sum()} of {probes} anonymized pictures show a person without an original, the first"
            f" {np.asarray(persons)[missing][0]!s}; wanted an original of every person"
        )
    return person, owner
