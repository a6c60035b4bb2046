"""The threshold at a false accept rate: the similarity above which a recognizer matches two pictures.

The threshold at rate f is the lowest at which at most a share f of the impostor pairs is accepted. Its 95% interval
must end inside the data (ValueError otherwise): the probability `(1 - f)^n` that the largest of n independent pairs
lies below the true quantile must be 0.025 or less. This requires `n >= log(0.025) / log(1 - f)`, 3,688 pairs for f =
0.001.

Pairs that share a face are not independent: N pictures make N (N - 1) / 2 pairs, but only N faces. `match_threshold`
therefore draws persons. Its interval is about right if some faces resemble unusually many others. It is too wide if
none does, because each pair then varies on its own. It is too narrow if a few persons in a hundred make up the whole
tail: it then misses higher thresholds, and protection is understated.
To measure the coverage, run `pytest tests/privacy/test_thresholds.py -m slow -s`.
"""

import math

import numpy as np
from jaxtyping import Float

from perface_jax.arrays import AnyArray
from perface_jax.privacy.arguments import Persons, directions, numbered, scores
from perface_jax.privacy.pairs import ImpostorPairs, counted, impostor_pairs, weight_of_pairs
from perface_jax.statistics.estimates import Estimate, percentile_estimate
from perface_jax.statistics.resampling import resample
from perface_jax.verification import lowest_threshold

KEPT = 2_000_000  # pairs: all of 2,000 pictures
TAIL = 20  # keep at least this many times the accepted pairs, for resamples that reach further down


def match_threshold(
    embeddings: Float[AnyArray, "n d"],
    persons: Persons | None = None,
    *,
    false_accept_rate: float = 1e-3,
    seed: int = 0,
    resamples: int = 1000,
) -> Estimate:
    """The threshold at a false accept rate, measured on all pairs of two different persons, with its 95% interval.

    An expanded percentile bootstrap over persons: the weight of a pair is the product of how often its two persons are
    drawn. A person drawn twice is not its own impostor. With fewer than ten persons the interval is meaningless.

    Args:
      embeddings: of originals.
      false_accept_rate: share of the impostor pairs that may be accepted, above 0 and below 1.

    Raises:
      ValueError: fewer than two persons, fewer pairs than `pairs_needed`, or a threshold of 1: the pictures are copies.
    """
    vectors, person = directions(embeddings, "embeddings"), numbered(persons, len(embeddings))
    pairs = int(weight_of_pairs(counted(person)))
    _refuse_few(pairs, false_accept_rate)
    tail = impostor_pairs(vectors, person, keep=max(KEPT, math.ceil(TAIL * false_accept_rate * pairs)))
    draws = resample(len(tail.pictures), resamples, seed=seed)
    values = [_threshold(tail, draw, false_accept_rate) for draw in draws if np.count_nonzero(draw) > 1]
    value = _threshold(tail, np.ones(len(tail.pictures)), false_accept_rate)
    if value >= 1:
        raise ValueError(
            f"more than {false_accept_rate:g} of the {pairs:,} pairs of two persons have the same embedding; give every"
            " picture once, give the persons, or check the recognizer"
        )
    return percentile_estimate(value, values, clusters=len(tail.pictures))


def independent_threshold(similarity: Float[AnyArray, " n"], *, false_accept_rate: float = 1e-3) -> Estimate:
    """The threshold from impostor pairs of which no two share a person, with its 95% interval.

    The interval is exact for any distribution: its ends are order statistics, the a-th and the b-th largest, with
    `P(X < a) <= 0.025` and `P(X >= b) <= 0.025`, X binomial with n pairs and the rate. If pairs share persons it is too
    narrow: use `match_threshold`. ValueError with fewer than `pairs_needed`.
    """
    from scipy.stats import binom  # takes a second to import

    descending = np.sort(scores(similarity, "similarities"))[::-1]
    count = len(descending)
    _refuse_few(count, false_accept_rate)
    value = lowest_threshold(descending, np.arange(1, count + 1), false_accept_rate=false_accept_rate)
    above, below = (int(binom.ppf(tail, count, false_accept_rate)) for tail in (0.025, 0.975))
    return Estimate(value, float(descending[below]), float(descending[above - 1]))


def pairs_needed(false_accept_rate: float) -> int:
    """The smallest number of impostor pairs for an interval whose ends lie inside the data (module docstring)."""
    if not 0 < false_accept_rate < 1:
        raise ValueError(f"false_accept_rate is {false_accept_rate}; wanted more than 0 and less than 1, such as 0.001")
    return math.ceil(math.log(0.025) / math.log(max(false_accept_rate, 1 - false_accept_rate)))


def _refuse_few(pairs: int, false_accept_rate: float) -> None:
    needed = pairs_needed(false_accept_rate)
    if pairs < needed:
        persons = math.ceil((1 + math.sqrt(1 + 8 * needed)) / 2)  # persons (persons - 1) / 2 >= needed
        raise ValueError(
            f"{pairs:,} pairs of two persons; a threshold at a false accept rate of {false_accept_rate:g} needs"
            f" {needed:,}, that is pictures of {persons:,} persons. Give more impostors, or choose a higher rate"
        )


def _threshold(tail: ImpostorPairs, weights: np.ndarray, false_accept_rate: float) -> float:
    """The threshold if the pictures of each person count `weights` `[S]` times."""
    total = weight_of_pairs(weights * tail.pictures)
    depth = min(len(tail.similarity), math.ceil(4 * false_accept_rate * weight_of_pairs(tail.pictures)))
    while True:  # rarely more than once: few of a million pairs need to be weighed
        one, other = weights[tail.persons[:depth].T]
        accepted = np.cumsum(one * other)
        if accepted[-1] / total > false_accept_rate or depth == len(tail.similarity):
            break
        depth = min(4 * depth, len(tail.similarity))
    return lowest_threshold(tail.similarity, np.append(accepted, total), false_accept_rate=false_accept_rate)
