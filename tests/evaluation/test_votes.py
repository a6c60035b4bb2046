"""Rows of the table of all votes, counted by hand."""

import numpy as np
import pytest

from perface_jax import evaluation, metrics
from tests.fake_faces import RIGHT, TIE, WRONG, Colors, data, only, run, similarities


def test_all_votes_count_in_the_table_of_votes():
    triplets = Colors()
    triplets.votes = np.array([[0, 0, 0], [0, 0, 1], [1, 1, 0], [1, 1, 1], [0, 1, -1]], np.int8)
    of = data(triplets, i=[0, 1, 2], validation=[3, 4])
    pairs = similarities(RIGHT, RIGHT, RIGHT, WRONG, TIE)
    rows = evaluation.vote_table({"": [run(of, vectors=pairs)]}).rows
    row = only(rows, setting="i", model="vectors")
    assert row.score == pytest.approx((1 + 2 / 3 + 1 / 3) / 3)
    assert (row.triplets, row.votes) == (3, 9)
    assert row.log_likelihood < 0
    lower, upper = (
        only(rows, setting="i", model=f"human agreement: {end} noise ceiling") for end in ("lower", "upper")
    )
    assert lower.score == pytest.approx((1 + 1 / 3 + 1 / 3) / 3)  # pairs that agree: 3 of 3, 1 of 3, 1 of 3
    assert upper.score == pytest.approx((1 + 2 / 3 + 2 / 3) / 3)
    best, expected = only(rows, setting="i", model="best achievable"), metrics.achievable_accuracy([0, 1, 1, 1]).soft
    assert (best.score, best.triplets, best.votes) == (pytest.approx(expected.beta_binomial.value), 3, 9)
    assert (row.best, row.best_low, row.best_high) == pytest.approx((best.score, *expected[1:]), abs=1e-6)


def test_with_four_votes_how_often_two_agree_is_another_measure():
    triplets = Colors()
    triplets.votes = np.array([[0, 0, 0, 1]] * 5, np.int8)
    rows = evaluation.vote_table({"": [run(data(triplets), vectors=similarities(*[RIGHT] * 5))]}).rows
    assert only(rows, setting="i", model="human agreement: another vote").score == pytest.approx(1 / 2)  # 3 of 6 pairs
    others = only(rows, setting="i", model="human agreement: lower noise ceiling")
    assert others.score == pytest.approx(3 / 4)  # each a against a a b, the b against a a a


def test_with_one_source_there_is_no_likelihood():
    rows = evaluation.vote_table({"": [run(data(i=[0, 1]), vectors=similarities(*[RIGHT] * 5))]}).rows
    row = only(rows, setting="i", model="vectors")
    assert np.isnan([row.log_likelihood, row.calibration_error]).all()
    assert row.note == "one source to fit on"


def test_a_source_is_predicted_from_the_others_only():
    # Two sources that contradict each other: what fits the one predicts the other wrongly.
    difference, votes = np.float32([1, 1, 1, 1]), np.array([[0, 0], [0, 1], [1, 1], [1, 0]])
    odds = evaluation.held_out_log_odds(difference, votes, np.array([0, 0, 1, 1]))
    np.testing.assert_allclose(odds, np.log([1 / 3, 1 / 3, 3, 3]), atol=1e-3)
