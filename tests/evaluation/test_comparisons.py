"""Paired tests of two models, counted by hand."""

import numpy as np
import pytest

from perface_jax import evaluation, metrics
from perface_jax.evaluation import Measure, Method
from perface_jax.statistics.multiple import holm
from tests.fake_faces import RIGHT, WRONG, Colors, data, only, similarities


def _compare(first, second, of=None, **options):
    return evaluation.comparison_rows({"good": first}, {"poor": second}, of or [data()] * len(first), **options)


def test_two_models_are_compared_on_the_same_triplets():
    good, poor = similarities(RIGHT, WRONG, RIGHT, RIGHT, WRONG), similarities(WRONG, RIGHT, RIGHT, RIGHT, WRONG)
    row = only(_compare([good], [poor]), measure=Measure.ACCURACY)
    assert (row.setting, row.first, row.second, row.triplets, row.sources) == ("i", "good", "poor", 5, 3)
    assert row.difference == pytest.approx(0.4)  # right on all, and on three of five
    assert row.p_mcnemar == 0.5  # two discordant triplets, both for the first
    assert row.low <= 0.4 <= row.high
    of = Colors()
    expected = metrics.robust_test(np.array([1.0] * 5), np.array([0.0, 0, 1, 1, 1]), of.source_id, of.target_id)
    assert (row.low, row.high, row.p) == pytest.approx([float(x) for x in expected[1:]], rel=1e-4)
    same = only(_compare([good], [good]), measure=Measure.ACCURACY)
    assert (same.difference, same.p_mcnemar, same.p) == (0, 1, 1)


class Split(Colors):
    """Twelve triplets of six sources and two targets, half of them with split votes, and one without."""

    ids = tuple(f"t{i:04d}" for i in range(12))
    votes = np.array([[0, 0, 0], [1, 0, 0]] * 5 + [[1, 1, 0], [-1, -1, -1]], np.int8)
    source_id, target_id = np.arange(12) // 2, np.arange(12) % 2


def _of_split():
    labels = np.where(np.arange(12) % 2 == 0, 0, -1)
    labels[10] = -1
    return data(Split(), labels=labels, i=np.arange(12))


def test_soft_score_and_likelihood_use_the_votes_that_accuracy_drops():
    random = np.random.default_rng(0)
    good, poor = (random.uniform(size=(12, 2)).astype(np.float32) for _ in range(2))
    good[:, 0] += 0.5
    rows = _compare([good], [poor], [_of_split()])
    assert {row.measure: row.triplets for row in rows} == {"accuracy": 5, "soft score": 11, "log-likelihood": 11}
    share, given = np.array([1, 2 / 3] * 5 + [1 / 3]), slice(0, 11)
    for_a = [(x[given, 0] > x[given, 1]) for x in (good, poor)]
    soft = [np.where(x, share, 1 - share).mean() for x in for_a]
    assert only(rows, measure=Measure.SOFT_SCORE).difference == pytest.approx(soft[0] - soft[1], abs=1e-6)
    table = evaluation.vote_table({"": [_run(good)]}), evaluation.vote_table({"": [_run(poor)]})
    ours = only(rows, measure=Measure.LOG_LIKELIHOOD).difference
    of_table = [only(one.rows, kind=evaluation.Kind.MODEL).log_likelihood for one in table]
    assert ours == pytest.approx(of_table[0] - of_table[1], abs=1e-5)


def _run(similarities_):
    answers = {evaluation.Role.EXTERNAL: evaluation.Answers("one", "one", similarities_)}
    return evaluation.Run((), _of_split(), answers)


def test_p_is_corrected_over_settings_and_models_of_a_measure():
    random, of = np.random.default_rng(1), data(Split(), labels=np.zeros(12, int), i=np.arange(8), ii=np.arange(8, 12))
    first, other, second = (random.uniform(size=(12, 2)).astype(np.float32) for _ in range(3))
    rows = evaluation.comparison_rows({"one": [first], "two": [other]}, {"three": [second]}, [of])
    for measure in Measure:
        mine = [row for row in rows if row.measure is measure]
        assert len(mine) == 4
        np.testing.assert_allclose([row.p_holm for row in mine], holm(np.array([row.p for row in mine])))


def test_equivalence_has_the_margin_that_was_asked_for():
    good = similarities(RIGHT, WRONG, RIGHT, RIGHT, WRONG)
    poor = similarities(WRONG, WRONG, RIGHT, RIGHT, WRONG)
    rows = _compare([good], [poor], margin=0.9)
    row, likelihood = only(rows, measure=Measure.ACCURACY), only(rows, measure=Measure.LOG_LIKELIHOOD)
    assert row.margin == 0.9
    of = Colors()
    expected = metrics.equivalence_test(np.ones(5), np.array([0.0, 1, 1, 1, 1]), of.source_id, of.target_id, margin=0.9)
    assert row.p_equivalence == pytest.approx(float(expected), rel=1e-4)
    assert np.isnan([likelihood.margin, likelihood.p_equivalence]).all()


def test_a_bootstrap_stays_by_name():
    good, poor = similarities(RIGHT, WRONG, RIGHT, RIGHT, WRONG), similarities(WRONG, RIGHT, RIGHT, RIGHT, WRONG)
    by_method = {m: only(_compare([good], [poor], intervals=m), measure=Measure.ACCURACY) for m in Method}
    assert by_method[Method.TWO_WAY].low != by_method[Method.SOURCE].low
    assert by_method[Method.SOURCE].p != by_method[Method.PIGEONHOLE].p
    assert len({row.difference for row in by_method.values()}) == 1


def test_several_seeds_have_no_one_answer_for_mcnemar():
    pairs = similarities(*[RIGHT] * 5)
    other = similarities(WRONG, *[RIGHT] * 4)
    row = only(_compare([pairs, other], [pairs, pairs]), measure=Measure.ACCURACY)
    assert np.isnan(row.p_mcnemar)
    assert "several seeds" in row.note
