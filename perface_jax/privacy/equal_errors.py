"""(Original, anonymized) pairs against impostor pairs at every threshold: equal error rate, ROC.

An equal error rate of 0.5 means that a recognizer cannot distinguish them. Both rates are exact: between two
similarities of (original, anonymized) pairs the true accept rate is constant, so the curve needs no point for an
impostor pair.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Float64, Int

from perface_jax.arrays import AnyArray
from perface_jax.privacy.arguments import Persons, directions, numbered, scores
from perface_jax.privacy.pairs import blocks, counted, weight_of_pairs
from perface_jax.statistics.estimates import Estimate, percentile_estimate
from perface_jax.statistics.resampling import resample
from perface_jax.verification import Roc, crossing


def equal_error(
    similarity: Float[AnyArray, " n"],
    persons: Persons | None = None,
    *,
    impostors: Float[AnyArray, "m d"],
    impostor_persons: Persons | None = None,
    seed: int = 0,
    resamples: int = 1000,
) -> Estimate:
    """`verification.equal_error_rate` of these pairs against all impostor pairs, which are never all in memory.

    The interval draws the persons of the (original, anonymized) pairs and treats the impostors as fixed: the pairs of
    two persons among these originals.
    """
    similarity = scores(similarity, "similarities")
    person = numbered(persons, len(similarity))
    accepted = false_accepts(similarity, impostors, impostor_persons)
    return equal_error_of(similarity, accepted, person, resample(int(person.max()) + 1, resamples, seed=seed))


def false_accepts(
    similarity: Float64[np.ndarray, " n"],
    impostors: Float[AnyArray, "m d"],
    persons: Persons | None = None,
) -> Float64[np.ndarray, "n 2"]:
    """The shares of the impostor pairs that are at least as similar as each pair, and that are more similar."""
    vectors, person = directions(impostors, "impostors"), numbered(persons, len(impostors))
    total = weight_of_pairs(counted(person))
    values, place = np.unique(similarity, return_inverse=True)
    accepted = np.zeros((len(values), 2))
    for cosines, _ in blocks(vectors, person, same=False):
        ascending = np.sort(cosines)
        for column, side in enumerate(("left", "right")):
            accepted[:, column] += len(ascending) - np.searchsorted(ascending, values, side=side)
    return accepted[place] / total


def equal_error_of(
    similarity: Float64[np.ndarray, " n"],
    accepted: Float64[np.ndarray, "n 2"],
    person: Int[np.ndarray, " n"],
    weights: Float64[np.ndarray, "resamples s"],
) -> Estimate:
    """As `equal_error`, from `false_accepts` and draws of persons."""
    rates = equal_error_rates(similarity, accepted, person)
    clusters = weights.shape[1]
    return percentile_estimate(float(rates(np.ones(clusters))), rates(weights), clusters=clusters)


def equal_error_rates(
    similarity: Float64[np.ndarray, " n"], accepted: Float64[np.ndarray, "n 2"], person: Int[np.ndarray, " n"]
) -> Callable[[np.ndarray], np.ndarray]:
    """A function from weights of the persons `[..., S]` to equal error rates `[...]`, NaN if all weights are 0."""
    order = np.argsort(similarity)
    last = np.flatnonzero(np.diff(similarity[order], append=np.inf))  # of each run of equal similarities
    # The curve bends only at the pairs: just below each similarity, and at it.
    falling = accepted[order][last].ravel()

    def rate(draw: np.ndarray) -> float:
        rejected = np.cumsum(draw[person[order]])[last]
        if not rejected[-1]:
            return np.nan
        rising = np.stack([np.append(0, rejected[:-1]), rejected], axis=1).ravel() / rejected[-1]
        return crossing(rising, falling)

    return lambda weights: np.apply_along_axis(rate, -1, weights)


def roc_of(similarity: Float64[np.ndarray, " n"], accepted: Float64[np.ndarray, "n 2"]) -> Roc:
    """`verification.roc` of these pairs against all impostor pairs, from `false_accepts`.

    Two points for each similarity (at it and just below it) and the two ends; straight lines join them.
    """
    descending, place, counts = np.unique(-similarity, return_index=True, return_counts=True)
    at_and_below = np.stack([-descending, np.nextafter(-descending, -np.inf)], axis=1).ravel()
    return Roc(
        threshold=np.concatenate([[np.inf], at_and_below, [-np.inf]]),
        false_accept_rate=np.concatenate([[0], accepted[place, ::-1].ravel(), [1]]),
        true_accept_rate=np.concatenate([[0, 0], np.repeat(np.cumsum(counts) / len(similarity), 2)]),
    )
