"""The background: cosines between pictures of different people, with which a cosine is compared.

For swapped faces, "different people" means that both source and target differ: the pictures share no face and no head.
Pairs with a common picture depend on each other, and so do the pictures of a person. The number of people therefore
says more about the precision than the number of pairs.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int, Shaped
from scipy.special import expit

from perface_jax.similarity_scale.robust import robust_errors
from perface_jax.statistics.estimates import Estimate

MOST = 400  # pictures, 79,800 pairs: the number of people limits the precision long before
SHARES = np.linspace(0, 1, 201)


class Background(NamedTuple):
    """Cosines of different people, by their quantiles.

    Attributes:
      quantiles: at the shares 0, .005, .01, ... 1; the first and the last are the extremes.
      low, high: the 95% interval of the share of pairs below each quantile, as another draw of people would have it.
      pictures, people, pairs: their numbers.
      origin: which pictures, in words.
    """

    quantiles: Float64[np.ndarray, "201"]
    low: Float64[np.ndarray, "201"]
    high: Float64[np.ndarray, "201"]
    pictures: int
    people: int
    pairs: int
    origin: str = ""


class Pairs(NamedTuple):
    """Pairs of pictures of different people.

    Attributes:
      cosine: of each pair.
      first, second: the pictures of each pair, numbered from 0.
      clusters: of each picture, one or two clusterings, as in `different_people`.
    """

    cosine: Float64[np.ndarray, " p"]
    first: Int[np.ndarray, " p"]
    second: Int[np.ndarray, " p"]
    clusters: tuple[Shaped[np.ndarray, " n"], ...]


def different_people(
    embeddings: Float[np.ndarray, "n d"], *clusters: Shaped[np.ndarray, " n"], most: int = MOST
) -> Pairs:
    """All pairs of pictures that differ in every clustering, among at most `most` pictures.

    Args:
      embeddings: finite and not zero, of any length.
      *clusters: the person in each picture; for swaps, the source and the target. Integers or names.
      most: of more pictures, this many are drawn, from as many people as possible, with a fixed seed.

    Raises:
      ValueError: no two pictures differ in every clustering.
    """
    chosen = _spread(clusters[0], most)
    clusters = tuple(np.asarray(ids)[chosen] for ids in clusters)
    unit = np.asarray(embeddings, np.float64)[chosen]
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    first, second = np.triu_indices(len(chosen), 1)
    differ = np.all([ids[first] != ids[second] for ids in clusters], axis=0)
    first, second = first[differ], second[differ]
    if not len(first):
        raise ValueError(f"none of {len(chosen)} pictures shows another person than the others")
    return Pairs((unit @ unit.T)[first, second].clip(-1, 1), first, second, clusters)


def quantiles(pairs: Pairs, *, people: int | None = None, origin: str = "") -> Background:
    """The background of these pairs; `people` defaults to the number of different ones in the first clustering.

    The intervals of the shares are on their log-odds, from the projection of `projected`.
    """
    ends = np.quantile(pairs.cosine, SHARES).round(6)
    low, high = _intervals(pairs, ends[1:-1])
    used = np.union1d(pairs.first, pairs.second)
    people = len(np.unique(pairs.clusters[0][used])) if people is None else people
    low, high = np.concatenate([[0], low, low[-1:]]), np.concatenate([high[:1], high, [1]])
    return Background(ends, low, high, len(used), people, len(pairs.cosine), origin)


def projected(pairs: Pairs, values: Float[np.ndarray, " p"]) -> Float64[np.ndarray, " n"]:
    """How much each picture moves the mean value of the pairs: the sum of `value - mean` over its pairs, of M, by M.

    Source: Hoeffding, Annals of Mathematical Statistics 19 (1948), the projection of a mean over pairs.
    """
    apart, count = values - np.mean(values), len(pairs.clusters[0])
    return (np.bincount(pairs.first, apart, count) + np.bincount(pairs.second, apart, count)) / len(values)


def share_below(background: Background, cosine: float) -> Estimate:
    """The share of pairs of different people with a lower cosine, from 0 to 1; linear between quantiles."""
    ends = background.quantiles
    if ends[0] == ends[-1]:
        return Estimate(float(np.mean([cosine > ends[0], cosine >= ends[0]])), 0.0, 1.0)
    parts = (np.interp(cosine, ends, part) for part in (SHARES, background.low, background.high))
    return Estimate(*map(float, parts))


def _intervals(pairs: Pairs, cosines: Float[np.ndarray, " q"]) -> tuple[np.ndarray, np.ndarray]:
    below = [np.mean(pairs.cosine < c) for c in cosines]
    share = np.clip(below, 1 / len(pairs.cosine), 1 - 1 / len(pairs.cosine))
    scores = np.stack([projected(pairs, (pairs.cosine < c).astype(np.float64)) for c in cosines])
    error, _, t = robust_errors(scores / (share * (1 - share))[:, None], *pairs.clusters)
    odds = np.log(share / (1 - share))
    return expit(odds - t * error).round(6), expit(odds + t * error).round(6)


def _spread(person: Shaped[np.ndarray, " n"], most: int) -> Int[np.ndarray, " m"]:
    """Positions of at most `most` pictures, ascending: one of each person in random order, then a second one, ..."""
    order = np.random.default_rng(0).permutation(len(person))
    owners = np.unique(np.asarray(person)[order], return_inverse=True)[1]
    by_owner = np.argsort(owners, kind="stable")
    starts = np.searchsorted(owners[by_owner], owners[by_owner])
    turn = np.empty(len(order), int)
    turn[by_owner] = np.arange(len(order)) - starts
    return np.sort(order[np.argsort(turn, kind="stable")[:most]])
