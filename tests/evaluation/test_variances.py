"""Where the scores of a model vary."""

import numpy as np
import pytest

from perface_jax import evaluation
from perface_jax.statistics.variance_components import variance_components
from tests.fake_faces import RIGHT, WRONG, Colors, data, run, similarities


def test_the_shares_are_those_of_the_mean_score_of_each_triplet():
    first, second = similarities(RIGHT, RIGHT, RIGHT, RIGHT, WRONG), similarities(WRONG, RIGHT, RIGHT, RIGHT, WRONG)
    runs = [run(data(), seed=(seed,), after=of, before=of) for seed, of in enumerate((first, second))]
    row = evaluation.variance_rows({"": runs})[-1]
    of, means = Colors(), np.array([0.5, 0, 1, 1, 1])
    assert row[:2] == ("i", "after")
    assert row[2:5] == pytest.approx(variance_components(means, of.source_id, of.target_id).shares())
    assert sum(row[2:5]) == pytest.approx(1)
    assert row[5:] == (3, 2)


def test_without_ids_there_are_none():
    class Unknown(Colors):
        target_id = np.full(5, -1)

    (row,) = evaluation.variance_rows({"": [run(data(Unknown()), one=similarities(*[RIGHT] * 5))]})
    assert np.isnan(row[2:5]).all()
    assert row[5:] == (3, 0)
