"""Suppression, regression and squares of boxes, by hand."""

import numpy as np
import pytest

from perface_jax.detection import boxes

# the second shares 50 of 150 pixels with the first, the third lies in it, the fourth is far away
BOXES = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [0, 0, 5, 4], [40, 40, 50, 50]], np.float32)
SCORES = np.array([0.9, 0.95, 0.5, 0.6], np.float32)


@pytest.mark.parametrize(
    ("overlap", "options", "kept"),
    [
        (0.3, {}, [1, 3, 2]),  # 50 / 150 is too much
        (0.34, {}, [1, 0, 3, 2]),  # now it is not; the third is 20 / 100 of the first
        (0.34, {"of_smaller": True}, [1, 3, 2]),  # 50 / 100
        (0.6, {"of_smaller": True}, [1, 0, 3]),  # the third is all in the first
        (0.37, {"border": 1.0}, [1, 3, 2]),  # 6 * 11 / (2 * 121 - 66) = .375
        (0.38, {"border": 1.0}, [1, 0, 3, 2]),
    ],
)
def test_boxes_that_overlap_a_better_one_go(overlap, options, kept):
    assert boxes.keep(BOXES, SCORES, overlap=overlap, **options).tolist() == kept


def test_the_first_of_equal_scores_wins_and_nothing_gives_nothing():
    assert boxes.keep(BOXES[[0, 0]], np.float32([0.5, 0.5]), overlap=0.5).tolist() == [0]
    assert boxes.keep(BOXES[:0], SCORES[:0], overlap=0.5).tolist() == []


def test_edges_move_by_shares_of_the_sides():
    shifts = np.float32([[0.1, -0.2, 0.5, 0.0]])
    moved = boxes.regress(np.float32([[10, 20, 19, 39]]), shifts)  # 10 wide and 20 high, pixels counted
    np.testing.assert_allclose(moved, [[11, 16, 24, 39]], rtol=1e-6)
    np.testing.assert_allclose(boxes.regress(np.float32([[10, 20, 20, 40]]), shifts, border=0.0), [[11, 16, 25, 40]])


def test_squares_keep_the_center():
    np.testing.assert_array_equal(
        boxes.square(np.float32([[0, 0, 10, 4], [2, 2, 4, 8]])), [[0, -3, 10, 7], [0, 2, 6, 8]]
    )


def test_windows_count_from_zero_and_may_reach_outside():
    assert boxes.windows(np.float32([[1, 1, 3.9, 2], [-2.5, 0, 5, 5]])).tolist() == [[0, 0, 3, 2], [-3, -1, 5, 5]]
