"""The plan of an annotator has the promised properties."""

import collections

import numpy as np
import pytest

from perface_jax.collection import Choice, Kind, Share, plan_hash, plan_trials
from tests.collection.small_study import write_study

UNCERTAIN = [k for k in range(240) if k % 10 < 4]  # of every source


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("plan") / "study", sources=24, targets=10, annotators=8, dummies=6)


@pytest.fixture(scope="module")
def plans(study):
    return [plan_trials(study, annotator) for annotator in range(8)]


def _votes(trials):
    return [trial for trial in trials if trial.kind is Kind.VOTE]


def test_the_plan_depends_on_seed_and_annotator_alone(study, plans, tmp_path):
    again = write_study(tmp_path / "again", sources=24, targets=10, annotators=8, dummies=6)
    assert [plan_trials(again, annotator) for annotator in (5, 2)] == [plans[5], plans[2]]
    other = write_study(tmp_path / "other", sources=24, targets=10, annotators=8, dummies=6, seed=1)
    assert plan_trials(other, 5) != plans[5]
    assert len({plan_hash(trials) for trials in plans}) == 8
    assert plan_hash(plan_trials(again, 5)) == plan_hash(plans[5])


def test_every_triplet_gets_its_votes_from_different_annotators(plans):
    for trials in plans:
        names = [trial.triplet for trial in _votes(trials)]
        assert len(set(names)) == len(names) == 90
        assert [trial.index for trial in trials] == list(range(len(trials)))
    count = collections.Counter(trial.triplet for trials in plans for trial in _votes(trials))
    assert len(count) == 240
    assert set(count.values()) == {3}


def test_annotators_differ_by_at_most_one_vote_on_a_source_and_by_few_on_a_target(study, plans):
    place = {one.name: (one.source, one.target) for one in study.triplets}
    for kind, spread in ((0, 1), (1, 4)):
        for name in {places[kind] for places in place.values()}:
            given = [sum(place[trial.triplet][kind] == name for trial in _votes(trials)) for trials in plans]
            assert max(given) - min(given) <= spread


def test_sides_are_balanced_for_annotators_and_for_triplets(plans):
    of_triplet = collections.defaultdict(int)
    for trials in plans:
        sides = {kind: sum(1 if t.left is Choice.A else -1 for t in trials if t.kind is kind) for kind in Kind}
        assert abs(sides[Kind.VOTE]) <= 1
        assert abs(sides[Kind.VOTE] + sides[Kind.REPEAT]) <= 1
        for trial in _votes(trials):
            of_triplet[trial.triplet] += 1 if trial.left is Choice.A else -1
    assert set(of_triplet.values()) <= {-1, 1}  # three votes each


def test_repeats_come_later_with_exchanged_sides(plans):
    for trials in plans:
        repeats = [trial for trial in trials if trial.kind is Kind.REPEAT]
        assert len(repeats) == len({trial.repeat_of for trial in repeats}) == round(0.05 * 90)
        for trial in repeats:
            first = trials[trial.repeat_of]
            assert first.kind is Kind.VOTE
            assert (first.triplet, first.a, first.b) == (trial.triplet, trial.a, trial.b)
            assert first.left is not trial.left
            assert trial.index - trial.repeat_of > 10


def test_dummies_are_at_random_places_with_the_right_picture_on_both_sides(plans):
    places = []
    for trials in plans:
        dummies = [trial for trial in trials if trial.kind is Kind.DUMMY]
        assert len({trial.triplet for trial in dummies}) == 6
        assert sum(trial.side(trial.expected) == "left" for trial in dummies) == 3
        places += [trial.index / len(trials) for trial in dummies]
    assert 0.35 < np.mean(places) < 0.65
    assert min(places) < 0.2
    assert max(places) > 0.8


def test_practice_comes_first_and_knows_the_answer(plans):
    for trials in plans:
        assert [trial.kind for trial in trials[:2]] == [Kind.PRACTICE] * 2
        assert all(trial.expected for trial in trials[:2])
        assert Kind.PRACTICE not in [trial.kind for trial in trials[2:]]


def test_no_source_comes_twice_within_ten_trials(study, plans):
    source = {one.name: one.source for one in study.triplets}
    for trials in plans:
        shown = [source[trial.triplet] for trial in trials]
        assert all(len(set(shown[k : k + 11])) == len(shown[k : k + 11]) for k in range(len(shown)))


def test_a_second_wave_is_another_draw_of_the_same_design(study):
    trials = [trial for annotator in range(8, 16) for trial in _votes(plan_trials(study, annotator))]
    assert set(collections.Counter(trial.triplet for trial in trials).values()) == {3}
    assert plan_trials(study, 8) != plan_trials(study, 0)


def test_adaptive_votes_replace_random_ones(tmp_path):
    study = write_study(tmp_path / "study", sources=24, targets=10, annotators=8)
    study.adaptive_path(1).parent.mkdir()
    study.adaptive_path(1).write_text("triplet,votes\n" + "".join(f"t{k:04d},4\n" for k in UNCERTAIN))
    trials = [trial for annotator in range(8, 16) for trial in _votes(plan_trials(study, annotator))]
    share = collections.Counter((trial.triplet, trial.share) for trial in trials)
    assert {share[f"t{k:04d}", Share.ADAPTIVE] for k in UNCERTAIN} == {4}
    assert sum(share.values()) == 3 * 240
    assert {share[f"t{k:04d}", Share.RANDOM] for k in range(240)} == {1, 2}
    assert {trial.share for trial in plan_trials(study, 0)} == {Share.RANDOM}


def test_too_few_sources_are_refused(tmp_path):
    study = write_study(tmp_path / "study", sources=8)
    with pytest.raises(ValueError, match="within 10 trials"):
        plan_trials(study, 0)
    with pytest.raises(ValueError, match="annotator is -1"):
        plan_trials(study, -1)


def test_practice_keeps_the_spacing_too(tmp_path):
    made = write_study(tmp_path / "study", sources=7, practice=14, spacing=5, dummies=2)
    for annotator in range(4):
        shown = [trial.triplet for trial in plan_trials(made, annotator) if trial.kind is Kind.PRACTICE]
        source = {one.name: one.source for one in made.triplets}
        sources = [source[name] for name in shown]
        assert all(len(set(sources[k : k + 6])) == 6 for k in range(len(sources) - 5))
