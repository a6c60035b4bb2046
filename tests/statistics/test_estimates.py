"""Values with percentile intervals."""

import numpy as np
import pytest

from perface_jax.statistics.estimates import UNKNOWN, percentile_estimate, percentile_interval


def test_the_interval_is_the_central_95_percent():
    assert percentile_interval(np.arange(201)) == (5, 195)  # 2.5% and 97.5% of 200 steps


def test_values_that_do_not_exist_are_left_out():
    values = np.append(np.arange(201.0), [np.nan, np.nan])
    assert percentile_interval(values) == (5, 195)
    assert percentile_interval([np.nan]) == pytest.approx((np.nan, np.nan), nan_ok=True)


def test_an_unknown_value_has_no_interval():
    assert percentile_estimate(np.nan, np.arange(201)) == pytest.approx(UNKNOWN, nan_ok=True)
    assert percentile_estimate(7, np.arange(201)) == (7, 5, 195)
