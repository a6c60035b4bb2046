"""Pilots: effects that were put into simulated studies are found in them."""

import numpy as np
import pytest

from perface_jax.statistics import pilot
from perface_jax.statistics.planning import Effects


def logistic(x):
    return 1 / (1 + np.exp(-x))


def study(rng, effects: Effects, sources: int, targets: int, votes: int = 3):
    """Votes for a, votes, source, target, and the choices of two models; the formulas of `planning` written out."""
    source, target = np.indices((sources, targets)).reshape(2, -1)

    def crossed(of_source, of_target, of_rest):
        at = rng.normal(0, of_source, sources)[source] + rng.normal(0, of_target, targets)[target]
        return at + rng.normal(0, of_rest, len(source))

    for_a = rng.binomial(votes, logistic(crossed(*effects[:3]))).astype(float)
    shared = crossed(*effects[3:6])
    right = [rng.random(len(source)) < logistic(1.3 + shared + crossed(*effects[6:], 0.0)) for _ in range(2)]
    return for_a, np.full(len(source), float(votes)), source, target, *(one.astype(float) for one in right)


TRUE = Effects(1.2, 0.5, 0.8, 0.6, 0.4, 0.7, 1.0, 0.5)


def test_the_effects_of_a_large_pilot_are_found():
    found = pilot.effects(*study(np.random.default_rng(0), TRUE, 300, 60))
    np.testing.assert_allclose(found, TRUE, atol=0.2)


def test_votes_alone_say_nothing_about_models():
    for_a, votes, source, target, *_ = study(np.random.default_rng(1), Effects(), 80, 80)
    found = pilot.effects(for_a, votes, source, target)
    assert found[3:] == Effects()[3:]
    np.testing.assert_allclose(found[:3], Effects()[:3], atol=0.35)


def test_ids_may_be_any_numbers_and_unknown():
    of_votes = study(np.random.default_rng(3), TRUE, 12, 8)
    known = of_votes[2] > 0  # source 0 becomes unknown
    there = pilot.effects(*(one[known] for one in of_votes))
    for_a, votes, source, target, *right = of_votes
    far = np.where(known, 2_000_000_000 - source, -1), 2_000_000_000 + target
    assert pilot.effects(for_a, votes, *far, *right) == pytest.approx(there)


@pytest.mark.slow
def test_the_effects_of_many_pilots_are_right_on_average():
    found = [pilot.effects(*study(np.random.default_rng(seed), TRUE, 200, 40)) for seed in range(20)]
    print(np.round(np.mean(found, axis=0), 2), np.round(np.std(found, axis=0), 2))
    np.testing.assert_allclose(np.mean(found, axis=0), TRUE, atol=0.06)


def test_pilots_that_say_nothing_are_refused():
    for_a, votes, source, target, right, _ = study(np.random.default_rng(2), Effects(), 4, 3)
    with pytest.raises(ValueError, match="two sources, two targets, and triplets with two votes"):
        pilot.effects(for_a, np.ones(12), source, target)
    with pytest.raises(ValueError, match="two sources, two targets"):
        pilot.effects(for_a, votes, np.zeros(12, int), target)
    with pytest.raises(ValueError, match="every triplet has tied votes or tied similarities"):
        pilot.effects(for_a, votes, source, target, np.full(12, 0.5), right)
    with pytest.raises(ValueError, match="choices of 1 models"):
        pilot.effects(for_a, votes, source, target, right)
