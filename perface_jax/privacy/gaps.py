"""Are all groups protected alike? The largest difference between two groups, and how large it would be by chance.

The largest of several differences is biased upwards: even among equal groups, the best and the worst differ, the more
so the smaller and the more numerous the groups are. Its bootstrap interval is also biased, because it adds sampling
noise to the noise of the data, and hardly ever contains 0. Compare a gap with `by_chance`: the gaps between groups of
the same sizes, dealt at random among the persons. If all values are equal, for instance if everybody is protected, gap
and interval are 0 for any number of persons: see the intervals of the groups instead.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Shaped

from perface_jax.arrays import AnyArray
from perface_jax.privacy.arguments import Persons, Values, numbered, scores
from perface_jax.statistics.estimates import Estimate, percentile_estimate, percentile_interval
from perface_jax.statistics.resampling import divide, resample, sum_by

ROUNDING = 1e-12  # a deal with the same means may sum them in another order


class Gap(NamedTuple):
    """The largest difference between two groups, of a mean or of another measure of a group.

    Attributes:
      lowest, highest: the groups.
      gap: the difference of their measures; the interval is that of the largest gap between any two, biased upwards.
      by_chance: the mean gap, and the central 95%, with the groups dealt at random among the persons.
      p_value: share of the deals with a gap at least as large; the data itself counts as one more deal. Not corrected
        for other gaps (`statistics.multiple.holm`).
    """

    lowest: str
    highest: str
    gap: Estimate
    by_chance: Estimate
    p_value: float


def largest_gap(
    values: Values,
    groups: Shaped[AnyArray, " n"] | Sequence[str],
    persons: Persons | None = None,
    *,
    seed: int = 0,
    resamples: int = 1000,
) -> Gap:
    """The largest difference between the means of two groups, with a bootstrap interval and the gaps by chance.

    The interval draws persons with replacement and leaves out draws in which a group is empty; `by_chance` deals the
    groups anew among the persons.

    Args:
      values: bool or floating, for instance `similarity <= threshold`.
      groups: names; a picture with an empty name is in no group.

    Raises:
      ValueError: fewer than two groups, or a person in two of them.
    """
    values, names = scores(values, "values"), group_names(groups, len(values))
    person, known = numbered(persons, len(values)), names != ""
    person = numbered(person[known], int(known.sum()))
    classes, group = groups_of(names[known], person)
    sums = sum_by(np.stack([values[known], np.ones(known.sum())], axis=1), person, len(group))

    def means(weights: np.ndarray) -> np.ndarray:
        return divide(*np.moveaxis(weights @ sums, -1, 0))

    return gap_of(means, classes, group, seed=seed, resamples=resamples)


def gap_of(
    measure: Callable[[np.ndarray], np.ndarray],
    classes: Shaped[np.ndarray, " g"],
    group: Int[np.ndarray, " s"],
    *,
    seed: int,
    resamples: int,
) -> Gap:
    """As `largest_gap`, for any measure of weighted persons.

    `measure` maps weights of the persons `[..., S]` to the measure of a group `[...]`, NaN if all weights are 0;
    `group` is that of each person, a position in `classes`.
    """
    each, draws = range(len(classes)), resample(len(group), resamples, seed=seed)
    deals = np.random.default_rng(seed).permuted(np.tile(group, (resamples, 1)), axis=1)
    found = [measure((group == one).astype(np.float64)) for one in each]
    drawn = np.ptp([measure(draws * (group == one)) for one in each], axis=0)
    dealt = np.ptp([measure((deals == one).astype(np.float64)) for one in each], axis=0)
    return Gap(
        lowest=str(classes[np.argmin(found)]),
        highest=str(classes[np.argmax(found)]),
        gap=percentile_estimate(np.ptp(found), drawn, clusters=len(group)),
        by_chance=Estimate(float(dealt.mean()), *percentile_interval(dealt)),
        p_value=float((1 + np.sum(dealt >= np.ptp(found) - ROUNDING)) / (1 + resamples)),
    )


def group_names(groups: Shaped[AnyArray, " n"] | Sequence[str], count: int) -> Shaped[np.ndarray, " n"]:
    """The names of the groups as strings. ValueError if they do not fit, or nobody is in a group."""
    groups = np.asarray(groups)
    names = groups.astype(str)
    if names.shape != (count,) or not np.any(names != ""):
        members = f"{np.sum(names != '')} with a name"
        raise ValueError(f"groups have shape {names.shape}, {members}; wanted ({count},), one name per picture")
    return names


def groups_of(
    names: Shaped[np.ndarray, " n"], person: Int[np.ndarray, " n"]
) -> tuple[Shaped[np.ndarray, " g"], Int[np.ndarray, " s"]]:
    """The different names, and for each person the position of its name."""
    classes, group = np.unique(names, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"every picture is in {classes[0]}; a gap needs two groups or more")
    of_person = np.empty(person.max() + 1, int)
    of_person[person] = group
    if twice := np.unique(person[of_person[person] != group]).size:
        raise ValueError(
            f"{twice} of {len(of_person)} persons are in two groups; wanted one group for all pictures of a person:"
            " chance is measured by dealing the groups anew among persons"
        )
    return classes, of_person
