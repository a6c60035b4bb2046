"""Embeddings of any model: read by name, and refused with what is wrong and in which pictures."""

import numpy as np
import pytest

from perface_jax.evaluation import Vectors, read_vectors, write_vectors

NAMES = ("triplet/t0000_a.jpg", "t0000_b.png", "t0000_c")
EMBEDDINGS = np.array([[1.0, 2], [3, 4], [5, 6]])


def test_a_picture_is_known_by_its_name_without_folder_and_suffix(tmp_path):
    write_vectors(tmp_path / "v.npz", NAMES, EMBEDDINGS)
    vectors = read_vectors(tmp_path / "v.npz")
    assert vectors.names == ("t0000_a", "t0000_b", "t0000_c")
    np.testing.assert_array_equal(vectors.of(["t0000_c.jpg", "t0000_a"]), np.float32([[5, 6], [1, 2]]))
    np.testing.assert_array_equal(vectors.items([["t0000_b", "t0000_c"]], None), np.float32([[[3, 4], [5, 6]]]))


def test_a_dot_in_a_name_is_no_suffix():
    assert Vectors(("1.5", "v1.2.png"), EMBEDDINGS[:2]).names == ("1.5", "v1.2")


@pytest.mark.parametrize(
    ("names", "embeddings", "message"),
    [
        (NAMES, EMBEDDINGS[:2], r"3 names and embeddings of shape \[2, 2\]"),
        (NAMES, np.ones((3, 2, 2)), r"shape \[3, 2, 2\]; wanted \[N, D\]"),
        (NAMES[:0], EMBEDDINGS[:0], r"0 names"),
        (NAMES, EMBEDDINGS.astype(int), "int64; wanted floating"),
        (("a", "b", "x/a.jpg"), EMBEDDINGS, "a more than once"),
        (NAMES, EMBEDDINGS * [[1], [np.nan], [1]], "NaN or infinite.*t0000_b"),
        (NAMES, EMBEDDINGS * 1e39, "NaN or infinite.*t0000_a, t0000_b, t0000_c"),
        (NAMES, EMBEDDINGS * [[1], [1], [0]], "length zero.*t0000_c"),
    ],
)
def test_what_is_no_embedding_is_refused_with_its_names(names, embeddings, message):
    with pytest.raises((ValueError, TypeError), match=message):
        Vectors(names, embeddings)


def test_missing_names_are_counted_and_shown():
    with pytest.raises(ValueError, match="no vector for 2 of 3 pictures: t0001_a, t0001_b. It has 3: t0000_a"):
        Vectors(NAMES, EMBEDDINGS).of(["t0001_a", "t0001_b", "t0000_a"])


def test_files_that_hold_no_vectors_say_what_was_wanted(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.npz.*names and embeddings"):
        read_vectors(tmp_path / "nowhere.npz")
    (tmp_path / "text.npz").write_text("no arrays")
    np.savez(tmp_path / "other.npz", vectors=EMBEDDINGS)
    np.save(tmp_path / "one.npy", EMBEDDINGS)
    np.savez(tmp_path / "objects.npz", names=np.array([{}], object), embeddings=EMBEDDINGS[:1])
    for file in ("text.npz", "other.npz", "one.npy", "objects.npz"):
        with pytest.raises(ValueError, match=f"{file}.*; wanted a .npz with the arrays names and embeddings"):
            read_vectors(tmp_path / file)
