"""Paired tests of two models, counted by hand."""

import numpy as np
import pytest

from perface_jax import evaluation
from tests.fake_faces import RIGHT, WRONG, data, similarities


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
