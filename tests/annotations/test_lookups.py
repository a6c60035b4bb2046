"""Look-ups and variance shares, worked by hand."""

import numpy as np
import pytest
import statsmodels.api as sm

from perface_jax.annotations.lookups import best_constant, leave_one_out, variance_shares


def test_a_label_is_predicted_from_the_other_triplets_of_its_group():
    truth = np.array([1, 1, 0, 0, 0, 1])
    group = np.array([0, 0, 0, 1, 1, 1])
    # group 0: others of each are (1,0) tie, (1,0) tie, (1,1) -> 1 wrong; group 1: (0,1) tie, (0,1) tie, (0,0) -> wrong
    assert leave_one_out(truth, truth, group).value() == pytest.approx((0.5 + 0.5 + 0 + 0.5 + 0.5 + 0) / 6)


def test_only_judged_labels_are_scored_but_all_are_counted():
    truth = np.array([1, 1, 1, 0])
    judged = np.array([1, -1, -1, 0])
    # the first: others (1,1,0) -> 1 right; the last: others (1,1,1) -> 1 wrong
    assert leave_one_out(truth, judged, np.zeros(4, int)).value() == 0.5


def test_a_triplet_alone_in_its_group_is_a_tie():
    assert leave_one_out(np.array([1, 0]), np.array([1, 0]), np.array([0, 1])).value() == 0.5


def test_the_best_constant_is_the_more_frequent_letter():
    assert best_constant(np.array([0, 0, 0, 1, -1])).value() == 3 / 4
    assert best_constant(np.array([1, 1, 0])).value() == 2 / 3


def test_variance_shares_by_hand():
    """Cells (source, target): 0, 1 / 2, 5. Total SS 14; source means .5, 3.5: SS 9; target means 1, 3: SS 4; rest 1."""
    source, target = np.array([1, 0, 0, 1]), np.array([1, 0, 1, 0])
    shares = variance_shares(np.array([5.0, 0.0, 1.0, 2.0]), source, target)
    assert shares["source"] == pytest.approx(9 / 14)
    assert shares["target"] == pytest.approx(4 / 14)
    assert shares["rest"] == pytest.approx(1 / 14)


def test_noise_alone_has_the_documented_share():
    source, target = np.divmod(np.arange(400), 20)
    rng = np.random.default_rng(0)
    found = [variance_shares(rng.normal(size=400), source, target) for _ in range(200)]
    for factor in ("source", "target"):
        by_chance = np.mean([shares[f"by_chance_{factor}"] for shares in found])
        assert np.mean([shares[factor] for shares in found]) == pytest.approx(by_chance, rel=0.05)


def test_votes_without_variance_have_no_shares():
    assert np.isnan(variance_shares(np.zeros(4), np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))["source"])


def test_variance_shares_of_an_incomplete_crossing_are_those_of_statsmodels():
    random = np.random.default_rng(3)
    source, target = random.integers(0, 9, 80), random.integers(0, 6, 80)
    vote = random.normal(size=9)[source] + random.normal(size=6)[target] + random.normal(size=80)

    def explained(*factors):
        columns = [np.eye(ids.max() + 1)[ids][:, 1:] for ids in factors]
        return sm.OLS(vote, np.hstack([np.ones((80, 1)), *columns])).fit().rsquared

    both = explained(source, target)
    found = variance_shares(vote, source, target)
    assert found["rest"] == pytest.approx(1 - both)
    assert found["source"] == pytest.approx((explained(source) + both - explained(target)) / 2)
    assert found["target"] == pytest.approx((explained(target) + both - explained(source)) / 2)
    assert found["by_chance_source"] == pytest.approx(8 * (1 - both) / (80 - 1 - 8 - 5))


def test_a_hole_in_the_crossing_and_gaps_in_the_ids_change_little():
    source, target = (grid.reshape(-1) for grid in np.mgrid[:20, :20])
    vote = np.random.default_rng(4).normal(size=20)[source] + np.random.default_rng(5).normal(size=400)
    whole, holed = variance_shares(vote, source, target), variance_shares(vote[:-1], 5 * source[:-1], target[:-1])
    assert holed == pytest.approx(whole, abs=0.02)
