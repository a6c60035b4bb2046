"""Intervals of the slope and of p cover the truth of simulated studies."""

import numpy as np
import pytest

from perface_jax import similarity_scale
from tests.similarity_scale import simulation

COSINES = (0.1, 0.3, 0.5)


def _truth(**effects):
    """Slope, p and shares of a population: 200 sources, 200 targets, and 400 people with a picture each."""
    slope = similarity_scale.fit_slope(*simulation.votes(99, 200, 200, **effects)).value.value
    pairs = similarity_scale.different_people(*simulation.people(98, 2000, 1), most=2000)
    p = [np.mean(1 / (1 + np.exp(-slope * (c - pairs.cosine)))) for c in COSINES]
    return slope, *p, *(np.mean(pairs.cosine < c) for c in COSINES)


def _covered(studies, people, **effects):
    """The share of studies whose interval holds the truth: of the slope, and of p and the share below at COSINES."""
    truth = _truth(**effects)
    held = []
    for seed in range(studies):
        found = similarity_scale.fit_slope(*simulation.votes(seed, **effects))
        pairs = similarity_scale.different_people(*simulation.people(1000 + seed, people, 3))
        scale = similarity_scale.fit(pairs, found, model="m", crop="arcface")
        of_both = (similarity_scale.probability, similarity_scale.share_below)
        estimates = [found.value, *(of(scale, c) for of in of_both for c in COSINES)]
        held.append([one.low <= true <= one.high for one, true in zip(estimates, truth, strict=True)])
    return np.mean(held, axis=0)


def test_an_interval_holds_the_slope_of_a_few_studies_and_is_not_endless():
    for seed in range(3):
        found = similarity_scale.fit_slope(*simulation.votes(seed)).value
        assert found.low < simulation.SLOPE < found.high
        assert found.high - found.low < 4


@pytest.mark.slow
@pytest.mark.parametrize("people", [8, 20])
@pytest.mark.parametrize("effects", [{}, {"by_source": 0.6}, {"by_source": 0.6, "by_target": 0.6}])
def test_coverage_of_the_slope_and_of_p(people, effects):
    covered = _covered(400, people, **effects)
    print(f"{people} people, {effects}: slope {covered[0]:.3f}, p {covered[1:4]}, shares {covered[4:]} at {COSINES}")
    assert (covered > 0.91).all()
    assert (covered < 0.99).all()
