"""The summary: the verdict follows the interval of the gain, and every score is the number of its row."""

import pytest

from perface_jax import evaluation, sections
from perface_jax.annotations import Setting
from perface_jax.evaluation import Kind, Role, TripletRow, VerificationRow, VoteRow
from perface_jax.evaluation.achievable import LOWER
from perface_jax.report import Score
from perface_jax.sections import summaries

STRICTEST = Setting.BOTH_UNSEEN


def rows(low, high, *, baseline=0.6, cells=("",)):
    trained = [
        TripletRow(STRICTEST, f"after {cell}".strip(), Kind.MODEL, Role.TRAINED, 0.7, 0.6, 0.8, gain=0.1, gain_low=low,
                   gain_high=high, triplets=51, sources=12, seeds=2)
        for cell in cells
    ]  # fmt: skip
    return [
        TripletRow(STRICTEST, "before", Kind.MODEL, Role.START, 0.6, 0.5, 0.7, triplets=51, sources=12),
        *trained,
        TripletRow(STRICTEST, "image-blind majority side", Kind.BASELINE, None, 0.5, 0.4, 0.6),
        TripletRow(STRICTEST, "image-blind source look-up", Kind.BASELINE, None, baseline, 0.4, 0.7),
        TripletRow(STRICTEST, "best achievable", Kind.ACHIEVABLE, None, 0.9, best=0.9, best_low=0.85, best_high=0.95),
        TripletRow(Setting.TARGET_UNSEEN, "after", Kind.MODEL, Role.TRAINED, 0.99),
    ]


VOTES = [
    VoteRow(STRICTEST, LOWER, Kind.AGREEMENT, 0.75, 0.7, 0.8),
    VoteRow(STRICTEST, "human agreement: upper noise ceiling", Kind.AGREEMENT, 0.85),
    VoteRow(STRICTEST, "after", Kind.MODEL, 0.65, 0.6, 0.7),
]


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (0.02, 0.18, "Training raised the accuracy: gain +0.100 [+0.020, +0.180]."),
        (-0.18, -0.02, "Training lowered the accuracy: gain +0.100 [-0.180, -0.020]."),
        (-0.02, 0.22, "Whether training helped cannot be told: gain +0.100 [-0.020, +0.220]."),
        (float("nan"), float("nan"), "Whether training helped cannot be told without an interval: gain +0.100."),
    ],
)
def test_the_verdict_is_what_the_interval_of_the_gain_tells(low, high, wanted):
    found = sections.triplet_summary(rows(low, high), VOTES)
    assert found.verdict == wanted
    assert found.details == "Its accuracy, 0.700, is above the best image-blind baseline, 0.600."


def test_a_model_that_does_not_beat_the_baseline_is_said_not_to():
    found = sections.triplet_summary(rows(0.02, 0.18, baseline=0.7), VOTES)
    assert found.details == ("Its accuracy, 0.700, is not above the best image-blind baseline, 0.700.")


def test_the_cells_of_a_sweep_are_named_as_a_reader_says_it():
    found = sections.triplet_summary(rows(0.02, 0.18, cells=("labels=majority", "labels=unanimous")), [])
    assert "gain +0.100 [+0.020, +0.180] (labels: majority), +0.100" in found.verdict
    assert "2 of 2 models are above" in found.details


def test_scores_of_the_strictest_setting_stand_beside_what_they_are_compared_with():
    found = sections.triplet_summary(rows(0.02, 0.18), VOTES)
    assert Score("accuracy", "after training", 0.7, 0.6, 0.8) in found.scores
    assert Score("accuracy", "image-blind baseline", 0.6, 0.4, 0.7, own=False) in found.scores
    assert Score("accuracy", "best achievable", 0.9, 0.85, 0.95, own=False) in found.scores
    assert Score("soft score", "human agreement", 0.75, 0.7, 0.8, own=False) in found.scores
    assert 0.85 not in [score.value for score in found.scores]  # the upper ceiling counts a vote's own opinion
    assert 0.99 not in [score.value for score in found.scores]
    assert set(found.measures) == {score.measure for score in found.scores}
    assert found.run == (
        "Tested on 51 unanimous triplets of 12 sources, 2 seeds; setting i, source and target faces unseen in training."
    )


def compared(first, second, low, high, setting=STRICTEST, **other):
    tests = {"p": 0.5, "p_sign_flip": 0.5, "p_mcnemar": 0.5, "triplets": 51, "sources": 12, "note": ""}
    return evaluation.ComparisonRow(setting, first, second, 0.1, low, high, **(tests | other))


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (0.02, 0.18, "the first is higher"),
        (-0.18, -0.02, "the second is higher"),
        (-0.02, 0.22, "which is higher cannot be told"),
        (float("nan"), float("nan"), "which is higher cannot be told"),
    ],
)
def test_a_comparison_with_another_run_is_told_by_its_interval(low, high, told):
    found = sections.comparison_summary(
        [
            compared("before", "after of other", -0.9, -0.8),
            compared("after", "after of other", low, high),
            compared("after", "after of other", 0.5, 0.6, setting=Setting.TARGET_UNSEEN),
            compared("after", "after of other", 0.5, 0.6, measure=evaluation.Measure.SOFT_SCORE),
        ]
    )
    given = "" if low != low else f" [{low:+.3f}, {high:+.3f}]"
    assert found.details == f"Accuracy, after training minus after training of other: +0.100{given}; {told}."


def test_of_many_compared_models_the_first_are_told():
    assert sections.comparison_summary([compared("a", "b", 0, 1, triplets=0)]) is None
    found = sections.comparison_summary([compared("mine", f"other{i}", 0.1, 0.2) for i in range(5)])
    assert found.details.count("the first is higher") == summaries.PAIRS
    assert found.details.endswith(" 3 more pairs are in the table of the paired comparison.")


def test_a_report_without_test_triplets_has_no_summary():
    trained = [TripletRow(Setting.TRAIN, "after", Kind.MODEL, Role.TRAINED, 0.9)]
    assert sections.triplet_summary(trained, []) is None
    assert sections.join_summaries([]) is None


def test_summaries_of_parts_are_joined_in_order():
    verification = sections.verification_summary([VerificationRow("before", 0.912, 0.01, 300, 20)])
    group = evaluation.GroupRow(evaluation.groups.Task.FOUR, "after", "all", 100)
    group = group._replace(top1=group.top1._replace(value=0.45))
    both = sections.join_summaries([verification, sections.group_summary([group])])
    assert both.verdict == "One person or two, pairs told right: 91.2% (before training)."
    assert both.details == "STEP 1 finds the right one of four groups for 45% (after training) of the faces."
    assert [score.measure for score in both.scores] == [summaries.VERIFIED, summaries.TOP1]
    assert both.run.endswith("unseen in training. STEP 1: 100 faces.")
