"""Tables with one line per vote: written, read back, of held-out triplets only."""

import csv

import numpy as np
import pytest

from perface_jax import evaluation
from perface_jax.evaluation import held_out, read_votes_table, write_votes_table
from tests.fake_faces import RIGHT, TIE, WRONG, Colors, data, run, similarities

PAIRS = similarities(RIGHT, WRONG, TIE, RIGHT, (1 / 3, 0.25))


def lines_of(file) -> list[dict]:
    with open(file) as opened:
        return list(csv.DictReader(opened))


def test_every_vote_is_a_line_with_the_similarities(tmp_path):
    triplets = Colors()
    triplets.votes = np.array([[0, 1, 0], [1, -1, -1], [0, 0, 0], [-1, -1, -1], [1, 1, 1]], np.int8)
    triplets.source_id = np.array([0, 0, -1, 1, 2])
    who = np.array([["ann", "bob", "cy"]] * 5)
    write_votes_table(
        tmp_path / "named.csv", triplets, np.array([4, 0, 1, 2, 3]), PAIRS[[4, 0, 1, 2, 3]], annotator=who
    )
    found = lines_of(tmp_path / "named.csv")
    assert list(found[0]) == ["tripletId", "source", "target", "annotator", "vote", "similarity_a", "similarity_b"]
    assert [tuple(line.values()) for line in found[2:7]] == [
        ("t0004", "2", "0", "cy", "b", "0.3333333", "0.25"),
        ("t0000", "0", "0", "ann", "a", "0.9", "0.1"),
        ("t0000", "0", "0", "bob", "b", "0.9", "0.1"),
        ("t0000", "0", "0", "cy", "a", "0.9", "0.1"),
        ("t0001", "0", "1", "ann", "b", "0.1", "0.9"),
    ]
    assert [line["source"] for line in found[7:]] == ["", "", ""]
    assert len(found) == 10

    read = read_votes_table(tmp_path / "named.csv")
    assert read.ids == ("t0004", "t0000", "t0001", "t0002")
    np.testing.assert_array_equal(read.votes_for_a, [0, 2, 0, 3])
    np.testing.assert_array_equal(read.votes, [3, 3, 1, 3])
    np.testing.assert_array_equal(read.source, [2, 0, 0, -1])
    np.testing.assert_array_equal(read.target, [0, 0, 1, 0])
    np.testing.assert_allclose(read.similarities, PAIRS[[4, 0, 1, 2]], rtol=1e-6)
    np.testing.assert_array_equal(read.right(), [0, 1, 1, 0.5])  # the model is for a, a, b, neither


def test_columns_are_no_persons(tmp_path):
    write_votes_table(tmp_path / "t.csv", Colors(), np.arange(5), PAIRS)
    assert {line["annotator"] for line in lines_of(tmp_path / "t.csv")} == {""}


def test_tables_are_of_triplets_that_a_model_was_not_trained_on():
    folds = [
        run(data(i=[0, 1], train=[2, 3, 4]), seed=(0,), before=PAIRS, after=PAIRS + 1),
        run(data(i=[2], ii=[3], train=[0, 1, 4]), seed=(0,), before=PAIRS, after=PAIRS + 2),
        run(data(i=[0, 1], train=[2, 3, 4]), seed=(1,), before=PAIRS, after=PAIRS + 3),
    ]
    found = held_out({"": folds})
    assert list(found) == ["before i", "before ii", "after i", "after ii"]
    np.testing.assert_array_equal(found["after i"][0], [0, 1, 2])
    np.testing.assert_array_equal(found["after i"][1], [PAIRS[0] + 1, PAIRS[1] + 1, PAIRS[2] + 2])
    np.testing.assert_array_equal(found["before ii"][0], [3])
    places, pairs = held_out({"": [run(data(i=[0], train=[1, 2]), vectors=PAIRS)]})["vectors"]
    np.testing.assert_array_equal(places, np.arange(5))  # embeddings from a file: all triplets
    np.testing.assert_array_equal(pairs, PAIRS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tripletId,vote\nt0,a\n", "line 1: saw the columns tripletId,vote, wanted tripletId,source"),
        (",".join(evaluation.vote_tables.COLUMNS) + "\nt0,0,0,,c,1,1\n", "t.csv, line 2: saw t0,0,0,,c,1,1"),
        (",".join(evaluation.vote_tables.COLUMNS) + "\nt0,0,0,,a,1\n", "t.csv, line 2: saw"),
        ("", "the file is empty"),
    ],
)
def test_what_is_no_such_table_is_refused_with_its_line(tmp_path, text, message):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_votes_table(tmp_path / "t.csv")
