"""The reader of odd-one-out judgments, and what it says about a wrong file."""

import json

import numpy as np
import pytest

from perface_jax.annotations import read_odd_one_out

TRIALS = {
    "0": {"triplet_questions": [[5, 6, 7], [8, 9, 5]], "odd_one_out_positions": [2, 0], "annotator_id": "x",
          "split": [1, 0]},
    "1": {"triplet_questions": [[1, 2, 3]], "odd_one_out_positions": [1], "annotator_id": "y"},
    "2": {"triplet_questions": [[6, 7, 8]], "odd_one_out_positions": [0], "annotator_id": "x"},
}


def write(tmp_path, text: str):
    path = tmp_path / "ooo.json"
    path.write_text(text)
    return path


def test_odd_one_out_trials_become_one_row_a_judgment(tmp_path):
    found = read_odd_one_out(write(tmp_path, json.dumps(TRIALS)))
    np.testing.assert_array_equal(found.triplets, [[5, 6, 7], [8, 9, 5], [1, 2, 3], [6, 7, 8]])
    np.testing.assert_array_equal(found.position, [2, 0, 1, 0])
    np.testing.assert_array_equal(found.annotator, [0, 0, 1, 0])
    assert found.annotators == ("x", "y")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"odd_one_out_positions": [3]}, "must be 0, 1 or 2"),
        ({"odd_one_out_positions": [True]}, "must be 0, 1 or 2"),
        ({"odd_one_out_positions": [0, 1]}, "1 triplets need as many positions"),
        ({"triplet_questions": [[1, 2]]}, "three whole numbers"),
        ({"triplet_questions": [[1, 2, "3"]]}, "three whole numbers"),
        ({"triplet_questions": None}, "three whole numbers"),
    ],
)
def test_a_wrong_trial_is_named(tmp_path, change, words):
    path = write(tmp_path, json.dumps(TRIALS | {"1": TRIALS["1"] | change}))
    with pytest.raises(ValueError, match=f"ooo.json, trial 1: .*{words}"):
        read_odd_one_out(path)


def test_a_file_of_other_json_is_refused(tmp_path):
    with pytest.raises(ValueError, match="not a JSON file"):
        read_odd_one_out(write(tmp_path, "{"))
    with pytest.raises(ValueError, match="wanted an object of trials"):
        read_odd_one_out(write(tmp_path, "[]"))
    path = write(tmp_path, '{"0": {"triplet_questions": [], "odd_one_out_positions": []}}')
    with pytest.raises(ValueError, match="trial 0: annotator_id missing"):
        read_odd_one_out(path)
