"""Shares with a normal logit, against draws and against each other."""

import numpy as np
import pytest

from perface_jax.statistics import logit_normal


def test_mean_and_covariance_are_those_of_draws():
    rng = np.random.default_rng(0)
    both, own = rng.normal(size=1_000_000), rng.normal(size=(2, 1_000_000))
    x, y = 1 / (1 + np.exp(-(logit_normal.location(0.7, 1.5) + np.sqrt(0.8) * both + np.sqrt(1.45) * own)))
    assert np.mean([x, y]) == pytest.approx(0.7, abs=0.001)
    assert logit_normal.covariance(0.7, 1.5, 0.8) == pytest.approx(np.cov(x, y)[0, 1], abs=2e-4)


@pytest.mark.parametrize("deviation", [0.3, 1.0, 2.5])
def test_variances_lead_back_to_themselves(deviation):
    found = logit_normal.covariance(0.6, deviation, deviation**2)
    assert logit_normal.total_variance(0.6, found) == pytest.approx(deviation**2, rel=1e-5)
    part = logit_normal.covariance(0.6, deviation, deviation**2 / 3)
    assert logit_normal.shared_variance(0.6, deviation, part) == pytest.approx(deviation**2 / 3, rel=1e-5)


def test_what_cannot_be_is_the_nearest_that_can():
    assert logit_normal.total_variance(0.5, -0.1) == 0
    assert logit_normal.shared_variance(0.5, 1.0, 0.5) == 1
    assert logit_normal.shared_variance(0.5, 1.0, np.nan) == 0
