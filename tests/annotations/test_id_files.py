"""Sources and targets from a file: how names become numbers, parts of the triplets, and refusals."""

import numpy as np
import pytest

from perface_jax.annotations import read_ids

TRIPLETS = ("t0003", "t0007", "t0001")


def write(tmp_path, text):
    path = tmp_path / "ids.csv"
    path.write_text(text)
    return path


def test_whole_numbers_stay_and_follow_the_order_of_the_triplets(tmp_path):
    path = write(tmp_path, "target,tripletId,source\n2,t0001,40\n0,t0007,7\n9,t0003,7\n")
    found = read_ids(path, TRIPLETS)
    assert found.ids == TRIPLETS
    assert found.source_id.dtype == found.target_id.dtype == np.int32
    assert (found.source_id.tolist(), found.target_id.tolist()) == ([7, 7, 40], [9, 0, 2])
    assert found.source_names == found.target_names == ()


def test_names_become_their_places_among_the_sorted_names_of_their_column(tmp_path):
    path = write(tmp_path, "tripletId,source,target\nt0003,zoe,2\nt0007,anna,10\nt0001,zoe,02\n")
    found = read_ids(path, TRIPLETS)
    assert found.source_names == ("anna", "zoe")
    assert found.source_id.tolist() == [1, 0, 1]
    assert found.target_names == ("02", "10", "2")  # 02 is a name, and so all three are
    assert found.target_id.tolist() == [2, 1, 0]


def test_numbers_too_large_to_be_stored_are_names(tmp_path):
    path = write(tmp_path, "tripletId,source,target\nt0003,4294967296,0\nt0007,2147483647,0\n")
    assert read_ids(path, TRIPLETS).source_id.tolist() == [1, 0]


def test_a_file_may_name_a_part_of_the_triplets_and_others_that_are_known(tmp_path):
    path = write(tmp_path, "tripletId,source,target\nt0009,5,5\nt0001,1,2\n")
    found = read_ids(path, TRIPLETS, others=("t0009",))
    assert (found.ids, found.absent) == (("t0001",), ("t0009",))
    assert found.source_id.tolist() == [1]
    with pytest.raises(ValueError, match="ids.csv, line 2: 1 of 2 triplets are unknown: t0009"):
        read_ids(path, TRIPLETS)
    with pytest.raises(ValueError, match=r"names none of the 2 triplets \(t0003, t0007\)"):
        read_ids(path, TRIPLETS[:2], others=("t0009", "t0001"))


def test_a_missing_column_is_named(tmp_path):
    with pytest.raises(ValueError, match="wanted target in it"):
        read_ids(write(tmp_path, "tripletId,source\nt0003,1\n"), TRIPLETS)
