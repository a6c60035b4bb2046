"""The logistic of votes: by hand, against statsmodels and scikit-learn, and where the likelihood has no maximum."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
import scipy.special
import scipy.stats
import sklearn.calibration
import sklearn.metrics
import statsmodels.api

from perface_jax import metrics
from perface_jax.metrics import Logistic


def _votes(*, triplets=300, slope=8.0, intercept=0.3, seed=0):
    """Differences of cosines, votes for a, votes: 0 to 5 votes a triplet."""
    random = np.random.default_rng(seed)
    difference = random.normal(0, 0.2, triplets)
    votes = random.integers(0, 6, triplets)
    share = 1 / (1 + np.exp(-slope * difference - intercept))
    return difference.astype(np.float32), random.binomial(votes, share), votes


def _statsmodels(difference, votes_for_a, votes):
    model = statsmodels.api.GLM(
        np.stack([votes_for_a, votes - votes_for_a], axis=1),
        statsmodels.api.add_constant(difference),
        family=statsmodels.api.families.Binomial(),
    )
    return model.fit(tol=1e-12).params[::-1]


@pytest.mark.parametrize("options", [{}, {"slope": -40.0, "intercept": -2.0}, {"triplets": 12, "slope": 0.0}])
def test_the_fit_agrees_with_statsmodels(options):
    difference, votes_for_a, votes = _votes(**options)
    given = votes > 0
    theirs = _statsmodels(difference[given], votes_for_a[given], votes[given])
    np.testing.assert_allclose(metrics.fit_logistic(difference, votes_for_a, votes), theirs, rtol=2e-3, atol=2e-3)
    with jax.enable_x64(True):
        ours = metrics.fit_logistic(difference.astype(np.float64), votes_for_a, votes)
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)  # the ridge of 1e-6 a vote
        assert ours.slope.dtype == np.float64


def test_data_on_which_whole_newton_steps_diverge_are_fitted():
    difference, votes_for_a, votes = np.array([[0.2, 0.5, 1.0, 4.8], [1, 0, 0, 0], [3, 68, 1, 6]])
    with jax.enable_x64(True):
        ours = metrics.fit_logistic(difference, votes_for_a, votes)
    unit = np.sqrt(np.average(difference**2, weights=votes))

    def loss(weights):
        exponent = weights[0] * difference / unit + weights[1]
        log_loss = votes_for_a * np.logaddexp(0, -exponent) + (votes - votes_for_a) * np.logaddexp(0, exponent)
        return np.sum(log_loss) + 0.5e-6 * votes.sum() * np.sum(weights**2)

    slope, intercept = scipy.optimize.minimize(loss, [0, 0], method="Nelder-Mead", options={"xatol": 1e-7}).x
    np.testing.assert_allclose(ours, [slope / unit, intercept], rtol=1e-4)


def test_without_a_difference_the_intercept_is_the_log_odds_of_all_votes():
    votes_for_a, votes = jnp.array([3, 2, 1]), jnp.array([3, 3, 3])
    slope, intercept = metrics.fit_logistic(jnp.zeros(3), votes_for_a, votes)
    np.testing.assert_allclose([slope, intercept], [0, np.log(2)], atol=1e-4)


def test_the_unit_of_the_difference_affects_only_the_slope():
    difference, votes_for_a, votes = _votes()
    expected = metrics.fit_logistic(difference, votes_for_a, votes)
    for unit in (1e-6, 1e6):
        slope, intercept = metrics.fit_logistic(difference * np.float32(unit), votes_for_a, votes)
        np.testing.assert_allclose([slope * unit, intercept], expected, rtol=1e-3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("difference", "votes_for_a", "votes"),
    [
        ([-0.2, -0.1, 0.1, 0.3], [0, 0, 3, 3], [3, 3, 3, 3]),  # the difference predicts every vote
        ([0.1, 0.2, 0.3, 0.4], [3, 3, 3, 3], [3, 3, 3, 3]),  # every vote is for a
        ([0.2, 0.2, 0.2, 0.2], [1, 2, 0, 3], [3, 3, 3, 3]),  # one difference, as good as the constant
        ([0.2, 0.2, 0.2, 0.2], [20000, 0, 0, 0], [20000, 3, 3, 3]),
        ([1e-3, 2e-3, -1e-3, 5e3], [3, 1, 0, 0], [3, 3, 3, 3]),  # an outlier
        ([0.0, 0.0, 0.0, 0.0], [0, 0, 0, 0], [0, 0, 0, 0]),  # no votes
    ],
)
def test_the_logistic_is_finite_whatever_the_votes(difference, votes_for_a, votes, dtype):
    with jax.enable_x64(dtype == "float64"):
        difference, votes_for_a, votes = (np.array(x, dtype) for x in (difference, votes_for_a, votes))
        fitted = metrics.fit_logistic(difference, votes_for_a, votes)
        assert np.isfinite(fitted).all()
        # Never worse than chance, and nearly perfect where the votes can be predicted.
        score = metrics.vote_log_likelihood(difference, votes_for_a, votes, fitted).sum()
        assert score >= np.log(0.5) * votes.sum() - 1e-4
        if (votes_for_a == votes).all() or (votes_for_a == np.where(difference > 0, votes, 0)).all():
            assert score >= -1e-3 * votes.sum()


def test_the_slope_of_the_likelihood_is_zero_at_the_fit_whatever_the_data():
    random = np.random.default_rng(4)
    with jax.enable_x64(True):
        difference = random.standard_t(1.5, (40, 60))  # heavy tails
        votes = np.full((40, 60), 3)
        votes_for_a = random.binomial(
            3, 1 / (1 + np.exp(-4 * np.clip(difference, -1, 1) + random.normal(0, 2, (40, 1))))
        )
        slope, intercept = metrics.fit_logistic(difference, votes_for_a, votes)
        excess = votes_for_a - votes / (
            1 + np.exp(-np.asarray(slope)[:, None] * difference - np.asarray(intercept)[:, None])
        )
        unit = np.sqrt(np.mean(difference**2, axis=1))
        np.testing.assert_allclose(excess.mean(axis=1), 3e-6 * intercept, atol=1e-9)  # the ridge
        np.testing.assert_allclose((excess * difference).mean(axis=1) / unit, 3e-6 * slope * unit, atol=1e-9)


def test_triplets_that_are_masked_or_have_no_vote_do_not_count():
    difference, votes_for_a, votes = _votes()
    expected = metrics.fit_logistic(difference[:200], votes_for_a[:200], votes[:200])
    difference, votes = difference.copy(), votes.copy()
    difference[200:] = np.nan
    kept = np.arange(300) < 250
    votes[200:250] = 0
    np.testing.assert_allclose(metrics.fit_logistic(difference, votes_for_a, votes, where=kept), expected, rtol=1e-4)
    assert np.isnan(metrics.fit_logistic(difference, votes_for_a, np.maximum(votes, 1))).all()


LOGISTIC = Logistic(jnp.float32(2), jnp.float32(-1))
# Exponents 2 * (.5 + log(3) / 2) - 1 = log 3, 0 and -log 3: P(a) = 3/4, 1/2, 1/4
DIFFERENCE = 0.5 + jnp.log(jnp.array([3, 1, 1 / 3])) / 2


def test_the_log_likelihood_is_the_sum_over_the_votes_of_a_triplet():
    wanted = [2 * np.log(3 / 4) + np.log(1 / 4), 4 * np.log(1 / 2), 0]
    ours = metrics.vote_log_likelihood(DIFFERENCE, jnp.array([2, 1, 0]), jnp.array([3, 4, 0]), LOGISTIC)
    np.testing.assert_allclose(ours, wanted, rtol=1e-6)


def test_the_log_likelihood_is_that_of_scipy_without_the_binomial_coefficient():
    difference, votes_for_a, votes = _votes()
    ours = metrics.vote_log_likelihood(difference, votes_for_a, votes, Logistic(5.0, 0.5))
    share = 1 / (1 + np.exp(-5 * difference - 0.5))
    theirs = scipy.stats.binom.logpmf(votes_for_a, votes, share) - np.log(scipy.special.comb(votes, votes_for_a))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_certainty_about_a_wrong_vote_costs_a_finite_number():
    ours = metrics.vote_log_likelihood(jnp.array([10.0]), jnp.array([0]), jnp.array([1]), Logistic(100.0, 0.0))
    np.testing.assert_allclose(ours, [-1000], rtol=1e-6)


def test_calibration_by_hand():
    # Predictions 3/4, 1/2, 1/4 with 3, 4 and 1 votes, of which 3, 1 and 0 for a; of four bins, (1/4, 1/2] holds the
    # second, and the borders 1/4 and 1/2 belong to the lower bin. Error: (3 * 1/4 + 4 * 1/4 + 1 * 1/4) / 8 = 1/4
    difference = jnp.array([0.5 + np.log(2.9) / 2, 0.5, 0.5 + np.log(1 / 3.1) / 2, 7.0])
    votes_for_a, votes = jnp.array([3, 1, 0, 0]), jnp.array([3, 4, 1, 0])
    result = metrics.calibration(difference, votes_for_a, votes, LOGISTIC, bins=4)
    low, high = 1 / 4.1, 2.9 / 3.9
    np.testing.assert_allclose(result.predicted, [low, 0.5, high, np.nan], rtol=1e-6)
    np.testing.assert_allclose(result.observed, [0, 0.25, 1, np.nan])
    np.testing.assert_array_equal(result.votes, [1, 4, 3, 0])
    np.testing.assert_allclose(result.error, (low + 4 * 0.25 + 3 * (1 - high)) / 8, rtol=1e-6)


@pytest.mark.parametrize("bins", [5, 10])
def test_calibration_agrees_with_scikit_learn(bins):
    difference, votes_for_a, votes = _votes(triplets=500)
    logistic = Logistic(6.0, 0.5)
    ours = metrics.calibration(difference, votes_for_a, votes, logistic, bins=bins)
    share = 1 / (1 + np.exp(-6 * difference - 0.5))
    choice = np.concatenate([np.repeat([1, 0], [a, n - a]) for a, n in zip(votes_for_a, votes, strict=True)])
    observed, predicted = sklearn.calibration.calibration_curve(choice, np.repeat(share, votes), n_bins=bins)
    filled = np.asarray(ours.votes) > 0
    np.testing.assert_allclose(np.asarray(ours.observed)[filled], observed, rtol=1e-5)
    np.testing.assert_allclose(np.asarray(ours.predicted)[filled], predicted, rtol=1e-5)
    weights = np.asarray(ours.votes)[filled] / votes.sum()
    np.testing.assert_allclose(ours.error, np.sum(weights * np.abs(observed - predicted)), rtol=1e-4)


def test_calibration_leaves_out_what_is_masked_and_has_no_error_without_votes():
    difference, votes_for_a, votes = _votes()
    kept = np.arange(300) < 100
    ours = metrics.calibration(difference, votes_for_a, votes, Logistic(6.0, 0.5), where=kept)
    expected = metrics.calibration(difference[:100], votes_for_a[:100], votes[:100], Logistic(6.0, 0.5))
    for mine, theirs in zip(ours, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5)
    nothing = metrics.calibration(difference, votes_for_a, votes, Logistic(6.0, 0.5), where=np.zeros(300, bool))
    assert np.isnan(nothing.error)
    assert not np.asarray(nothing.votes).any()


def test_all_three_run_under_jit_and_vmap_and_with_leading_dimensions():
    rows = [_votes(triplets=40, seed=seed, slope=4.0 + 8 * seed) for seed in range(2)]
    difference, votes_for_a, votes = (np.stack(column) for column in zip(*rows, strict=True))
    kept = np.arange(40) < np.array([[40], [25]])

    @jax.jit
    def everything(difference, votes_for_a, votes, kept):
        logistic = metrics.fit_logistic(difference, votes_for_a, votes, where=kept)
        score = metrics.vote_log_likelihood(difference, votes_for_a, votes, logistic)
        return logistic, score, metrics.calibration(difference, votes_for_a, votes, logistic, where=kept)

    alone = [everything(difference[i], votes_for_a[i], votes[i], kept[i]) for i in range(2)]
    alone = jax.tree.map(lambda *x: np.stack(x), *alone)
    same = functools.partial(np.testing.assert_allclose, rtol=2e-3, atol=1e-3)
    jax.tree.map(same, jax.vmap(everything)(difference, votes_for_a, votes, kept), alone)
    jax.tree.map(same, everything(difference, votes_for_a, votes, kept), alone)


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(TypeError, match="differences are int32"):
        metrics.fit_logistic(jnp.ones(3, int), jnp.ones(3), jnp.ones(3))
    with pytest.raises(ValueError, match=r"difference \(3,\), votes_for_a \(2,\), votes \(3,\)"):
        metrics.fit_logistic(jnp.ones(3), jnp.ones(2), jnp.ones(3))
    with pytest.raises(ValueError, match=r"`where` has shape \(2,\)"):
        metrics.fit_logistic(jnp.ones(3), jnp.ones(3), jnp.ones(3), where=jnp.ones(2))
    with pytest.raises(ValueError, match=r"differences have shape \(\)"):
        metrics.fit_logistic(jnp.float32(1), jnp.float32(1), jnp.float32(1))
    with pytest.raises(ValueError, match=r"slope and intercept have shape \(3,\); wanted \(\) or \(2,\)"):
        metrics.vote_log_likelihood(jnp.ones((2, 3)), jnp.ones((2, 3)), jnp.ones((2, 3)), Logistic(jnp.ones(3), 0.0))
