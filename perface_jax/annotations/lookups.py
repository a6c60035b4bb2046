"""Predictors that never see a pixel, and what a vote's variance is made of: a description of the data.

Every accuracy of a model must be read against these: where the sources of the test were seen in training, a table of
answers per source already gets most of what there is to get.
"""

import numpy as np

from perface_jax.statistics.resampling import Measure, ratio


def leave_one_out(truth: np.ndarray, judged: np.ndarray, group: np.ndarray) -> Measure:
    """How often a triplet's label is what most OTHER triplets of its group have.

    The look-up counts `truth` over the group without the triplet itself; a tie gets one half.

    Args:
      truth: int [T], the labels the look-up sees, 0, 1 or -1 = none.
      judged: int [T], the labels it is scored on, 0, 1 or -1 = not scored.
      group: int [T], for instance the source of each triplet.
    """
    lean = np.where(truth < 0, 0, 2 * truth - 1)
    others = np.bincount(group, lean)[group] - lean
    right = np.where(others == 0, 0.5, (others > 0) == (judged == 1))
    return ratio(right * (judged >= 0), judged >= 0)


def best_constant(judged: np.ndarray) -> Measure:
    """How often the better of "always a" and "always b" is right; a resample keeps the one that is better overall."""
    letter = int(np.sum(judged == 1) > np.sum(judged == 0))
    return ratio(judged == letter, judged >= 0)


def variance_shares(mean_vote: np.ndarray, source: np.ndarray, target: np.ndarray) -> dict[str, float]:
    """What share of the variance of the mean vote goes with the source, with the target, and with neither.

    Sums of squares of the two-way analysis of variance without replication: SS_source / SS_total and so on; the three
    add up to 1. Noise alone gives each factor some of it: `by_chance_*` is (levels - 1) * MS_rest / SS_total.

    Args:
      mean_vote: float [T], one value for every cell of a full grid.
      source, target: int [T], numbered from 0.
    """
    grid = np.empty((source.max() + 1, target.max() + 1))
    grid[source, target] = mean_vote
    rows, columns = grid.shape
    total = np.sum((grid - grid.mean()) ** 2) or np.nan
    by_source = columns * np.sum((grid.mean(axis=1) - grid.mean()) ** 2) / total
    by_target = rows * np.sum((grid.mean(axis=0) - grid.mean()) ** 2) / total
    rest = 1 - by_source - by_target
    return {
        "source": float(by_source),
        "target": float(by_target),
        "rest": float(rest),
        "by_chance_source": float(rest / max(columns - 1, 1)),
        "by_chance_target": float(rest / max(rows - 1, 1)),
    }
