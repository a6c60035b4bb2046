"""The reader of odd-one-out judgments, and its messages about errors in a file."""

import json

import numpy as np
import pytest

from perface_jax.annotations import read_odd_one_out

TRIALS = {
    "0": {
        "triplet_questions": [[5, 6, 7], [8, 9, 5]],
        "odd_one_out_positions": [2, 0],
        "annotator_id": "x",
        "split": [1, 0],
    },
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
        ({"odd_one_out_positions": [3]}, "saw 3 as entry 0 of odd_one_out_positions, wanted 0, 1 or 2"),
        ({"odd_one_out_positions": [True]}, "saw true as entry 0 of odd_one_out_positions, wanted 0, 1 or 2"),
        ({"odd_one_out_positions": [10**30]}, f"saw 1{'0' * 30} as entry 0 of odd_one_out_positions, wanted 0, 1 or 2"),
        ({"odd_one_out_positions": [0, 1]}, "saw 1 triplets and 2 positions, wanted one for each"),
        ({"odd_one_out_positions": 1}, "to be lists"),
        ({"triplet_questions": None}, "to be lists"),
        ({"triplet_questions": [7]}, "saw 7 as entry 0 of triplet_questions, wanted three different picture numbers"),
        ({"triplet_questions": [[1, 2]]}, "wanted three different picture numbers"),
        ({"triplet_questions": [[1, 2, "3"]]}, "wanted three different picture numbers"),
        ({"triplet_questions": [[1, 1, 3]]}, "saw .1, 1, 3. as entry 0 of .*, wanted three different picture numbers"),
        ({"triplet_questions": [[1, -2, 3]]}, "wanted three different picture numbers from 0"),
        ({"triplet_questions": [[1, 2, 2**63]]}, r"wanted three different picture numbers from 0 to 2\^63 - 1"),
        ({"annotator_id": None}, "saw null as annotator_id, wanted the annotator's name"),
        ({"annotator_id": ""}, 'saw "" as annotator_id'),
    ],
)
def test_a_wrong_trial_is_named(tmp_path, change, words):
    path = write(tmp_path, json.dumps(TRIALS | {"1": TRIALS["1"] | change}))
    with pytest.raises(ValueError, match=f"ooo.json, trial 1: .*{words}"):
        read_odd_one_out(path)


def test_a_file_of_other_json_is_refused(tmp_path):
    with pytest.raises(ValueError, match="not a JSON file"):
        read_odd_one_out(write(tmp_path, "{"))
    with pytest.raises(ValueError, match="not a JSON file"):
        read_odd_one_out(write(tmp_path, "[" * 100_000))
    with pytest.raises(ValueError, match="wanted an object of trials"):
        read_odd_one_out(write(tmp_path, "[]"))
    path = write(tmp_path, '{"0": {"triplet_questions": [], "odd_one_out_positions": []}}')
    with pytest.raises(ValueError, match="trial 0: annotator_id missing"):
        read_odd_one_out(path)
