"""Which triplets are shown."""

from perface_jax import evaluation
from perface_jax.evaluation.examples import Outcome
from tests.fake_faces import RIGHT, TIE, WRONG, data, run, similarities


def test_the_answers_that_training_turned_come_first_each_of_another_source():
    # Sources 0 0 1 1 2. Turned: 1 by 1.6, 3 by 0.8, 4 by 1.2; 0 and 2 keep their answers.
    before = similarities(RIGHT, RIGHT, RIGHT, (0.6, 0.2), (0.3, 0.9))
    after = similarities((0.95, 0.05), WRONG, (0.9, 0), (0.1, 0.5), (0.9, 0.3))
    found = evaluation.examples({"": [run(data(ii=[0, 1, 2, 3, 4], i=[]), before=before, after=after)]})
    assert [(one.setting, one.place) for one in found] == [("ii", 1), ("ii", 4), ("ii", 3)]
    assert [one.outcome for one in found] == [Outcome.LEARNED, Outcome.LOST, Outcome.LOST]
    assert found[0].votes == (0, 3)
    assert list(found[0].similarities) == ["before", "after"]
    assert found[0].similarities["after"] == tuple(map(float, similarities(WRONG)[0]))


def test_of_every_outcome_two_triplets_are_shown_each_of_another_source():
    found = evaluation.examples({"": [run(data(), mine=similarities(*[TIE] * 5))]})  # at a tie nobody agrees
    assert [(one.place, one.outcome) for one in found] == [(0, Outcome.DIFFER), (2, Outcome.DIFFER)]
    mixed = evaluation.examples({"": [run(data(), mine=similarities(RIGHT, WRONG, WRONG, RIGHT, RIGHT))]})
    assert [(one.place, one.outcome) for one in mixed] == [(0, Outcome.AGREE), (3, Outcome.AGREE), (4, Outcome.DIFFER)]


def test_without_a_label_there_is_no_example():
    nothing = data(i=[], validation=[])
    assert evaluation.examples({"": [run(nothing, mine=similarities(*[TIE] * 5))]}) == []
