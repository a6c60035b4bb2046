"""Who is dropped under which rule, by hand."""

import numpy as np
import pytest

from perface_jax.annotations import Dummies, Votes
from perface_jax.annotations.annotator_checks import check_annotators
from perface_jax.annotations.exclusions import exclusions


def test_one_missed_dummy_is_enough_for_the_paper_and_not_for_a_fifth():
    votes = np.array([[0, 0, 1], [1, 1, 0], [0, 1, 0]])
    who = np.tile(np.arange(3, dtype=np.int32), (3, 1))
    expected = np.zeros(12, np.int8)
    choice = expected.copy()
    choice[[6, 10, 11]] = 1  # bob misses one of five, cy two of five
    people = np.repeat([0, 1, 2], [2, 5, 5]).astype(np.int32)
    dummies = Dummies(tuple(f"d{k}" for k in range(12)), people, choice, expected)
    read = Votes(("x", "y", "z"), votes, annotator=who, annotators=("ann", "bob", "cy"), dummies=dummies)
    found = {one.rule: one for one in exclusions(read, check_annotators(read))}
    assert found["a dummy missed (the paper's)"].dropped == ("bob", "cy")
    assert found["a fifth of dummies missed"].dropped == found["any but the paper's"].dropped == ("cy",)
    assert found["a fifth of dummies missed"].votes == 3
    assert found["a fifth of dummies missed"].agreement == pytest.approx(2 / 3)
    assert found["speed"].dropped == ()
    assert found["speed"].agreement == pytest.approx((1 + 1 + 1) / 9)


def test_without_annotators_there_is_nobody_to_drop():
    votes = Votes(("x",), np.array([[0, 1]]))
    assert exclusions(votes, check_annotators(votes)) == ()
