"""Votes check their parts and cannot be changed by accident."""

import numpy as np
import pytest

from perface_jax.annotations import Votes
from perface_jax.annotations.votes import share_by_row


def test_votes_check_their_parts():
    with pytest.raises(ValueError, match="one row for each of 2 ids"):
        Votes(("t0000", "t0001"), np.zeros((3, 1)))
    with pytest.raises(ValueError, match="got .*7"):
        Votes(("t0000",), np.array([[7]]))
    with pytest.raises(ValueError, match="t0000"):
        Votes(("t0000", "t0000"), np.zeros((2, 1)))
    with pytest.raises(ValueError, match="1 names"):
        Votes(("t0000",), np.zeros((1, 2)), columns=("ans1",))
    with pytest.raises(ValueError, match="shape of votes"):
        Votes(("t0000",), np.zeros((1, 2)), annotator=np.zeros((1, 1)))
    with pytest.raises(ValueError, match="missing: t0000"):
        Votes(("t0001",), np.zeros((1, 2))).places()


def test_the_number_in_an_id_has_at_most_nine_digits():
    name = "t1" + "0" * 5000
    with pytest.raises(ValueError, match="saw the id 't10000"):
        Votes((name,), np.zeros((1, 2))).places()


def test_lines_are_as_many_as_ids():
    with pytest.raises(ValueError, match="1 ids have 2 lines"):
        Votes(("t0000",), np.zeros((1, 2)), lines=(2, 3))


def test_votes_cannot_be_changed_by_accident():
    mine = np.zeros((1, 2), np.int8)
    votes = Votes(("t0000",), mine)
    with pytest.raises(ValueError, match="read-only"):
        votes.votes[0, 0] = 1
    mine[0, 0] = 1
    assert votes.votes[0, 0] == 0


def test_the_share_of_b_is_over_the_votes_given():
    votes = np.array([[0, 1, 0], [1, -1, -1], [-1, -1, -1]])
    np.testing.assert_array_equal(share_by_row(votes), [1 / 3, 1, np.nan])
