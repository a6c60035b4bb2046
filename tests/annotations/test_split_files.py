"""Splits from files: settings as the file says, overlaps counted and not refused, and refusals."""

import numpy as np
import pytest

from perface_jax.annotations import Seen, Setting, SplitBy, read_split

TRIPLETS = tuple(f"t{i:04d}" for i in range(8))
#  row        0  1  2  3  4  5  6  7
SOURCE = np.array([0, 0, 1, 1, 1, 2, 3, 3])
TARGET = np.array([0, 1, 0, 1, 2, 2, 2, 3])
LINES = "tripletId,setting\nt0004,i\nt0000,train\nt0002,train\nt0001,validation\nt0005,i\nt0003,ii\nt0006,test\n"
IDS = {"source_id": SOURCE, "target_id": TARGET}


def write(tmp_path, text):
    path = tmp_path / "authors.csv"
    path.write_text(text)
    return path


def test_settings_are_those_of_the_file_and_the_rest_is_unused(tmp_path):
    made = read_split(write(tmp_path, LINES), TRIPLETS, **IDS)
    assert made.by is SplitBy.FILE
    assert {str(name): rows.tolist() for name, rows in made.rows.items()} == {
        "train": [0, 2], "validation": [1], "i": [4, 5], "ii": [3], "test": [6],
    }  # fmt: skip
    assert str(made) == "by authors.csv: train 2, validation 1, i 2, ii 1, test 1, unused 1"
    made.check()


def test_sources_and_targets_seen_in_training_are_counted_by_hand(tmp_path):
    made = read_split(write(tmp_path, LINES), TRIPLETS, **IDS)
    # Training has sources 0 and 1 on target 0. Setting i has sources 1 and 2 on target 2.
    assert made.seen(Setting.BOTH_UNSEEN, SOURCE, TARGET) == Seen(1, 2, 0, 1)
    assert made.seen(Setting.TARGET_UNSEEN, SOURCE, TARGET) == Seen(1, 1, 0, 1)
    assert made.seen(Setting.VALIDATION, SOURCE, TARGET) == Seen(1, 1, 0, 1)
    assert made.seen(Setting.TEST, SOURCE, TARGET) == Seen(0, 1, 0, 1)
    assert str(made.seen(Setting.BOTH_UNSEEN, SOURCE, TARGET)) == "1 of 2 sources, 0 of 1 targets"
    assert made.seen(Setting.BOTH_UNSEEN, np.full(8, -1), TARGET) is None


@pytest.mark.parametrize("ids", [{}, {"source_id": np.full(8, -1), "target_id": np.full(8, -1)}])
def test_without_ids_a_split_says_so(tmp_path, ids):
    made = read_split(write(tmp_path, LINES), TRIPLETS, **ids)
    assert made.source_id is None
    assert str(made).startswith("by authors.csv, sources and targets unknown: train 2,")


def test_a_split_without_validation_has_an_empty_one(tmp_path):
    made = read_split(write(tmp_path, "tripletId,setting\nt0000,train\nt0001,test\n"), TRIPLETS, **IDS)
    assert made.rows["validation"].tolist() == []
    assert made.unused == 6


def test_triplets_that_were_left_out_may_be_named(tmp_path):
    path = write(tmp_path, "tripletId,setting\nt0000,train\nt4963,train\nt0001,test\n")
    assert read_split(path, TRIPLETS, **IDS, others=("t4963",)).rows["train"].tolist() == [0]
    with pytest.raises(ValueError, match="line 3: 1 of 3 triplets are unknown: t4963"):
        read_split(path, TRIPLETS, **IDS)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "tripletId,setting\nt0000,train\nt0001,iv\n",
            "line 3: saw the setting 'iv', wanted one of train, validation, i",
        ),
        ("tripletId,setting\nt0000,Train\n", "line 2: saw the setting 'Train'"),
        (
            "tripletId,setting\nt0000,test\nt0001,i\n",
            r"no triplet of the data set has the setting train \(train 0, .* i 1",
        ),
        ("tripletId,setting\nt0000,train\nt0000,test\n", "line 3: saw t0000, which is also on line 2"),
        ("tripletId,split\nt0000,train\n", "line 1: .* wanted setting in it"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, words):
    with pytest.raises(ValueError, match=words):
        read_split(write(tmp_path, text), TRIPLETS, **IDS)


def test_what_is_only_evaluated_needs_no_training_triplets(tmp_path):
    path = write(tmp_path, "tripletId,setting\nt0000,test\nt4963,train\n")
    found = read_split(path, TRIPLETS, **IDS, others=("t4963",), training=False)
    assert found.rows["test"].tolist() == [0]
    assert str(found.seen(Setting.TEST, **IDS)) == "0 of 1 sources, 0 of 1 targets"
    path = write(tmp_path, "tripletId,setting\nt4963,train\n")
    with pytest.raises(ValueError, match="no triplet of the data set has a setting"):
        read_split(path, TRIPLETS, **IDS, others=("t4963",), training=False)
