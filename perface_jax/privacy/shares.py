"""Shares of pictures, such as the protection success rate, with intervals over persons."""

import numpy as np
from jaxtyping import Bool, Float

from perface_jax.arrays import AnyArray
from perface_jax.privacy.arguments import Persons, Values, numbered, scores
from perface_jax.statistics.estimates import Estimate
from perface_jax.statistics.shares import share_of


def is_protected(similarity: Float[AnyArray, " n"], threshold: float) -> Bool[np.ndarray, " n"]:
    """Whether the recognizer does not match each pair: its similarity is at or below the threshold."""
    return np.asarray(similarity, np.float64) <= threshold


def protection_success(
    similarity: Float[AnyArray, " n"],
    threshold: float,
    persons: Persons | None = None,
    *,
    seed: int = 0,
    resamples: int = 1000,
) -> Estimate:
    """Protection success rate: the share of (original, anonymized) pairs that are not matched (`is_protected`).

    It is 1 minus the true accept rate at the false accept rate of the threshold. The interval treats the threshold as
    known; to see the effect of its uncertainty, use the ends of its own interval (`recognizer_table` shows both).

    Args:
      similarity: from `paired_similarity`.
      threshold: from `match_threshold`, of the same recognizer.

    Source: PerceptFace (arXiv 2509.11249), at a false accept rate of 0.001.
    """
    if np.isnan(threshold):
        raise ValueError("the threshold is NaN; wanted the value of match_threshold")
    return share(is_protected(scores(similarity, "similarities"), threshold), persons, seed=seed, resamples=resamples)


def share(values: Values, persons: Persons | None = None, *, seed: int = 0, resamples: int = 1000) -> Estimate:
    """The mean of one number from 0 to 1 per picture with its 95% interval (`statistics.shares.share_of`).

    With one picture per person it is the exact interval of Clopper and Pearson: 19 of 20 protected is [0.751, 0.999],
    100 of 100 is [0.964, 1]. With several, it is that of the effective number of pictures, which depends on how alike
    the pictures of a person are. If all values are 0, or all are 1, that number is the number of persons.

    Values are bool or floating, for instance from `found_within`; outside 0 to 1 they raise ValueError. With one person
    the ends of the interval are NaN. Nothing is drawn: `seed` and `resamples` are accepted for compatibility with
    version 0.1.
    """
    values = scores(values, "values")
    if values.min() < 0 or values.max() > 1:
        raise ValueError(f"values go from {values.min():g} to {values.max():g}; wanted shares, 0 to 1")
    person = numbered(persons, len(values))
    return share_of(values, person)
