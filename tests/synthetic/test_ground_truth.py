import csv

import numpy as np
import pytest

from perface_jax.annotations import grid_order
from perface_jax.synthetic import annotators, ground_truth, world


def test_the_largest_group_of_at_most_ten_that_divides_is_the_default():
    assert [ground_truth.default_block(n) for n in (80, 12, 24, 7, 11, 4, 1)] == [10, 6, 8, 1, 1, 2, 1]


def test_groups_of_targets_divide_the_targets():
    rows = ground_truth.number_rows(5, 9, order="target_group_major")
    assert rows.target_id[:6].tolist() == [0, 1, 2, 0, 1, 2]
    assert rows.source_id[:6].tolist() == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize("order", ["target_major", "source_major", "group_major", "target_group_major"])
def test_rows_know_their_cell(order):
    rows = ground_truth.number_rows(4, 6, order=order, block=2)
    assert rows.ids[:2] == ["t0000", "t0001"]
    assert rows.cell.tolist() == (4 * rows.target_id + rows.source_id).tolist()
    assert rows.cell.tolist() == np.argsort(grid_order(order, 4, 6, block=2)).tolist()


def test_all_that_was_said_is_written_under_the_number_of_its_triplet(tmp_path):
    answers = annotators.Answers(
        votes=np.array([[0, 0, 1], [1, 1, 1]]),  # cell by cell
        annotator=np.array([[2, 0, 3], [3, 2, 0]]),
        kept=np.array([True, False, True, True]),
        discarded=np.array([[1, 1, 0]]),  # annotator 1 said a in cell 1
        dummies=np.array([[0, 1, 1], [1, 0, 1]]),
        noise_free=np.array([0, 1]),
    )
    people = annotators.Annotators(np.full((4, len(world.FEATURES)), 0.25), *np.arange(12.0).reshape(3, 4))
    asked = world.Survey(people, np.zeros((2, 3, len(world.FEATURES))), answers)
    someone = world.People(world.faces.natural(2), np.zeros(2), np.zeros(2))
    rows = ground_truth.Rows(["t0000", "t0001"], np.array([1, 0]), np.array([0, 0]), np.array([1, 0]))
    created = world.World(someone, someone, None)
    ground_truth.write_release_truth(tmp_path / "truth", rows, created, asked, np.arange(708.0).reshape(6, 59, 2))
    with open(tmp_path / "truth" / "answers.csv", newline="") as file:
        assert [",".join(row) for row in csv.reader(file)] == [
            "triplet,annotator,choice,is_dummy,expected",
            "t0000,3,b,0,", "t0000,2,b,0,", "t0000,0,b,0,",  # cell 1
            "t0001,2,a,0,", "t0001,0,a,0,", "t0001,3,b,0,",  # cell 0
            "t0000,1,a,0,",
            "d0000,0,b,1,b", "d0001,1,b,1,a",
        ]  # fmt: skip
    with open(tmp_path / "truth" / "annotators.csv", newline="") as file:
        assert list(csv.reader(file))[2][:6] == ["1", "0", "1.00000", "5.00000", "9.00000", "0.25000"]
    known = np.load(tmp_path / "truth" / "truth.npz")
    assert known["choice_noise_free"].tolist() == [1, 0]
    assert known["landmarks"].shape == (2, 3, 59, 2)
    assert known["source_line"].tolist() == [0.0, 0.0]
