"""Readers: the result for each form, and the message for each kind of error in a file."""

import numpy as np
import pytest

from perface_jax.annotations import read_answers

WIDE = "tripletId,ans1,ans2,ans3\nt0000,a,b,a\nt0001,b,b,b\nt0002,a,a,a\n"


def write(tmp_path, text: str, name: str = "votes.csv"):
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


def fails(tmp_path, text: str, *words: str):
    """Reading `text` must fail with a message that holds the file's name and all `words`."""
    path = write(tmp_path, text)
    with pytest.raises(ValueError, match="votes.csv") as caught:
        read_answers(path)
    missing = [word for word in words if word not in str(caught.value)]
    assert not missing, f"{missing} not in {caught.value}"


def test_the_release_form_gives_one_row_a_triplet(tmp_path):
    votes = read_answers(write(tmp_path, WIDE))
    assert votes.ids == ("t0000", "t0001", "t0002")
    assert votes.columns == ("ans1", "ans2", "ans3")
    assert votes.votes.dtype == np.int8
    np.testing.assert_array_equal(votes.votes, [[0, 1, 0], [1, 1, 1], [0, 0, 0]])
    assert votes.annotator is None
    assert votes.dummies is None


def test_upper_case_blanks_windows_line_ends_and_a_byte_order_mark_are_read(tmp_path):
    text = "\ufeff" + WIDE.replace("\n", "\r\n").replace("a,b,a", " A , B,a") + "\r\n\r\n"
    np.testing.assert_array_equal(
        read_answers(write(tmp_path, text)).votes, read_answers(write(tmp_path, WIDE, "w.csv")).votes
    )


def test_shuffled_lines_keep_the_order_of_the_file_and_know_their_place(tmp_path):
    votes = read_answers(write(tmp_path, "tripletId,ans1\nt0002,b\nt0000,a\nt0001,a\n"))
    assert votes.ids == ("t0002", "t0000", "t0001")
    np.testing.assert_array_equal(votes.places(), [2, 0, 1])


@pytest.mark.parametrize(
    "text",
    [
        "\ntripletId,ans1\n\nt0001,b\nt0000,a\n",
        "\ntriplet,annotator,choice\n\nt0001,ann,b\nt0000,ann,a\nt0001,bob,b\n",
        "\nreference,a,b,votes_a,votes_b\n\nr,x,y,1,0\nr,x,z,1,0\n",
    ],
)
def test_every_triplet_knows_its_line_empty_lines_counted(tmp_path, text):
    assert read_answers(write(tmp_path, text)).lines == (4, 5)


def test_one_column_of_answers_is_enough(tmp_path):
    assert read_answers(write(tmp_path, "tripletId,ans1\nt0000,a\n")).votes.shape == (1, 1)


def test_the_long_form_knows_who_voted_and_keeps_dummies_apart(tmp_path):
    text = (
        "annotator,triplet,choice,is_dummy,expected\n"
        "ann,t0001,b,0,\n"
        "bob,t0001,a,0,\n"
        "ann,check7,a,1,a\n"
        "bob,check7,b,1,a\n"
        "cy,check8,b,1,\n"
        "bob,t0000,a,0,\n"
    )
    votes = read_answers(write(tmp_path, text))
    assert votes.ids == ("t0001", "t0000")
    assert votes.columns == ()
    assert votes.annotators == ("ann", "bob", "cy")
    np.testing.assert_array_equal(votes.votes, [[1, 0], [0, -1]])
    np.testing.assert_array_equal(votes.annotator, [[0, 1], [1, -1]])
    assert votes.dummies.ids == ("check7", "check7", "check8")
    np.testing.assert_array_equal(votes.dummies.annotator, [0, 1, 2])
    np.testing.assert_array_equal(votes.dummies.choice, [0, 1, 1])
    np.testing.assert_array_equal(votes.dummies.expected, [0, 0, -1])


def test_the_counts_of_the_two_alternative_form_become_votes(tmp_path):
    lines = "r.png,x.png,y.png,2,1\nr.png,y.png,z.png,0,1\n"
    votes = read_answers(write(tmp_path, "reference,a,b,votes_a,votes_b\n" + lines))
    assert votes.ids == ("t0000", "t0001")
    assert votes.pictures[1] == ("r.png", "y.png", "z.png")
    np.testing.assert_array_equal(votes.votes, [[0, 0, 1], [1, -1, -1]])


def test_an_unknown_header_is_named_with_the_known_ones(tmp_path):
    fails(tmp_path, "id,first,second\nt0000,a,b\n", "line 1", "id,first,second", "tripletId,ans1", "votes_a")


@pytest.mark.parametrize("header", ["tripletId", "tripletId,ans1,ans1", "triplet,annotator,choice,expected"])
def test_headers_that_only_resemble_a_form_are_refused(tmp_path, header):
    fails(tmp_path, header + "\n", "line 1", header)


def test_an_empty_file_is_refused(tmp_path):
    fails(tmp_path, "", "empty", "tripletId,ans1")
    fails(tmp_path, "tripletId,ans1\n", "line 1", "no lines")


def test_a_wrong_number_of_votes_is_named_with_its_line(tmp_path):
    fails(tmp_path, WIDE.replace("t0001,b,b,b", "t0001,b,b"), "line 3", "3 cells", "wanted 4")
    fails(tmp_path, WIDE.replace("t0001,b,b,b", "t0001,b,b,b,a"), "line 3", "5 cells", "wanted 4")


@pytest.mark.parametrize("letter", ["c", "-", "0", "ab"])
def test_a_letter_other_than_a_and_b_is_named_with_its_line_and_column(tmp_path, letter):
    fails(tmp_path, WIDE.replace("t0001,b,b,b", f"t0001,b,{letter},b"), "line 3", f"'{letter}'", "ans2", "a or b")


def test_a_doubled_id_is_named_with_both_lines(tmp_path):
    fails(tmp_path, WIDE.replace("t0002", "t0000"), "line 4", "t0000", "line 2")


def test_empty_cells_of_the_release_form_are_missing_votes(tmp_path):
    votes = read_answers(write(tmp_path, WIDE.replace("t0001,b,b,b", "t0001,b,,b").replace("t0002,a,a,a", "t0002,,, ")))
    np.testing.assert_array_equal(votes.votes, [[0, 1, 0], [1, -1, 1], [-1, -1, -1]])
    fails(tmp_path, "tripletId,ans1,ans2\nt0000,,\n", "every cell of ans1, ans2 is empty", "at least one vote")


def test_a_file_may_hold_a_part_of_the_triplets_whose_places_are_then_not_those_of_a_whole_grid(tmp_path):
    votes = read_answers(write(tmp_path, WIDE.replace("t0000", "t0007").replace("t0002", "t0005")))
    assert votes.ids == ("t0007", "t0001", "t0005")
    np.testing.assert_array_equal(votes.by_number(), [1, 2, 0])
    with pytest.raises(
        ValueError, match="3 triplets up to t0007, wanted every id from t0000 on; missing: t0000, t0002"
    ):
        votes.places()


def test_triplets_may_have_names_of_their_own(tmp_path):
    votes = read_answers(write(tmp_path, "tripletId,ans1\nsmile 7,a\nanna-on-bob,b\n"))
    assert votes.ids == ("smile 7", "anna-on-bob")
    np.testing.assert_array_equal(votes.by_number(), [0, 1])
    for name in ("../etc", "a/b", "a\\b", ".hidden", "a\tb"):
        fails(tmp_path, f"tripletId,ans1\n{name},a\n", "line 2", "the beginning of the names of three pictures")


@pytest.mark.parametrize("name", ["7", "t7", "t00001", "x0001", ""])
def test_an_id_of_another_style_is_refused(tmp_path, name):
    fails(tmp_path, WIDE.replace("t0001", name), "line 3", f"'{name}'", "t0000")


def test_ids_may_have_more_than_four_digits(tmp_path):
    lines = "".join(f"t{i:04d},a\n" for i in range(10_001))
    assert read_answers(write(tmp_path, "tripletId,ans1\n" + lines)).ids[-1] == "t10000"


def test_headings_may_be_upper_or_lower_case_beside_the_index_of_pandas(tmp_path):
    rows = WIDE.partition("\n")[2].splitlines()
    text = ",TripletID, Ans1,ANS2,ans3\n" + "".join(f"{i},{row}\n" for i, row in enumerate(rows))
    votes, plain = read_answers(write(tmp_path, text)), read_answers(write(tmp_path, WIDE))
    assert votes.columns == plain.columns == ("ans1", "ans2", "ans3")
    np.testing.assert_array_equal(votes.votes, plain.votes)
    fails(tmp_path, WIDE.replace(",", ";"), "line 1", "cells separated by semicolons", "commas")


def test_an_annotator_without_a_name_or_with_two_spellings_is_refused(tmp_path):
    head = "triplet,annotator,choice\nt0000,ann,a\n"
    fails(tmp_path, head + "t0001,Ann,a\n", "line 3", "'Ann'", "'ann' on line 2", "one spelling of each annotator")
    fails(tmp_path, head + "t0001,nan,a\n", "line 3", "'nan'", "such cells would all count as one annotator")


def test_a_second_vote_of_one_annotator_is_refused(tmp_path):
    fails(tmp_path, "triplet,annotator,choice\nt0000,ann,a\nt0000,ann,b\n", "line 3", "ann", "t0000", "on line 2")


def test_a_dummy_answered_twice_by_one_annotator_is_refused(tmp_path):
    head = "triplet,annotator,choice,is_dummy,expected\nt0000,ann,a,0,\nd1,ann,a,1,a\nd1,bob,a,1,a\n"
    fails(
        tmp_path,
        head + "d1,ann,b,1,a\n",
        "line 5",
        "second vote of annotator ann on d1",
        "line 3",
        "one vote from each",
    )


@pytest.mark.parametrize("cells", ["a,0,", "a,1,b", "a,1,"])
def test_lines_that_differ_on_what_a_dummy_is_are_refused(tmp_path, cells):
    head = "triplet,annotator,choice,is_dummy,expected\nt0000,ann,a,0,\nd1,ann,a,1,a\n"
    fails(tmp_path, head + f"d1,bob,{cells}\n", "line 4", "d1", "than on line 3", "the same on all lines")


def test_long_form_cells_are_checked(tmp_path):
    head = "triplet,annotator,choice,is_dummy,expected\n"
    fails(tmp_path, head + "t0000,ann,a,yes,\n", "line 2", "'yes'", "0 or 1")
    fails(tmp_path, head + "t0000,,a,0,\n", "line 2", "an empty cell in column annotator")
    fails(tmp_path, head + ",ann,a,1,a\n", "line 2", "an empty cell in column triplet")
    fails(tmp_path, head + "t0000,ann,a,0,a\n", "line 2", "not a dummy")
    fails(tmp_path, head + "d1,ann,a,1,x\n", "line 2", "'x'", "expected")
    fails(tmp_path, head + "d1,ann,a,1,a\n", "dummy")


def test_two_alternative_cells_are_checked(tmp_path):
    head = "reference,a,b,votes_a,votes_b\n"
    fails(tmp_path, head + "r,x,y,1.5,1\n", "line 2", "'1.5'", "votes_a")
    fails(tmp_path, head + "r,x,y,0,0\n", "line 2", "0 + 0")
    fails(tmp_path, head + "r,x,y,99999999999,1\n", "line 2", "1000")
    fails(tmp_path, head + "r,x,y,1,1\nr,x,y,1,0\n", "line 3", "also on line 2")
    fails(tmp_path, head + "r,x,y,1,1\nr,x,x,1,0\n", "line 3", "'x' as a and as b", "two pictures to choose from")
    for pictures, column in ((",x,y", "reference"), ("r,,y", "a"), ("r,x,", "b"), ("r,,", "a")):
        fails(tmp_path, head + f"{pictures},1,0\n", "line 2", f"in column {column},", "the name of a picture")


def test_a_picture_given_instead_of_a_table_is_refused(tmp_path):
    (tmp_path / "votes.csv").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" * 20)
    with pytest.raises(ValueError, match="votes.csv"):
        read_answers(tmp_path / "votes.csv")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.csv"):
        read_answers(tmp_path / "nowhere.csv")
