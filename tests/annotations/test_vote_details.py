"""The long form with everything that a study records of a vote."""

import numpy as np
import pytest

from perface_jax.annotations import read_answers

HEADER = "triplet,annotator,choice,is_dummy,expected,kind,share,side,milliseconds,trial,repeat_of,time,plan"
ROWS = [
    "one,ann,a,0,,vote,random,left,2150,4,,2026-11-30T21:24:00.123Z,ab12",
    "two,ann,b,0,,vote,adaptive,left,812.5,5,,,",
    "d1,ann,b,1,b,dummy,random,right,,6,,,",
    "one,ann,b,0,,repeat,random,left,990,7,4,,",
    "one,bob,b,0,,vote,random,,1500,,,,",
]


def _read(folder, rows, header=HEADER):
    (folder / "votes.csv").write_text("\n".join([header, *rows]) + "\n")
    return read_answers(folder / "votes.csv")


def test_every_column_is_read_and_repeats_are_no_votes(tmp_path):
    votes = _read(tmp_path, ROWS)
    assert votes.ids == ("one", "two")
    np.testing.assert_array_equal(votes.votes, [[0, 1], [1, -1]])
    assert votes.dummies.ids == ("d1",)
    found = votes.details
    assert found.ids == ("one", "two", "d1", "one", "one")
    np.testing.assert_array_equal(found.annotator, [0, 0, 0, 0, 1])
    np.testing.assert_array_equal(found.choice, [0, 1, 1, 1, 1])
    np.testing.assert_array_equal(found.expected, [-1, -1, 1, -1, -1])
    np.testing.assert_array_equal(found.kind, [0, 0, 1, 2, 0])
    np.testing.assert_array_equal(found.side, [0, 0, 1, 0, -1])
    np.testing.assert_array_equal(found.milliseconds, [2150, 812.5, np.nan, 990, 1500])
    np.testing.assert_array_equal(found.trial, [4, 5, 6, 7, -1])
    np.testing.assert_array_equal(found.adaptive, [False, True, False, False, False])
    taken = votes.take(np.array([1])).details
    assert taken.ids == ("two", "d1")
    np.testing.assert_array_equal(taken.trial, [5, 6])


def test_columns_may_be_missing_and_kind_alone_says_dummies(tmp_path):
    votes = _read(tmp_path, ["one,ann,A,", "x,ann,b,Dummy", "one,bob,a,vote"], "triplet,annotator,choice,KIND")
    assert votes.dummies.ids == ("x",)
    assert np.isnan(votes.details.milliseconds).all()
    assert _read(tmp_path, ["one,ann,a"], "triplet,annotator,choice").details is None


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("two,bob,a,0,,maybe,,,,,,,", "'maybe' in column kind.*vote or dummy or repeat"),
        ("two,bob,a,0,,practice,,,,,,,", "'practice' in column kind"),
        ("two,bob,a,0,,dummy,,,,,,,", "kind = 'dummy' and is_dummy = '0'"),
        ("two,bob,a,2,,,,,,,,,", "is_dummy = '2'"),
        ("two,bob,a,0,,,,top,,,,,", "'top' in column side"),
        ("two,bob,a,0,,,often,,,,,,", "'often' in column share"),
        ("two,bob,a,0,,,,,-3,,,,", "'-3' in column milliseconds"),
        ("two,bob,a,0,,,,,nan,,,,", "'nan' in column milliseconds"),
        ("two,bob,a,0,,,,,,1.5,,,", "'1.5' in column trial"),
        ("two,bob,a,0,,,,,,,2,,", "repeat_of = '2' on a vote"),
        ("two,ann,a,0,,vote,,,,,,,", "a second vote of annotator ann on two.*line 3"),
        ("one,ann,a,0,,repeat,,,,,,,", "a second repeat of annotator ann on one.*line 5"),
        ("two,bob,a,0,,repeat,,,,,,,", "a repeat of annotator bob on two, where there is no vote"),
        ("three,ann,a,0,,vote,,,,4,,,", "trial 4 of annotator ann, which is also on line 2"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path, row, message):
    with pytest.raises(ValueError, match=f"line 7.*{message}"):
        _read(tmp_path, [*ROWS, row])


def test_whole_numbers_as_pandas_writes_them_beside_empty_cells(tmp_path):
    path = tmp_path / "votes.csv"
    path.write_text("triplet,annotator,choice,kind,trial,repeat_of\none,ann,a,vote,4.0,\none,ann,b,repeat,17.0,4.0\n")
    np.testing.assert_array_equal(read_answers(path).details.trial, [4, 17])
