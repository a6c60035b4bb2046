"""Measures of agreement against scikit-learn, statsmodels and krippendorff, and by hand."""

import krippendorff
import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import aggregate_raters
from statsmodels.stats.inter_rater import fleiss_kappa as statsmodels_fleiss

from perface_jax.statistics.agreement import (
    cohen_kappa,
    fleiss_kappa,
    krippendorff_alpha,
    pairwise_agreement,
    share_of_b,
    spearman_brown,
    split_half_reliability,
    unanimous_share,
)
from perface_jax.statistics.resampling import resample

#                 unanimous  2:1        2:1        unanimous
BY_HAND = np.array([[0, 0, 0], [0, 0, 1], [1, 1, 0], [1, 1, 1]])


@pytest.fixture
def votes() -> np.ndarray:
    rng = np.random.default_rng(3)
    lean = rng.random((300, 1))
    return (rng.random((300, 3)) < lean * np.array([1.0, 0.9, 0.7])).astype(np.int8)


def test_shares_by_hand():
    assert unanimous_share(BY_HAND).value() == 2 / 4
    assert pairwise_agreement(BY_HAND).value() == (3 + 1 + 1 + 3) / 12
    assert share_of_b(BY_HAND).value() == 6 / 12


def test_kappa_and_alpha_by_hand():
    # columns 1 and 2 are equal; columns 1 and 3 agree in 2 of 4 with shares of one half: kappa 0; the same for 2 and 3
    assert cohen_kappa(BY_HAND[:, :2]).value() == 1
    assert cohen_kappa(BY_HAND[:, [0, 2]]).value() == 0
    assert cohen_kappa(BY_HAND).value() == pytest.approx(1 / 3)
    # Fleiss: observed 8/12, expected 1/2
    assert fleiss_kappa(BY_HAND).value() == pytest.approx((8 / 12 - 1 / 2) / (1 / 2))
    # alpha: each 2:1 triplet has 4 unequal ordered pairs, each worth 1/(3-1), so 4 of 12 votes; expected 2*6*6/(12*11)
    assert krippendorff_alpha(BY_HAND).value() == pytest.approx(1 - (4 / 12) / (72 / 132))


def test_cohens_kappa_agrees_with_scikit_learn(votes):
    pairs = [(0, 1), (0, 2), (1, 2)]
    expected = [cohen_kappa_score(votes[:, i], votes[:, j]) for i, j in pairs]
    np.testing.assert_allclose([cohen_kappa(votes[:, [i, j]]).value() for i, j in pairs], expected, rtol=1e-12)
    assert cohen_kappa(votes).value() == pytest.approx(np.mean(expected))


def test_fleiss_kappa_agrees_with_statsmodels(votes):
    assert fleiss_kappa(votes).value() == pytest.approx(statsmodels_fleiss(aggregate_raters(votes)[0]), rel=1e-12)


def test_alpha_agrees_with_the_krippendorff_package_with_and_without_missing_votes(votes):
    holes = np.where(np.random.default_rng(4).random(votes.shape) < 0.3, -1, votes)
    for given in (votes, holes):
        data = np.where(given < 0, np.nan, given.astype(float)).T
        expected = krippendorff.alpha(reliability_data=data, level_of_measurement="nominal")
        assert krippendorff_alpha(given).value() == pytest.approx(expected, rel=1e-12)


def test_columns_are_compared_where_both_have_votes(votes):
    holes = np.where(np.random.default_rng(4).random(votes.shape) < 0.3, -1, votes)
    both = (holes[:, 0] >= 0) & (holes[:, 1] >= 0)
    expected = cohen_kappa_score(holes[both, 0], holes[both, 1])
    assert cohen_kappa(holes[:, :2]).value() == pytest.approx(expected)
    assert np.isnan(fleiss_kappa(holes).value())


def test_a_measure_that_is_not_defined_is_nan_not_an_error():
    constant = np.zeros((5, 2), int)
    assert np.isnan(cohen_kappa(constant).value())
    assert np.isnan(krippendorff_alpha(constant).value())
    assert np.isnan(share_of_b(np.full((5, 2), -1)).value())
    with pytest.raises(ValueError, match="two columns"):
        cohen_kappa(constant[:, :1])


def test_the_interval_of_every_measure_contains_its_value(votes):
    cluster, weights = np.arange(300) // 10, resample(30, 300)
    for measure in (unanimous_share, pairwise_agreement, cohen_kappa, fleiss_kappa, krippendorff_alpha, share_of_b):
        found = measure(votes).estimate(cluster, weights)
        assert found.low < found.value < found.high


def random_splits(votes, random, splits=200):
    """The correlation of the shares of two random halves, averaged over splits and stepped up."""
    found = []
    for _ in range(splits):
        shuffled = random.permuted(votes, axis=1)
        half = votes.shape[1] // 2
        found.append(np.corrcoef(shuffled[:, :half].mean(axis=1), shuffled[:, half : 2 * half].mean(axis=1))[0, 1])
    return spearman_brown(np.mean(found), np.float64(votes.shape[1] / half))


@pytest.mark.parametrize("voters", [2, 3, 6])
def test_split_half_reliability_is_that_of_random_splits_and_of_the_known_world(voters):
    # p ~ Beta(a, b): a vote has the reliability 1 / (a + b + 1), and n votes n / (a + b + n).
    random = np.random.default_rng(voters)
    votes = (random.random((4000, voters)) < random.beta(0.8, 0.7, 4000)[:, None]).astype(int)
    ours = split_half_reliability(votes).value()
    np.testing.assert_allclose(ours, random_splits(votes, random), atol=0.003)
    np.testing.assert_allclose(ours, voters / (1.5 + voters), atol=0.03)


def test_split_half_reliability_by_hand():
    # Halves of one vote. Mean share 1/2, two votes for a with 1, 0, 1/3: (4/9 - 1/4) / (1/2 - 1/4) = 7/9, three times.
    votes = np.array([[0, 0, 0], [1, 1, 1], [0, 0, 1], [1, 1, 0], [0, 0, 0], [1, 1, 1]])
    both = (1 + 0 + 1 / 3 + 0 + 1 + 0) / 6
    single = (both - 1 / 4) / (1 / 4)
    assert split_half_reliability(votes).value() == pytest.approx(3 * single / (1 + 2 * single))


def test_triplets_with_other_numbers_of_votes_and_holes():
    random = np.random.default_rng(0)
    votes = (random.random((60_000, 5)) < random.beta(0.8, 0.7, 60_000)[:, None]).astype(int)
    votes[random.random(votes.shape) < 0.3] = -1
    n = (votes >= 0).sum(axis=1)
    expected = 1 / (1 + 1.5 * np.mean(1 / n[n >= 2]))  # variance of p over that of the shares
    np.testing.assert_allclose(split_half_reliability(votes).value(), expected, atol=0.01)
    swapped = np.where(votes < 0, -1, 1 - votes)
    value = split_half_reliability(votes).value()
    assert split_half_reliability(swapped).value() == pytest.approx(value)


def test_reliability_has_an_interval_over_clusters_and_is_undefined_without_differences():
    random = np.random.default_rng(1)
    source = np.repeat(np.arange(40), 20)
    votes = (random.random((800, 3)) < random.beta(0.8, 0.7, 40)[source][:, None]).astype(int)
    found = split_half_reliability(votes).estimate(source, resample(40, 500))
    assert found.low < found.value < found.high
    for alike in (np.zeros((5, 3), int), np.array([[0, -1, -1], [1, -1, -1]])):  # all votes the same; no two votes
        assert np.isnan(split_half_reliability(alike).value())
