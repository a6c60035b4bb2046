"""Rows of the accuracy tables: fake models whose every number a person can count."""

import numpy as np
import pytest

from perface_jax import evaluation
from perface_jax.evaluation import Run, Vectors
from tests.fake_faces import Colors, data, fake_network

RIGHT, WRONG, TIE = (0.9, 0.1), (0.1, 0.9), (0.5, 0.5)


def similarities(*pairs):
    return np.array(pairs, np.float32)


def unanimous(*sources):
    """Triplets of these sources for which everybody chose a."""
    triplets = Colors()
    triplets.votes = np.zeros((len(sources), 3), np.int8)
    triplets.source_id, triplets.target_id = np.array(sources), np.arange(len(sources))
    return triplets


def only(rows, **wanted):
    (row,) = [row for row in rows if all(getattr(row, name) == value for name, value in wanted.items())]
    return row


def test_a_fake_model_through_the_whole_evaluation_scores_what_a_person_counts():
    found = evaluation.triplet_similarities(fake_network(), Colors())
    labels = data().labels
    np.testing.assert_array_equal(evaluation.scores(found, labels), [1, 0, 0.5, 1, 1])
    before = similarities(WRONG, RIGHT, WRONG, WRONG, RIGHT)
    np.testing.assert_array_equal(evaluation.scores(before, labels), [0, 0, 0, 0, 0])
    rows = evaluation.triplet_rows({"": [Run((), data(), {"before": before, "after": found})]})
    then, now = only(rows, model="before"), only(rows, model="after")
    assert (then.accuracy, now.setting) == (0, "i")
    assert now.accuracy == pytest.approx(0.7)  # (1 + 0 + 1/2 + 1 + 1) / 5
    assert now.gain == pytest.approx(0.7)
    assert now.low <= 0.7 <= now.high
    assert (now.ties, now.triplets, now.sources, now.seeds) == (1, 5, 3, 1)


def test_vectors_by_name_give_the_same_similarities_as_the_pictures():
    triplets = Colors()
    names = [f"{name}_{role}" for name in triplets.ids for role in "abc"]
    colors = np.stack([triplets[i] for i in range(5)]).reshape(15, 4, 4, 3).mean((1, 2))
    vectors = Vectors(names, (colors - 127.5) / 127.5 + 1)
    expected = evaluation.triplet_similarities(fake_network(), triplets)
    np.testing.assert_allclose(evaluation.triplet_similarities(vectors, triplets), expected, atol=1e-6)


def test_a_triplet_without_a_label_has_no_score_and_does_not_count():
    labels = np.array([0, 1, -1])
    pairs = similarities(RIGHT, RIGHT, RIGHT)
    np.testing.assert_array_equal(evaluation.scores(pairs, labels), [1, 0, np.nan])


def test_folds_are_pooled_and_seeds_give_the_spread():
    before = similarities(*[WRONG] * 4)
    after = {0: similarities(RIGHT, RIGHT, RIGHT, WRONG), 1: similarities(RIGHT, WRONG, WRONG, WRONG)}
    triplets = unanimous(0, 0, 1, 1)
    folds = [data(triplets, i=places, ii=[]) for places in ([0, 1], [2, 3])]
    runs = [Run((seed,), fold, {"before": before, "after": after[seed]}) for seed in after for fold in folds]
    rows = evaluation.triplet_rows({"labels=unanimous": runs})
    assert {row.setting for row in rows} == {"i"}  # nothing in ii
    now = only(rows, model="after labels=unanimous")
    assert now.accuracy == pytest.approx(0.5)
    assert now.deviation == pytest.approx(np.std([0.75, 0.25], ddof=1))
    assert (now.triplets, now.sources, now.seeds) == (4, 2, 2)


def test_the_gain_is_paired_by_source():
    # Every source gains .5, whatever it had: the interval of the gain has no width, that of the accuracy has.
    before, after = similarities(WRONG, WRONG, TIE, TIE), similarities(TIE, TIE, RIGHT, RIGHT)
    triplets = unanimous(0, 0, 1, 1)
    rows = evaluation.triplet_rows({"": [Run((), data(triplets), {"before": before, "after": after})]})
    row = only(rows, model="after")
    assert (row.gain_low, row.gain_high) == (0.5, 0.5)
    assert row.low < row.high


def test_a_single_source_has_no_interval_and_the_row_says_so():
    triplets = unanimous(0, 0)
    pairs = similarities(RIGHT, WRONG)
    row = only(evaluation.triplet_rows({"": [Run((), data(triplets), {"vectors": pairs})]}), model="vectors")
    assert row.accuracy == 0.5
    assert np.isnan([row.low, row.high, row.gain]).all()
    assert row.note == "one source"


def test_a_setting_without_a_unanimous_triplet_says_so():
    triplets = Colors()
    triplets.votes = np.array([[0, 0, 1]] * 5, np.int8)
    pairs = similarities(*[RIGHT] * 5)
    row = only(evaluation.triplet_rows({"": [Run((), data(triplets), {"vectors": pairs})]}), model="vectors")
    assert np.isnan(row.accuracy)
    assert (row.note, row.triplets) == ("no unanimous triplet", 0)


def test_baselines_know_the_training_labels_only():
    # Sources 0 0 1 1 2, labels a b a a b. Trained on triplets 0, 2 and 3: side a, source 0 a, source 1 a.
    judged = data(training=[0, 2, 3], ii=[0, 1, 2], i=[4])
    rows = evaluation.triplet_rows({"": [Run((), judged, {"vectors": similarities(*[RIGHT] * 5)})]})
    assert only(rows, setting="ii", model="baseline: majority side").accuracy == pytest.approx(2 / 3)
    assert only(rows, setting="ii", model="baseline: source look-up").accuracy == pytest.approx(2 / 3)
    unseen = only(rows, setting="i", model="baseline: source look-up")
    assert np.isnan(unseen.accuracy)
    assert unseen.note == "unseen ids"
    assert only(rows, setting="i", model="baseline: target look-up").accuracy == 0  # target 0 says a, people b


def test_baselines_of_cells_with_other_labels_are_told_apart():
    one, other = data(training=[0, 2], i=[4]), data(training=[1], i=[4])
    pairs = similarities(*[RIGHT] * 5)
    named = {"labels=majority": one, "labels=unanimous": other}
    cells = {name: [Run((), judged, {"before": pairs})] for name, judged in named.items()}
    rows = evaluation.triplet_rows(cells)
    assert [row.model for row in rows if "side" in row.model] == [
        "baseline: majority side (labels=majority)",
        "baseline: majority side (labels=unanimous)",
    ]
    assert len([row for row in rows if row.model == "before"]) == 1
    same = evaluation.triplet_rows({name: cells["labels=majority"] for name in "ab"})
    assert [row.model for row in same if "side" in row.model] == ["baseline: majority side"]


def test_the_ceiling_beside_unanimous_triplets_is_no_number():
    row = only(evaluation.triplet_rows({"": [Run((), data(), {"vectors": similarities(*[TIE] * 5)})]}), kind="ceiling")
    assert np.isnan(row.accuracy)
    assert row.note == "1 by selection"


def test_all_votes_count_in_the_table_of_votes():
    triplets = Colors()
    triplets.votes = np.array([[0, 0, 0], [0, 0, 1], [1, 1, 0], [1, 1, 1], [0, 1, -1]], np.int8)
    judged = data(triplets, i=[0, 1, 2], validation=[3, 4])
    pairs = similarities(RIGHT, RIGHT, RIGHT, WRONG, TIE)
    rows = evaluation.vote_rows({"": [Run((), judged, {"vectors": pairs})]})
    row = only(rows, setting="i", model="vectors")
    assert row.score == pytest.approx((1 + 2 / 3 + 1 / 3) / 3)
    assert (row.triplets, row.votes) == (3, 9)
    assert row.log_likelihood < 0
    another = only(rows, setting="i", model="people: another vote")
    assert another.score == pytest.approx((1 + 1 / 3 + 1 / 3) / 3)  # pairs that agree: 3 of 3, 1 of 3, 1 of 3


def test_the_majority_of_the_others_is_another_ceiling_from_four_votes_on():
    triplets = Colors()
    triplets.votes = np.array([[0, 0, 0, 1]] * 5, np.int8)
    rows = evaluation.vote_rows({"": [Run((), data(triplets), {"vectors": similarities(*[RIGHT] * 5)})]})
    assert only(rows, setting="i", model="people: another vote").score == pytest.approx(1 / 2)  # 3 of 6 pairs
    others = only(rows, setting="i", model="people: majority of the others")
    assert others.score == pytest.approx(3 / 4)  # each a against a a b, the b against a a a


def test_with_one_source_there_is_no_likelihood():
    rows = evaluation.vote_rows({"": [Run((), data(i=[0, 1]), {"vectors": similarities(*[RIGHT] * 5)})]})
    row = only(rows, setting="i", model="vectors")
    assert np.isnan([row.log_likelihood, row.calibration_error]).all()
    assert row.note == "one source to fit on"


def test_a_source_is_foretold_from_the_others_only():
    # Two sources that contradict each other: what fits the one foretells the other wrongly.
    difference, votes = np.float32([1, 1, 1, 1]), np.array([[0, 0], [0, 1], [1, 1], [1, 0]])
    odds = evaluation.held_out_log_odds(difference, votes, np.array([0, 0, 1, 1]))
    np.testing.assert_allclose(odds, np.log([1 / 3, 1 / 3, 3, 3]), atol=1e-3)


def test_two_models_are_compared_on_the_same_triplets():
    good, poor = similarities(RIGHT, WRONG, RIGHT, RIGHT, WRONG), similarities(WRONG, RIGHT, RIGHT, RIGHT, WRONG)
    (row,) = evaluation.comparison_rows({"good": [good]}, {"poor": [poor]}, [data()])
    assert (row.setting, row.first, row.second, row.triplets, row.sources) == ("i", "good", "poor", 5, 3)
    assert row.difference == pytest.approx(0.4)  # right on all, and on three of five
    assert row.p_mcnemar == 0.5  # two discordant triplets, both for the first
    assert row.low <= 0.4 <= row.high
    (same,) = evaluation.comparison_rows({"good": [good]}, {"other": [good]}, [data()])
    assert (same.difference, same.p_mcnemar) == (0, 1)


def test_several_seeds_have_no_one_answer_for_mcnemar():
    pairs = similarities(*[RIGHT] * 5)
    other = similarities(WRONG, *[RIGHT] * 4)
    (row,) = evaluation.comparison_rows({"a": [pairs, other]}, {"b": [pairs, pairs]}, [data(), data()])
    assert np.isnan(row.p_mcnemar)
    assert "several seeds" in row.note
