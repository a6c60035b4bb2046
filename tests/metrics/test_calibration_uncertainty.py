"""Errors of a perfect model by brute force, the size of the test, and intervals of bins that respect sources."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

from perface_jax import metrics
from perface_jax.metrics import Logistic

ODDS = Logistic(np.float32(1), np.float32(0))


def world(seed, triplets=256, voters=3):
    """Log-odds of the true shares, which spread as in the release, votes for a, and votes."""
    random = np.random.default_rng(seed)
    share = np.clip(random.beta(0.78, 0.85, triplets), 1e-4, 1 - 1e-4)
    votes = np.full(triplets, voters)
    return scipy.special.logit(share).astype(np.float32), random.binomial(votes, share), votes


def error_by_hand(predicted, votes_for_a, votes, bins=10):
    """The expected calibration error, bin by bin."""
    total = 0.0
    for one in range(bins):
        inside = (predicted > one / bins) & (predicted <= (one + 1) / bins)
        if inside.any():
            gap = votes_for_a[inside].sum() - (votes * predicted)[inside].sum()
            total += abs(gap) / votes.sum()
    return total


def test_the_error_of_a_perfect_model_falls_with_the_square_root_of_the_votes():
    few, many = (metrics.perfect_errors(*world(0, triplets=triplets)[::2], ODDS) for triplets in (256, 4096))
    assert few.mean() == pytest.approx(0.036, abs=0.004)  # with three votes, whatever the shares
    assert many.mean() == pytest.approx(few.mean() / 4, rel=0.1)


def test_the_errors_are_those_of_votes_drawn_one_by_one():
    difference, _, votes = world(1, triplets=120)
    votes = votes - np.arange(120) % 3  # 1 to 3 votes
    share = scipy.special.expit(difference.astype(np.float64))
    random = np.random.default_rng(1)
    by_hand = [error_by_hand(share, random.binomial(votes, share), votes) for _ in range(3000)]
    ours = metrics.perfect_errors(difference, votes, ODDS, draws=3000)
    np.testing.assert_allclose(ours.mean(), np.mean(by_hand), rtol=0.03)
    np.testing.assert_allclose(np.percentile(ours, [5, 95]), np.percentile(by_hand, [5, 95]), rtol=0.04)
    assert scipy.stats.ks_2samp(ours, by_hand).pvalue > 1e-3


def test_the_error_is_that_of_a_loop_over_bins():
    difference, votes_for_a, votes = world(2, triplets=400)
    ours = metrics.calibration(difference, votes_for_a, votes, Logistic(0.6, 0.4)).error
    share = scipy.special.expit(0.6 * difference.astype(np.float64) + 0.4)
    np.testing.assert_allclose(ours, error_by_hand(share, votes_for_a, votes), rtol=1e-4)


def p_of(seed, logistic):
    difference, votes_for_a, votes = world(seed)
    error = error_by_hand(scipy.special.expit(logistic.slope * difference + logistic.intercept), votes_for_a, votes)
    errors = metrics.perfect_errors(difference, votes, logistic, draws=200, seed=seed)
    return metrics.calibration_reference(error, errors).p


def test_a_perfect_model_is_rejected_as_often_as_said_and_an_overconfident_one_nearly_always():
    perfect = np.array([p_of(seed, ODDS) for seed in range(400)])
    assert 0.02 < np.mean(perfect <= 0.05) < 0.08  # standard error .011
    assert abs(np.mean(perfect) - 0.5) < 0.05
    assert np.mean([p_of(seed, Logistic(2.0, 0.0)) <= 0.05 for seed in range(20)]) > 0.9


def test_the_reference_by_hand():
    errors = np.array([0.1, 0.2, 0.3, 0.4])
    found = metrics.calibration_reference(jnp.float32(0.3), errors)
    assert found == pytest.approx((0.3, 0.25, 0.385, (1 + 2) / 5))
    assert metrics.calibration_reference(0.5, errors).p == 1 / 5


def test_without_votes_or_with_a_nan_there_is_no_reference():
    difference, _, votes = world(3, triplets=20)
    assert np.isnan(metrics.perfect_errors(difference, 0 * votes, ODDS)).all()
    difference[4] = np.nan
    assert np.isnan(metrics.perfect_errors(difference, votes, ODDS)).all()
    kept = np.arange(20) != 4
    assert np.isfinite(metrics.perfect_errors(difference, votes, ODDS, where=kept)).all()
    assert np.isnan(metrics.calibration_reference(0.1, np.full(3, np.nan))[1:]).all()
    assert np.isnan(metrics.calibration_reference(np.nan, np.ones(3))).all()


def test_a_mask_leaves_triplets_out():
    difference, votes_for_a, votes = world(4, triplets=60)
    kept, source = np.arange(60) < 40, np.arange(60) % 12
    ours = metrics.perfect_errors(difference, votes, ODDS, where=kept)
    np.testing.assert_array_equal(ours, metrics.perfect_errors(difference[:40], votes[:40], ODDS))
    ours = metrics.reliability_intervals(difference, votes_for_a, votes, ODDS, source, where=kept)
    rest = metrics.reliability_intervals(difference[:40], votes_for_a[:40], votes[:40], ODDS, source[:40])
    np.testing.assert_array_equal(ours, rest)


def test_intervals_of_bins_contain_the_observed_share_and_respect_sources():
    difference, votes_for_a, votes = world(5, triplets=600)
    found = metrics.calibration(difference, votes_for_a, votes, ODDS, bins=5)
    each, few = (
        metrics.reliability_intervals(difference, votes_for_a, votes, ODDS, source, bins=5)
        for source in (np.arange(600), np.argsort(np.argsort(votes_for_a)) // 60)  # a source answers alike
    )
    for low, high in (each, few):
        assert ((low <= found.observed) & (found.observed <= high)).all()
    assert np.mean(few[1] - few[0]) > 1.3 * np.mean(each[1] - each[0])


def test_an_empty_bin_and_a_bin_of_one_source_have_no_interval():
    difference = np.array([-3.0, -3.0, -3.0, 3.0, 3.0])
    low, high = metrics.reliability_intervals(
        difference, np.array([0, 1, 0, 3, 2]), np.full(5, 3), ODDS, np.array([0, 1, 2, 7, 7]), bins=3
    )
    assert np.isfinite([low[0], high[0]]).all()
    assert np.isnan([low[1:], high[1:]]).all()


@pytest.mark.parametrize("of", ["error", "parts"])
def test_the_gradient_is_finite_with_empty_bins(of):
    votes_for_a, votes, difference = jnp.array([2, 1, 0, 3]), jnp.full(4, 3), jnp.array([0.1, 0.2, -0.3, 0.05])

    def loss(difference, slope):
        found = metrics.calibration(difference, votes_for_a, votes, Logistic(slope, 0.0))
        return (
            found.error if of == "error" else jnp.nansum(jnp.abs(found.predicted - found.observed) * found.votes) / 12
        )

    by_difference, by_slope = jax.grad(loss, (0, 1))(difference, 2.0)
    # In (.5, .6] 6 of 9 votes are for a, more than predicted; in (.3, .4] 0 of 3. A vote counts p (1 - p) slope / 12.
    p = np.asarray(jax.nn.sigmoid(2 * difference))
    np.testing.assert_allclose(by_difference, np.array([-1, -1, 1, -1]) * 3 * p * (1 - p) * 2 / 12, rtol=1e-5)
    assert np.isfinite(by_slope)


def test_several_rows_are_refused():
    with pytest.raises(ValueError, match=r"wanted one row: \[T\], \(\) and \(\)"):
        metrics.perfect_errors(np.ones((2, 3)), np.ones((2, 3)), ODDS)
