"""Quality of voters: planted straight-lining, copies and missed dummies are found, honest votes are not flagged."""

import numpy as np
import pytest

from perface_jax.annotations import Votes
from perface_jax.annotations.annotator_quality import (
    annotator_voters,
    column_voters,
    copies,
    missed_dummies,
    position_bias,
    runs,
    window,
)
from perface_jax.annotations.votes import Dummies
from perface_jax.statistics.resampling import resample

NAMES = ("ans1", "ans2", "ans3")
SOURCE = np.tile(np.arange(20), 100)  # 2,000 rows in which the source changes from row to row


@pytest.fixture
def honest() -> np.ndarray:
    """Votes that lean by source, three a triplet."""
    rng = np.random.default_rng(0)
    lean = 1 / (1 + np.exp(-rng.normal(0, 1.5, 20)))
    return (rng.random((2000, 3)) < lean[SOURCE][:, None]).astype(np.int8)


def test_honest_votes_are_not_flagged(honest):
    for voter in column_voters(NAMES, honest, {}):
        assert not any(run.flagged for run in runs(voter, SOURCE))
        assert not window(voter, SOURCE, 100).flagged
    assert not any(found.flagged for found in copies(NAMES, honest, SOURCE).values())


def test_a_run_of_equal_answers_is_found_with_its_place(honest):
    votes = honest.copy()
    votes[700:760, 1] = 1
    votes[[699, 760], 1] = 0
    voters = column_voters(NAMES, votes, {})
    longest = runs(voters[1], SOURCE)[0]
    assert (longest.first, longest.last, longest.length, longest.letter) == ("t0700", "t0759", 60, "b")
    assert longest.flagged
    assert longest.others == pytest.approx(votes[700:760, [0, 2]].mean())
    assert not runs(voters[0], SOURCE)[0].flagged


def test_a_long_run_over_one_source_is_not_straight_lining(honest):
    """In a file in source-major order all hundred targets of a clear source stand below each other."""
    by_source = np.argsort(SOURCE, kind="stable")
    votes = honest[by_source]
    votes[300:400, 0] = 1
    run = runs(column_voters(NAMES, votes, {})[0], SOURCE[by_source])[0]
    assert run.length >= 100
    assert not run.flagged


def test_a_run_that_the_others_share_is_not_flagged(honest):
    votes = honest.copy()
    votes[700:740] = 1
    votes[[705, 720, 733], 1] = 0
    votes[[711, 728], 2] = 0
    assert not runs(column_voters(NAMES, votes, {})[0], SOURCE)[0].flagged


def test_the_chance_of_a_run_agrees_with_simulation():
    """2,000 fair votes: how often is the longest run of b's 11 or longer?"""
    rng = np.random.default_rng(1)
    draws = rng.integers(0, 2, (3000, 2000))
    long = np.zeros(3000, bool)
    length = np.zeros(3000, int)
    for column in draws.T:
        length = np.where(column == 1, length + 1, 0)
        long |= length >= 11
    votes = np.zeros((2000, 1), np.int8)
    votes[::2] = 1
    votes[100:111] = 1
    run = runs(column_voters(("ans1",), votes, {})[0], np.arange(2000))[0]
    assert run.length == 11
    assert run.chance == pytest.approx(long.mean(), abs=0.05)


def test_a_uniform_window_is_found_even_if_no_run_is_long(honest):
    votes = honest.copy()
    votes[900:1000, 2] = 1
    votes[905:1000:10, 2] = 0
    found = window(column_voters(NAMES, votes, {})[2], SOURCE, 100)
    assert found.flagged
    assert found.letter == "b"
    assert found.share >= 0.9
    assert abs(int(found.first[1:]) - 900) <= 10


def test_a_uniform_window_that_the_others_share_is_not_flagged(honest):
    votes = honest.copy()
    votes[900:1000] = 1
    votes[905:1000:10] = 0
    assert not window(column_voters(NAMES, votes, {})[2], SOURCE, 100).flagged


def test_a_moved_column_is_examined_in_the_order_of_the_file(honest):
    votes = honest.copy()
    votes[700:760, 1] = 1
    votes[[699, 760], 1] = 0
    change = np.random.default_rng(2).permutation(2000)
    common = votes.copy()
    common[change, 1] = votes[:, 1]  # as it stands after the repair
    voter = column_voters(NAMES, common, {"ans2": change})[1]
    run = runs(voter, SOURCE)[0]
    assert (run.first, run.length) == ("t0700", 60)
    np.testing.assert_array_equal(voter.others, common[change][:, [0, 2]].mean(axis=1))


def test_annotators_are_voters_too():
    votes = np.array([[0, 1, -1], [1, 1, 0], [1, -1, -1]], np.int8)
    who = np.array([[0, 1, -1], [1, 0, 2], [2, -1, -1]])
    ann, bob, cy = annotator_voters(("ann", "bob", "cy"), votes, who)
    np.testing.assert_array_equal(ann.places, [0, 1])
    np.testing.assert_array_equal(ann.votes, [0, 1])
    np.testing.assert_array_equal(ann.others, [1, 0.5])
    np.testing.assert_array_equal(bob.votes, [1, 1])
    np.testing.assert_array_equal(cy.votes, [0, 1])
    np.testing.assert_array_equal(cy.others, [1, np.nan])


def test_position_bias_is_the_share_of_b(honest):
    bias = position_bias(column_voters(NAMES, honest, {})[0], SOURCE, resample(20, 200))
    assert bias.value == pytest.approx(honest[:, 0].mean())
    assert bias.low < bias.value < bias.high


def test_columns_that_copy_each_other_are_found(honest):
    votes = honest.copy()
    votes[1000:1080, 2] = votes[1000:1080, 0]
    found = copies(NAMES, votes, SOURCE)
    assert found["ans1", "ans3"].flagged
    assert 1000 - 20 < int(found["ans1", "ans3"].first[1:]) <= 1000
    assert not found["ans1", "ans2"].flagged
    votes[:, 1] = votes[:, 0]
    assert copies(NAMES, votes, SOURCE)["ans1", "ans2"].length == 2000
    assert copies(NAMES[:2], votes[:, :2], SOURCE)["ans1", "ans2"].flagged


def test_missed_dummies_are_counted_where_the_answer_is_known():
    dummies = Dummies(("d0", "d1", "d1", "d2"), np.array([0, 0, 1, 1]), np.array([0, 1, 1, 0]), np.array([0, 0, 1, -1]))
    votes = Votes(("t0000",), np.array([[1]]), annotator=np.array([[0]]), annotators=("p", "q", "r"), dummies=dummies)
    assert missed_dummies(votes) == {"p": (1, 2), "q": (0, 1)}
