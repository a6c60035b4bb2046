"""How many sources, targets and votes does a study need? The power of the paired test by simulation.

A triplet (s, t) shows source s on target t. With z independent standard normal numbers and sd from `Effects`,

    logit P(a person votes for the preferred side) = |theta|
        theta      = vote_source z_s + vote_target z_t + vote_rest z_st
    logit P(model m chooses the preferred side) = location_m + shared_source z_s + shared_target z_t + shared_rest z_st
                                                  + model_source z_ms + model_target z_mt

The preferred side is the one that most people would choose. `accuracy` is how often the first model chooses it, and
`accuracy + gain` how often the second does. Labels of few votes are sometimes wrong, so scores show a little less.

The decisive effect is `model_source`: whether the models are good on different sources. It does not average out over
targets.
"""

import enum
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from perface_jax.statistics.logit_normal import location

CELLS = 2_000_000  # simulated triplets that are in memory at once


class Labels(enum.StrEnum):
    """What a model is compared with; the score of a triplet as in `docs/statistics.md`."""

    UNANIMOUS = "unanimous"
    MAJORITY = "majority"
    SOFT = "soft"


class PairedTest(enum.StrEnum):
    """The paired test: two-way cluster-robust, as in `cluster_robust`, or over sources only."""

    TWO_WAY = "two_way"
    SOURCE = "source"


class Effects(NamedTuple):
    """Standard deviations on the logit scale; `pilot` estimates them.

    Those of the votes are `pilot`'s estimates for the SimCelebA release, its third column repaired; the source explains
    .63 of the variance of the mean vote, the target nothing beyond chance. The release has no scores of models: the
    proportions of `shared_*` are about those of the votes, and `model_source` is a guess. Try .3 and 1.
    """

    vote_source: float = 1.92
    vote_target: float = 0.0
    vote_rest: float = 0.36
    shared_source: float = 0.8
    shared_target: float = 0.0
    shared_rest: float = 0.6
    model_source: float = 0.3
    model_target: float = 0.0


class Power(NamedTuple):
    """The result of `power` for one design.

    Attributes:
      power: the share of simulated studies in which the test finds a difference.
      error: its Monte Carlo standard error.
      scored: triplets with a label, on average.
      gain: the difference of the mean scores, on average.
      spread: its standard deviation over studies.
    """

    power: float
    error: float
    scored: float
    gain: float
    spread: float


def power(
    *,
    sources: int,
    targets: int,
    votes: int = 3,
    gain: float = 0.05,
    accuracy: float = 0.8,
    labels: Labels | str = Labels.UNANIMOUS,
    effects: Effects = Effects(),  # noqa: B008  # a tuple of numbers
    test: PairedTest | str = PairedTest.TWO_WAY,
    level: float = 0.05,
    simulations: int = 1000,
    seed: int = 0,
) -> Power:
    """The power of the paired test in a study of sources x targets triplets with `votes` votes each, by simulation.

    Args:
      gain: of the second model over the first, on the scale of `accuracy`. At 0 the power is the size of the test.
      accuracy: how often the first model chooses the side that most people would choose, in (0, 1).
      level: of the two-sided test, in (0, 1).

    Raises:
      ValueError: fewer than two sources or targets, unanimous labels of one vote, numbers out of range.

    Source: the model is in the docstring of this module; the test is by Cameron, Gelbach & Miller (2011).
    """
    labels, test = Labels(labels), PairedTest(test)
    _check(sources, targets, votes, gain, accuracy, labels, effects, level, simulations)
    rng, per_block = np.random.default_rng(seed), max(CELLS // (sources * targets), 1)
    blocks = [min(per_block, simulations - start) for start in range(0, simulations, per_block)]
    found = []
    for studies in blocks:
        difference, kept = _simulate(
            rng, (studies, sources, targets), votes, (accuracy, accuracy + gain), labels, effects
        )
        found.append((*_test(difference, kept, test, level), kept.sum(axis=(1, 2))))
    rejected, mean, scored = (np.concatenate(parts) for parts in zip(*found, strict=True))
    share = float(np.mean(rejected))
    return Power(
        share, float(np.sqrt(share * (1 - share) / simulations)), float(scored.mean()),
        float(np.nanmean(mean)), float(np.nanstd(mean)),
    )  # fmt: skip


def _check(sources, targets, votes, gain, accuracy, labels, effects, level, simulations) -> None:
    if min(sources, targets) < 2:
        raise ValueError(f"{sources} sources x {targets} targets; wanted two or more of each")
    if votes < 1 + (labels is Labels.UNANIMOUS) or simulations < 1:
        raise ValueError(f"{votes} votes, {labels} labels, {simulations} simulations; wanted more votes or simulations")
    if not (0 < accuracy < 1 and 0 < accuracy + gain < 1 and 0 < level < 1):
        raise ValueError(f"accuracy {accuracy}, with the gain {accuracy + gain}, level {level}; wanted all in (0, 1)")
    if not all(0 <= one < 100 for one in effects):
        raise ValueError(f"{effects}; wanted standard deviations from 0 to 100")


def _simulate(rng, shape, votes, accuracies, labels, effects) -> tuple[np.ndarray, np.ndarray]:
    """The difference of the scores of two models [studies, sources, targets], and where there is a label."""
    theta = _crossed(rng, shape, effects.vote_source, effects.vote_target, effects.vote_rest)
    support, for_it = _logistic(np.abs(theta)), np.zeros(shape, np.int16)
    for _ in range(votes):
        for_it += rng.random(shape, np.float32) < support
    sign = 2 * for_it / np.float32(votes) - 1  # the score of the preferred side minus that of the other
    if labels is Labels.MAJORITY:
        sign = np.sign(sign)
    kept = {Labels.UNANIMOUS: np.abs(sign) == 1, Labels.MAJORITY: sign != 0, Labels.SOFT: np.ones(shape, bool)}[labels]
    shared = _crossed(rng, shape, effects.shared_source, effects.shared_target, effects.shared_rest)
    total = float(np.sqrt(np.sum(np.square(effects[3:]))))
    right = []
    for accuracy in accuracies:
        own = _crossed(rng, shape, effects.model_source, effects.model_target, 0.0)
        chance = _logistic(shared + own + np.float32(location(accuracy, total)))
        right.append((rng.random(shape, np.float32) < chance).astype(np.float32))
    return np.where(kept, (right[1] - right[0]) * sign, 0), kept


def _crossed(rng, shape, of_source: float, of_target: float, of_rest: float) -> np.ndarray:
    """A sum of normal effects of the source, of the target and of the triplet."""
    studies, sources, targets = shape
    sizes = ((studies, sources, 1), (studies, 1, targets), shape)
    found = np.zeros(shape, np.float32)
    for deviation, size in zip((of_source, of_target, of_rest), sizes, strict=True):
        if deviation:
            found += np.float32(deviation) * rng.standard_normal(size, np.float32)
    return found


def _logistic(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def _test(
    difference: Float32[np.ndarray, "studies s t"], kept: Bool[np.ndarray, "studies s t"], test: PairedTest, level
):
    """(whether the test rejects, the mean difference), one for each study; the formula is that of `cluster_robust`."""
    mean, error, degrees = robust_mean(difference, kept, two_way=test is PairedTest.TWO_WAY)
    from scipy.special import stdtrit  # takes a while to import

    critical = stdtrit(np.maximum(degrees, 1), 1 - level / 2)
    return (degrees >= 1) & (np.abs(mean) > critical * error), mean


def robust_mean(
    scores: Float32[np.ndarray, "studies s t"], kept: Bool[np.ndarray, "studies s t"], *, two_way: bool = True
) -> tuple[Float[np.ndarray, " studies"], Float[np.ndarray, " studies"], Int[np.ndarray, " studies"]]:
    """`cluster_robust.robust_mean` of many grids with one triplet per cell: (means, standard errors, degrees)."""
    count = kept.sum(axis=(1, 2))
    mean = np.sum(scores, axis=(1, 2), where=kept, dtype=np.float64) / np.maximum(count, 1)
    residual = np.where(kept, scores - mean[:, None, None], 0)

    def variance(sums, clusters):
        scale = clusters / np.maximum(clusters - 1, 1) / np.maximum(count, 1) ** 2
        return scale * np.sum(np.square(sums), axis=1)

    def over(axis):
        return residual.sum(axis=axis), kept.any(axis=axis).sum(axis=1)

    (of_source, sources), (of_target, targets) = over(2), over(1)
    found, clusters = variance(of_source, sources), sources
    if two_way:
        by_target, by_cell = variance(of_target, targets), variance(residual.reshape(len(count), -1), count)
        found = np.maximum(np.maximum(found, by_target), found + by_target - by_cell)
        clusters = np.minimum(sources, targets)
    return np.where(count > 0, mean, np.nan), np.sqrt(found), clusters - 1
