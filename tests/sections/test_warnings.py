"""What a reader of the accuracy table is warned of."""

import dataclasses

import pytest

from perface_jax import evaluation
from perface_jax.annotations import SplitBy
from perface_jax.evaluation import Kind
from perface_jax.sections import triplet_warnings
from tests.fake_faces import RIGHT, TIE, WRONG, data, run, similarities


@pytest.fixture(scope="module")
def rows():
    before, after = similarities(*[WRONG] * 5), similarities(RIGHT, WRONG, TIE, RIGHT, WRONG)
    of = data(training=[0, 2, 3], ii=[0, 1, 2], i=[4])
    return evaluation.triplet_rows({"": [run(of, before=before, after=after)]})


def test_a_model_that_does_not_beat_a_look_up_is_warned_of(rows):
    weaker = [row._replace(accuracy=0.6) if row.model == "after" and row.setting == "ii" else row for row in rows]
    warnings = triplet_warnings(weaker, [data().split])
    assert "In setting ii the image-blind majority side (0.667) is not beaten by after training (0.600)." in warnings
    assert "One seed: how much the numbers vary between trainings is not known." in warnings
    assert any("few sources (2 in ii)" in warning for warning in warnings)


def test_enough_sources_and_seeds_and_a_good_model_need_no_warning(rows):
    good = [row._replace(accuracy=0.9 if row.kind is Kind.MODEL else 0.5, sources=80, seeds=3) for row in rows]
    assert triplet_warnings(good, [data().split]) == []


def test_the_start_need_not_beat_the_baselines(rows):
    good = [row._replace(accuracy=0.9) if row.model == "after" else row for row in rows]
    assert not [warning for warning in triplet_warnings(good, [data().split]) if "not beaten" in warning]


def test_a_split_by_triplet_is_warned_of_first(rows):
    split = dataclasses.replace(data().split, by=SplitBy.TRIPLETS, description="of any words")
    assert triplet_warnings(rows, [data().split, split])[0].startswith("The split is by triplet: sources and targets")
