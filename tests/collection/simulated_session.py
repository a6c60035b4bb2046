"""Votes of simulated annotators on a study, without a server."""

from collections.abc import Iterator

import numpy as np

from perface_jax.collection import Side, Study, Trial, Vote, plan_hash, plan_trials


def votes_of(
    study: Study, annotator: int, *, seed: int = 0, side_bias: float = 0.0, speed: float = 1.0, lapse: float = 0.02
) -> Iterator[Vote]:
    """All votes of an annotator.

    Args:
      side_bias: share of trials that get the left picture whatever it is.
      speed: how many times faster than the others.
      lapse: share of trials answered by chance.
    """
    trials = plan_trials(study, annotator)
    random = np.random.default_rng((seed, annotator))
    pace = 2500 * np.exp(0.25 * random.standard_normal()) / speed
    for trial in trials:
        side = _side(random, trial, side_bias, lapse)
        yield Vote.on(
            trial,
            annotator=f"p{annotator:02d}",
            choice=trial.choice(side),
            milliseconds=int(pace * np.exp(0.4 * random.standard_normal())),
            plan=plan_hash(trials),
            time=f"2026-11-30T21:{trial.index // 60 % 60:02d}:{trial.index % 60:02d}.{annotator:03d}Z",
        )


def _side(random: np.random.Generator, trial: Trial, side_bias: float, lapse: float) -> Side:
    if random.random() < side_bias:
        return Side.LEFT
    if random.random() < lapse:
        return Side.RIGHT if random.random() < 0.5 else Side.LEFT
    if trial.expected:
        return trial.side(trial.expected)
    chance = np.random.default_rng(int.from_bytes(trial.triplet.encode(), "big")).beta(0.8, 0.8)  # that a is chosen
    return trial.side("a" if random.random() < chance else "b")
