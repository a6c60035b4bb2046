"""Values with percentile intervals."""

import numpy as np
import pytest
from scipy.stats import norm, t

from perface_jax.statistics.estimates import UNKNOWN, expanded_tails, percentile_estimate, percentile_interval


def test_the_interval_is_the_central_95_percent():
    assert percentile_interval(np.arange(201)) == (5, 195)  # 2.5% and 97.5% of 200 steps


def test_values_that_do_not_exist_are_left_out():
    values = np.append(np.arange(201.0), [np.nan, np.nan])
    assert percentile_interval(values) == (5, 195)
    assert percentile_interval([np.nan]) == pytest.approx((np.nan, np.nan), nan_ok=True)


def test_an_unknown_value_has_no_interval():
    assert percentile_estimate(np.nan, np.arange(201)) == pytest.approx(UNKNOWN, nan_ok=True)
    assert percentile_estimate(7, np.arange(201)) == (7, 5, 195)
    assert percentile_estimate(7, np.arange(201), clusters=1) == pytest.approx((7, np.nan, np.nan), nan_ok=True)


def test_few_clusters_expand_the_percentiles():
    low, high = expanded_tails(16)
    assert low == pytest.approx(100 * norm.cdf(-np.sqrt(16 / 15) * t.ppf(0.975, 15)), rel=1e-5)
    assert (low, high) == pytest.approx((1.386, 98.614), abs=1e-3)
    for clusters in (2, 3, 9, 11, 12, 40, 400):
        exact = 100 * norm.cdf(-np.sqrt(clusters / (clusters - 1)) * t.ppf(0.975, clusters - 1))
        assert expanded_tails(clusters)[0] == pytest.approx(exact, rel=1e-4)
    assert expanded_tails(10**6) == pytest.approx((2.5, 97.5), abs=1e-3)
    assert percentile_estimate(7, np.arange(201), clusters=16)[1:] == pytest.approx((2 * low, 2 * high))
