"""Rows of the accuracy tables, for fake models whose numbers can be counted by hand."""

import numpy as np
import pytest

from perface_jax import evaluation, metrics
from perface_jax.evaluation import Kind, Vectors
from tests.fake_faces import RIGHT, TIE, WRONG, Colors, data, fake_network, only, run, similarities


def unanimous(*sources):
    """Triplets of these sources for which everybody chose a."""
    triplets = Colors()
    triplets.votes = np.zeros((len(sources), 3), np.int8)
    triplets.source_id, triplets.target_id = np.array(sources), np.arange(len(sources))
    return triplets


def test_a_fake_model_through_the_whole_evaluation_scores_what_a_person_counts():
    found = evaluation.triplet_similarities(fake_network(), Colors())
    labels = data().labels
    np.testing.assert_array_equal(evaluation.scores(found, labels), [1, 0, 0.5, 1, 1])
    before = similarities(WRONG, RIGHT, WRONG, WRONG, RIGHT)
    np.testing.assert_array_equal(evaluation.scores(before, labels), [0, 0, 0, 0, 0])
    rows = evaluation.triplet_rows({"": [run(data(), before=before, after=found)]})
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
    runs = [
        run(fold, seed=(seed,), cell="labels=unanimous", before=before, after=after[seed])
        for seed in after
        for fold in folds
    ]
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
    rows = evaluation.triplet_rows({"": [run(data(triplets), before=before, after=after)]})
    row = only(rows, model="after")
    assert (row.gain_low, row.gain_high) == (0.5, 0.5)
    assert row.low < row.high


def test_a_single_source_has_no_interval_and_the_row_says_so():
    triplets = unanimous(0, 0)
    pairs = similarities(RIGHT, WRONG)
    row = only(evaluation.triplet_rows({"": [run(data(triplets), vectors=pairs)]}), model="vectors")
    assert row.accuracy == 0.5
    assert np.isnan([row.low, row.high, row.gain]).all()
    assert row.note == "one source"


def test_a_setting_without_a_unanimous_triplet_says_so():
    triplets = Colors()
    triplets.votes = np.array([[0, 0, 1]] * 5, np.int8)
    pairs = similarities(*[RIGHT] * 5)
    row = only(evaluation.triplet_rows({"": [run(data(triplets), vectors=pairs)]}), model="vectors")
    assert np.isnan(row.accuracy)
    assert (row.note, row.triplets) == ("no unanimous triplet", 0)


def test_baselines_know_the_training_labels_only():
    # Sources 0 0 1 1 2, labels a b a a b. Trained on triplets 0, 2 and 3: side a, source 0 a, source 1 a.
    of = data(training=[0, 2, 3], ii=[0, 1, 2], i=[4])
    rows = evaluation.triplet_rows({"": [run(of, vectors=similarities(*[RIGHT] * 5))]})
    assert only(rows, setting="ii", model="image-blind majority side").accuracy == pytest.approx(2 / 3)
    assert only(rows, setting="ii", model="image-blind source look-up").accuracy == pytest.approx(2 / 3)
    unseen = only(rows, setting="i", model="image-blind source look-up")
    assert np.isnan(unseen.accuracy)
    assert unseen.note == "unseen ids"
    assert only(rows, setting="i", model="image-blind target look-up").accuracy == 0  # target 0 says a, people b


def test_baselines_of_cells_with_other_labels_have_rows_of_their_own():
    one, other = data(training=[0, 2], i=[4]), data(training=[1], i=[4])
    pairs = similarities(*[RIGHT] * 5)
    named = {"labels=majority": one, "labels=unanimous": other}
    cells = {name: [run(of, before=pairs)] for name, of in named.items()}
    rows = evaluation.triplet_rows(cells)
    assert [row.model for row in rows if "side" in row.model] == [
        "image-blind majority side (labels=majority)",
        "image-blind majority side (labels=unanimous)",
    ]
    assert len([row for row in rows if row.model == "before"]) == 1
    same = evaluation.triplet_rows({name: cells["labels=majority"] for name in "ab"})
    assert [row.model for row in same if "side" in row.model] == ["image-blind majority side"]


def split_votes():
    """In setting i 3:0, 3:0, 2:1, 1:2 and in ii 0:3, of four sources."""
    triplets = Colors()
    triplets.votes = np.array([[0, 0, 0], [0, 0, 0], [0, 0, 1], [1, 1, 0], [1, 1, 1]], np.int8)
    triplets.source_id = np.array([0, 1, 2, 3, 3])
    return data(triplets, i=[0, 1, 2, 3], ii=[4])


def test_the_best_achievable_accuracy_is_of_all_votes_of_the_setting_and_beside_every_accuracy():
    rows = evaluation.triplet_rows({"": [run(split_votes(), vectors=similarities(*[RIGHT] * 5))]})
    expected = metrics.achievable_accuracy([0, 1, 1, 2]).unanimous
    row = only(rows, setting="i", kind=Kind.ACHIEVABLE)
    assert (row.model, row.triplets, row.sources) == ("best achievable", 2, 2)
    assert row.accuracy == pytest.approx(expected.beta_binomial.value)
    assert row.low <= row.accuracy <= row.high  # over four sources
    for one in [row for row in rows if row.setting == "i" and row.kind is not Kind.AGREEMENT]:
        assert (one.best, one.best_low, one.best_high) == pytest.approx((row.accuracy, *expected[1:]), abs=1e-6)
    assert only(rows, setting="ii", kind=Kind.ACHIEVABLE).accuracy == pytest.approx(1, abs=1e-3)


def test_human_agreement_is_of_all_votes_because_on_unanimous_triplets_it_is_1_by_selection():
    rows = evaluation.triplet_rows({"": [run(split_votes(), vectors=similarities(*[RIGHT] * 5))]})
    lower, upper = (
        only(rows, setting="i", model=f"human agreement: {end} noise ceiling") for end in ("lower", "upper")
    )
    assert (lower.accuracy, upper.accuracy) == pytest.approx(((1 + 1 + 1 / 3 + 1 / 3) / 4, (1 + 1 + 2 / 3 + 2 / 3) / 4))
    assert (lower.triplets, lower.note) == (4, "all triplets, also with split votes")
    assert np.isnan(lower.best)


def test_what_is_unanimous_needs_as_many_votes_as_the_labels_say():
    triplets = Colors()
    triplets.votes = np.array([[0, 0, 0], [0, 0, -1], [0, 1, -1], [1, 1, 1], [1, 1, 0]], np.int8)
    labels = np.array([0, -1, -1, 1, -1])  # two votes are not enough
    rows = evaluation.triplet_rows({"": [run(data(triplets, labels=labels), vectors=similarities(*[RIGHT] * 5))]})
    counts = {2: [0, 1, 1], 3: [1, 1, 0, 1]}
    expected, other = (metrics.achievable_accuracy(counts, min_votes=n).unanimous for n in (3, 2))
    found = only(rows, kind=Kind.ACHIEVABLE).accuracy
    assert found == pytest.approx(expected.beta_binomial.value)
    assert abs(found - other.beta_binomial.value) > 1e-3


def test_without_two_votes_on_a_triplet_nothing_is_known_of_what_can_be_achieved():
    triplets = Colors()
    triplets.votes = triplets.votes[:, :1]
    rows = evaluation.triplet_rows({"": [run(data(triplets), vectors=similarities(*[RIGHT] * 5))]})
    best = only(rows, kind=Kind.ACHIEVABLE)
    assert np.isnan(best.accuracy)
    assert best.note == "no triplet with two votes"
    assert only(rows, model="human agreement: lower noise ceiling").note == "no triplet with two votes"


def test_a_triplet_that_a_baseline_cannot_score_is_counted_once_however_many_seeds_there_are():
    # Trained on triplets 0 and 2, of sources 0 and 1: triplet 4, of source 2, has no answer to look up.
    of = data(training=[0, 2], ii=[1, 3, 4], i=[])
    runs = [run(of, seed=(seed,), vectors=similarities(*[RIGHT] * 5)) for seed in (0, 1)]
    row = only(evaluation.triplet_rows({"": runs}), setting="ii", model="image-blind source look-up")
    assert (row.triplets, row.note) == (2, "1 triplets with unseen ids left out")
