"""Shares of pictures, such as the protection success rate, with intervals that draw whole persons."""

import numpy as np

from perface_jax.privacy.arguments import numbered, scores
from perface_jax.statistics.estimates import Estimate
from perface_jax.statistics.resampling import resample
from perface_jax.statistics.shares import share_of


def protection_success(
    similarity: np.ndarray,
    threshold: float,
    persons: np.ndarray | None = None,
    *,
    seed: int = 0,
    resamples: int = 1000,
) -> Estimate:
    """Protection success rate: the share of (original, anonymized) pairs that are not matched, similarity <= threshold.

    It is 1 minus the true accept rate at the false accept rate of the threshold. The interval takes the threshold as
    given; what its own uncertainty does is seen at the ends of its interval, `machine_table` prints both.

    Args:
      similarity: floating `[N]`, of `paired_similarity`.
      threshold: of `match_threshold`, of the same recognizer.
      persons: integers or strings `[N]`; None = all different.
      seed, resamples: of the bootstrap.

    Raises:
      TypeError, ValueError: as for `share`, or a threshold that is NaN.

    Source: PerceptFace (arXiv 2509.11249), at a false accept rate of 0.001.
    """
    if np.isnan(threshold):
        raise ValueError("the threshold is NaN; wanted the value of match_threshold")
    return share(scores(similarity, "similarities") <= threshold, persons, seed=seed, resamples=resamples)


def share(values: np.ndarray, persons: np.ndarray | None = None, *, seed: int = 0, resamples: int = 1000) -> Estimate:
    """The mean of one number from 0 to 1 a picture with its 95% interval, a percentile bootstrap over persons.

    Where all are 0, or all 1, no resample can hold what the data does not hold: the interval then is that of
    Clopper and Pearson with as many trials as persons, `[0.025^(1 / S), 1]`; 100 of 100 protected is [0.964, 1].

    Args:
      values: bool or floating `[N]`, 0 to 1, such as `found_within`.
      persons: integers or strings `[N]`; None = all different.
      seed, resamples: of the bootstrap; resamples x persons numbers are held at once.

    Returns:
      the mean and its interval, NaN with one person.

    Raises:
      TypeError, ValueError: persons that do not fit, or values that are not from 0 to 1.
    """
    values = scores(values, "values")
    if values.min() < 0 or values.max() > 1:
        raise ValueError(f"values go from {values.min():g} to {values.max():g}; wanted shares, 0 to 1")
    person = numbered(persons, len(values))
    return share_of(values, person, resample(person.max() + 1, resamples, seed=seed))
