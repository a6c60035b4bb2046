"""Image-blind baselines, and how the variance of the votes divides: a description of the data.

Compare every accuracy of a model with these: if the sources of the test were seen in training, a table of answers per
source already achieves most of what is achievable.
"""

import numpy as np
from jaxtyping import Float, Int

from perface_jax.statistics.resampling import Measure, ratio


def leave_one_out(truth: Int[np.ndarray, " t"], judged: Int[np.ndarray, " t"], group: Int[np.ndarray, " t"]) -> Measure:
    """How often a triplet's label is that of most OTHER triplets of its group, such as its source.

    `truth` (0, 1, or -1 = none) is counted over the group without the triplet itself; a tie scores one half. `judged`
    are the labels to predict, 0, 1, or -1 = not scored.
    """
    lean = np.where(truth < 0, 0, 2 * truth - 1)
    others = np.bincount(group, lean)[group] - lean
    right = np.where(others == 0, 0.5, (others > 0) == (judged == 1))
    return ratio(right * (judged >= 0), judged >= 0)


def best_constant(judged: Int[np.ndarray, " t"]) -> Measure:
    """How often the better of "always a" and "always b" is right; resamples keep the one that is better overall."""
    letter = int(np.sum(judged == 1) > np.sum(judged == 0))
    return ratio(judged == letter, judged >= 0)


def variance_shares(
    mean_vote: Float[np.ndarray, " t"], source: Int[np.ndarray, " t"], target: Int[np.ndarray, " t"]
) -> dict[str, float]:
    """The shares of the variance of the mean vote explained by the source, by the target, and by neither.

    Sums of squares of the two-way analysis of variance without replication: SS_source / SS_total and so on; the three
    add up to 1. Noise alone gives each factor a share: `by_chance_*` is (levels - 1) * MS_rest / SS_total.

    The grid must be full; sources and targets are numbered from 0.
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
