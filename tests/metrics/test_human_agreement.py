"""Human agreement: by hand, against the measures of the audit, and its bias by simulation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax import metrics
from perface_jax.statistics import agreement

# 3:0, 2:1, 1:3 of five, 2:2, one vote, none
VOTES = np.array(
    [
        [0, 0, 0, -1, -1],
        [1, 0, 1, -1, -1],
        [1, 1, -1, 0, 1],
        [0, 0, 1, 1, -1],
        [-1, -1, 1, -1, -1],
        [-1, -1, -1, -1, -1],
    ],
    np.int8,
)


def test_two_different_votes_agree_by_pairs():
    # 3 of 3, 1 of 3, 3 of 6, 2 of 6
    np.testing.assert_allclose(metrics.vote_agreement(VOTES), [1, 1 / 3, 1 / 2, 1 / 3, np.nan, np.nan], rtol=1e-6)


def test_its_mean_is_the_pairwise_agreement_of_the_audit():
    votes = np.random.default_rng(0).integers(0, 2, (50, 3))
    np.testing.assert_allclose(
        np.mean(metrics.vote_agreement(votes)), agreement.pairwise_agreement(votes).value(), rtol=1e-6
    )


def test_one_vote_is_compared_with_the_majority_of_the_others():
    # 3:0: 1.   2:1: the two see a tie, the one sees two against it: (1/2 + 1/2 + 0) / 3.
    # 3:1: each of the three sees 2:1 with it, the one sees three against it: 3/4.   2:2: each sees 1:2 against it: 0.
    wanted = [1, 1 / 3, 3 / 4, 0, np.nan, np.nan]
    np.testing.assert_allclose(metrics.vote_against_others(VOTES), wanted, rtol=1e-6)


def test_with_up_to_three_votes_the_two_are_the_same_and_with_five_the_majority_knows_more():
    random = np.random.default_rng(1)
    few = random.integers(-1, 2, (40, 3))
    np.testing.assert_allclose(metrics.vote_against_others(few), metrics.vote_agreement(few), rtol=1e-6)
    # P(a) = .8: two agree with .68; one agrees with the majority of four others with
    # .8 (.9728 - .1536 / 2) + .2 (.0272 + .1536 / 2), where 2:2 has probability 6 * .64 * .04 = .1536
    votes = random.choice([0, 1], (40_000, 5), p=[0.8, 0.2])
    np.testing.assert_allclose(np.mean(metrics.vote_agreement(votes)), 0.68, atol=0.005)
    np.testing.assert_allclose(np.mean(metrics.vote_against_others(votes)), 0.7376, atol=0.005)


def test_noise_ceilings_by_hand():
    # Upper: 3 of 3, 2 of 3, 3 of 4, and 2 of 4 whichever side the tie is given to.
    lower, upper = metrics.noise_ceiling(VOTES)
    np.testing.assert_allclose(lower, [1, 1 / 3, 3 / 4, 0, np.nan, np.nan], rtol=1e-6)
    np.testing.assert_allclose(upper, [1, 2 / 3, 3 / 4, 1 / 2, np.nan, np.nan], rtol=1e-6)


@pytest.mark.parametrize("voters", [2, 3, 6])
def test_the_best_achievable_soft_score_lies_between_the_noise_ceilings(voters):
    random = np.random.default_rng(voters)
    p = random.beta(0.5, 0.7, 20_000)
    votes = (random.random((20_000, voters)) > p[:, None]).astype(np.int8)
    lower, upper = map(np.mean, metrics.noise_ceiling(votes))
    assert lower < np.mean(np.maximum(p, 1 - p)) < upper


def test_unanimous_coin_tosses_agree_by_selection():
    votes = np.random.default_rng(2).integers(0, 2, (4000, 3))
    unanimous = np.ptp(votes, axis=1) == 0
    for ceiling in (metrics.vote_agreement, metrics.vote_against_others):
        np.testing.assert_allclose(np.mean(ceiling(votes)), 0.5, atol=0.02)
        assert (ceiling(votes[unanimous]) == 1).all()


def test_the_bapps_ceiling_by_hand():
    ceiling = metrics.bapps_ceiling(jnp.array([0, 0.25, 0.5, 2 / 3, 1]))
    np.testing.assert_allclose(ceiling, [1, 0.625, 0.5, 5 / 9, 1], rtol=1e-6)
    np.testing.assert_allclose(jax.grad(metrics.bapps_ceiling)(0.75), 1, rtol=1e-6)  # 2 p - 2 (1 - p)


@pytest.mark.parametrize("voters", [2, 3, 8])
def test_the_bapps_ceiling_has_the_documented_bias_and_vote_agreement_has_none(voters):
    votes = (np.random.default_rng(3).random((100_000, voters)) < 0.3).astype(np.int8)
    truth = 0.3**2 + 0.7**2
    plug_in = np.asarray(metrics.bapps_ceiling(np.mean(votes == 0, axis=1)))
    np.testing.assert_allclose(plug_in.mean() - truth, 2 * 0.3 * 0.7 / voters, atol=0.004)
    agree = np.asarray(metrics.vote_agreement(votes))
    np.testing.assert_allclose(agree.mean(), truth, atol=0.005)
    np.testing.assert_allclose(agree, (voters * plug_in - 1) / (voters - 1), atol=1e-5)


def test_leading_dimensions_are_free_and_they_run_under_jit_and_vmap():
    stacked = jnp.stack([VOTES, VOTES[::-1]])
    for function in (metrics.vote_agreement, metrics.vote_against_others, lambda x: metrics.noise_ceiling(x).upper):
        wanted = [function(VOTES), function(VOTES[::-1])]
        np.testing.assert_array_equal(function(stacked), wanted)
        np.testing.assert_array_equal(jax.jit(jax.vmap(function))(stacked), wanted)
    shares = jnp.array([[0.2, 0.7], [1.0, 0.5]])
    np.testing.assert_allclose(
        jax.jit(jax.vmap(metrics.bapps_ceiling))(shares), metrics.bapps_ceiling(shares), rtol=1e-6
    )


def test_votes_of_other_shapes_and_dtypes_are_refused():
    with pytest.raises(TypeError, match="votes are float32"):
        metrics.vote_agreement(jnp.ones((3, 2)))
    with pytest.raises(ValueError, match=r"votes have shape \(3,\); wanted \[..., T, V\]"):
        metrics.vote_against_others(jnp.ones(3, int))
    with pytest.raises(TypeError, match="shares are int32"):
        metrics.bapps_ceiling(jnp.ones(3, int))
