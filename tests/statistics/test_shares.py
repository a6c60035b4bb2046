"""Means and shares with intervals."""

import numpy as np
import pytest
from scipy.stats import binomtest

from perface_jax.statistics.resampling import resample
from perface_jax.statistics.shares import mean_of, share_of

PERSON = np.array([0, 0, 1, 2, 2, 2])


def test_a_share_is_the_mean_with_the_percentiles_of_its_resamples():
    values, weights = np.array([1, 0, 1, 1, 0, 0.5]), resample(3, 400, seed=4)
    wanted = np.percentile(weights @ [1, 1, 1.5] / (weights @ [2, 1, 3]), (2.5, 97.5))
    for function in (share_of, mean_of):
        assert function(values, PERSON, weights) == pytest.approx((3.5 / 6, *wanted))


def test_all_or_none_of_a_share_has_the_exact_interval_and_of_a_mean_has_no_width():
    for value in (0, 1):
        exact = binomtest(3 * value, 3).proportion_ci(method="exact")
        assert share_of(np.full(6, value), PERSON, resample(3, 9)) == pytest.approx((value, exact.low, exact.high))
        assert mean_of(np.full(6, value), PERSON, resample(3, 9)) == (value, value, value)


def test_one_cluster_has_no_interval():
    one = np.zeros(6, int), resample(1, 9)
    assert mean_of(np.arange(6), *one) == pytest.approx((2.5, np.nan, np.nan), nan_ok=True)
    assert share_of(np.ones(6), *one) == pytest.approx((1, np.nan, np.nan), nan_ok=True)
