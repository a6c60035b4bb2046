"""Image-blind baselines, and the components of the variance of the votes: a description of the data.

Compare every accuracy of a model with these. If the sources of the test were seen in training, a table of answers by
source alone achieves most of what is achievable.
"""

import numpy as np
from jaxtyping import Float, Int

from perface_jax.statistics.resampling import Measure, ratio


def leave_one_out(truth: Int[np.ndarray, " t"], judged: Int[np.ndarray, " t"], group: Int[np.ndarray, " t"]) -> Measure:
    """How often most OTHER triplets of a triplet's group, such as its source, have the same label.

    `truth` (0, 1, or -1 = none) is counted over the group without the triplet itself; a tie scores one half. `judged`
    has the labels to predict (0, 1, or -1 = not scored).
    """
    lean = np.where(truth < 0, 0, 2 * truth - 1)
    others = np.bincount(group, lean)[group] - lean
    right = np.where(others == 0, 0.5, (others > 0) == (judged == 1))
    return ratio(right * (judged >= 0), judged >= 0)


def best_constant(judged: Int[np.ndarray, " t"]) -> Measure:
    """How often the better of "always a" and "always b" is right; all resamples use the one that is better overall."""
    letter = int(np.sum(judged == 1) > np.sum(judged == 0))
    return ratio(judged == letter, judged >= 0)


def variance_shares(
    mean_vote: Float[np.ndarray, " t"], source: Int[np.ndarray, " t"], target: Int[np.ndarray, " t"]
) -> dict[str, float]:
    """The shares of the variance of the mean vote explained by the source, by the target, and by neither.

    Sums of squares of the two-way analysis of variance: SS_source / SS_total and so on; the three add up to 1. If cells
    of the crossing are empty or hold several triplets, source and target explain part of the variance together. Each
    then gets the mean of its share alone and its share after the other. Noise alone gives each factor a share:
    `by_chance_*` is (levels - 1) * MS_rest / SS_total. `statistics.variance_components` has estimates without that
    bias.

    Source: Lindeman, Merenda & Gold (1980), for the mean of both orders, Introduction to Bivariate and Multivariate
    Analysis.
    """
    source, target = (np.unique(ids, return_inverse=True)[1] for ids in (source, target))
    x = np.asarray(mean_vote, np.float64) - np.mean(mean_vote)
    alone = [np.sum(np.bincount(ids, x) ** 2 / np.bincount(ids)) for ids in (source, target)]
    both, rank = _explained(x, source, target)
    total = np.sum(x * x) or np.nan
    shares = [(one + both - other) / 2 / total for one, other in (alone, alone[::-1])]
    rest = 1 - both / total
    chance = [ids.max() * rest / max(len(x) - rank, 1) for ids in (source, target)]
    names = ("source", "target", "rest", "by_chance_source", "by_chance_target")
    return dict(zip(names, map(float, (*shares, rest, *chance)), strict=True))


def _explained(x, source, target) -> tuple[float, int]:
    """The sum of squares that source and target explain together, and their number of parameters.

    Least squares after eliminating the sources, which leaves one equation per target.
    """
    crossing = np.zeros((source.max() + 1, target.max() + 1))
    np.add.at(crossing, (source, target), 1.0)
    shares = crossing / crossing.sum(axis=1, keepdims=True)
    of_source = np.bincount(source, x)
    equations = np.diag(crossing.sum(axis=0)) - crossing.T @ shares
    after_source = np.bincount(target, x) - of_source @ shares
    effects, _, rank, _ = np.linalg.lstsq(equations, after_source, rcond=1e-10)
    return float(np.sum(of_source**2 / crossing.sum(axis=1)) + after_source @ effects), len(crossing) + int(rank)
