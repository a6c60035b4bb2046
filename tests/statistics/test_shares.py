"""Means and shares with intervals: exact where values are independent, honest where they are not."""

import numpy as np
import pytest
from scipy.stats import binomtest

from perface_jax.statistics.estimates import expanded_tails
from perface_jax.statistics.resampling import resample
from perface_jax.statistics.shares import mean_of, share_of, wilson

PERSON = np.array([0, 0, 1, 2, 2, 2])


def test_a_mean_has_the_expanded_percentiles_of_its_resamples():
    values, weights = np.array([1, 0, 1, 1, 0, 0.5]), resample(3, 400, seed=4)
    wanted = np.percentile(weights @ [1, 1, 1.5] / (weights @ [2, 1, 3]), expanded_tails(3))
    assert mean_of(values, PERSON, weights) == pytest.approx((3.5 / 6, *wanted))


def test_of_independent_values_it_is_the_exact_interval_and_rises_with_them():
    found = [share_of(np.arange(20) < k, np.arange(20)) for k in range(21)]
    expected = [(k / 20, *binomtest(k, 20).proportion_ci(method="exact")) for k in range(21)]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert found[19] == pytest.approx((0.95, 0.7513, 0.9987), abs=1e-4)
    assert (np.diff(found, axis=0) >= 0).all()


@pytest.mark.parametrize("each", [2, 3])
def test_it_rises_with_the_pictures_of_persons_too(each):
    pictures = np.arange(20 * each)
    found = [share_of(pictures < k, pictures // each) for k in range(len(pictures) + 1)]
    assert (np.diff(found, axis=0) > -1e-9).all()


def test_pictures_that_are_alike_are_one_and_pictures_that_are_not_are_several():
    alike = share_of(np.repeat(np.arange(60) < 45, 4), np.repeat(np.arange(60), 4))
    np.testing.assert_allclose(alike, share_of(np.arange(60) < 45, np.arange(60)))
    independent = np.random.default_rng(0).permutation(np.arange(240) < 180)
    found = share_of(independent, np.repeat(np.arange(60), 4))
    exact = binomtest(180, 240).proportion_ci(method="exact")
    np.testing.assert_allclose(found[1:], exact, atol=0.02)
    assert np.ptp(found[1:]) < 0.7 * np.ptp(alike[1:])


def test_values_that_vary_less_than_right_and_wrong_are_worth_more():
    random = np.random.default_rng(1)
    soft, hard = random.choice([1 / 3, 2 / 3, 1], 90), random.random(90) < 2 / 3
    assert np.ptp(share_of(soft, np.arange(90))[1:]) < 0.7 * np.ptp(share_of(hard, np.arange(90))[1:])


def test_all_or_none_is_as_many_trials_as_persons_and_of_a_mean_has_no_width():
    for value in (0, 1):
        exact = binomtest(3 * value, 3).proportion_ci(method="exact")
        assert share_of(np.full(6, value), PERSON) == pytest.approx((value, exact.low, exact.high))
        assert mean_of(np.full(6, value), PERSON, resample(3, 9)) == (value, value, value)


def test_one_cluster_has_no_interval():
    one = np.zeros(6, int)
    assert mean_of(np.arange(6), one, resample(1, 9)) == pytest.approx((2.5, np.nan, np.nan), nan_ok=True)
    assert share_of(np.ones(6), one) == pytest.approx((1, np.nan, np.nan), nan_ok=True)


@pytest.mark.parametrize(("right", "of"), [(0, 5), (1, 2), (19, 20), (20, 20)])
def test_wilsons_interval_is_that_of_scipy(right, of):
    theirs = binomtest(right, of).proportion_ci(method="wilson")
    np.testing.assert_allclose(wilson(right / of, of), theirs, atol=1e-12)
