"""Look-ups and variance shares, worked by hand."""

import numpy as np
import pytest

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
