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


def many(*, seed=0, sources=40, each=8, slope=3.0):
    """Triplets of many sources, and similarities whose difference times 3 is the log-odds of a vote for a."""
    random = np.random.default_rng(seed)
    difference = random.normal(0, 0.7, sources * each).astype(np.float32)
    share = 1 / (1 + np.exp(-3 * difference))
    triplets = Colors()
    triplets.votes = (random.random((len(share), 3)) > share[:, None]).astype(np.int8)
    triplets.source_id, triplets.target_id = np.repeat(np.arange(sources), each), np.tile(np.arange(each), sources)
    return triplets, np.stack([difference, np.zeros_like(difference)], axis=1)


def test_a_calibration_error_stands_beside_those_of_a_perfect_model():
    triplets, pairs = many()
    table = evaluation.vote_table({"": [run(data(triplets), vectors=pairs)]})
    row = only(table.rows, model="vectors")
    odds = evaluation.held_out_log_odds(pairs[:, 0], triplets.votes, triplets.source_id)
    errors = metrics.perfect_errors(odds, np.full(320, 3), metrics.Logistic(np.float32(1), np.float32(0)))
    expected = metrics.calibration_reference(row.calibration_error, errors)
    found = (row.calibration_error, row.perfect_error, row.perfect_limit, row.calibration_p)
    assert found == pytest.approx(expected, rel=1e-6)
    assert row.calibration_p > 0.05  # the logistic is the truth
    bins = table.bins["i"]["vectors"]
    observed = np.asarray(bins.calibration.observed)
    filled = np.isfinite(bins.low)
    assert filled.sum() >= 8
    assert ((bins.low <= observed) & (observed <= bins.high))[filled].all()


def test_seeds_do_not_make_a_perfect_model_more_certain_and_folds_do():
    triplets, pairs = many()
    one, other = (data(triplets, i=np.arange(start, 320, 2)) for start in (0, 1))
    rows = [
        only(evaluation.vote_table({"": runs}).rows, model="vectors")
        for runs in (
            [run(one, vectors=pairs)],
            [run(one, seed=(seed,), vectors=pairs) for seed in (0, 1)],
            [run(of, vectors=pairs) for of in (one, other)],
        )
    ]
    spread = [row.perfect_limit - row.perfect_error for row in rows]
    assert spread[1] == pytest.approx(spread[0], rel=0.15)
    assert spread[2] < 0.85 * spread[0]
