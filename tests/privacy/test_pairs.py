import itertools

import numpy as np
import pytest

from perface_jax.privacy import genuine_pairs, impostor_pairs, paired_similarity, pairs
from perface_jax.similarity import similarity

# Cosines, for originals along the axes: the entries. 3-4-5 triangles, so that lengths are 1.
AXES = np.eye(4)
MADE = np.array([[0.8, 0.6, 0, 0], [0.6, 0, 0.8, 0], [0.5, 0.5, 0.5, 0.5], [0, 0.8, 0, 0.6]])


@pytest.fixture(scope="module")
def faces():
    """600 pictures of 200 persons, more than two blocks of rows."""
    random = np.random.default_rng(0)
    return random.normal(size=(600, 5)), random.integers(0, 200, 600)


def by_hand(faces, persons, *, same):
    unit = faces / np.linalg.norm(faces, axis=1, keepdims=True)
    chosen = [(i, j) for i, j in itertools.combinations(range(len(faces)), 2) if (persons[i] == persons[j]) == same]
    return np.array([unit[i] @ unit[j] for i, j in chosen]), np.array(chosen)


def test_each_original_is_compared_with_its_anonymized_picture():
    np.testing.assert_array_equal(paired_similarity(AXES, MADE), [0.8, 0, 0.5, 0.6])
    np.testing.assert_array_equal(paired_similarity(3 * MADE, MADE), np.ones(4))


def test_the_cosine_is_that_of_the_library(faces):
    one, other = faces[0][:300], faces[0][300:]
    np.testing.assert_allclose(paired_similarity(one, other), similarity(one, other), atol=1e-6)


def test_impostors_are_all_pairs_of_two_persons_once(faces):
    found = impostor_pairs(*faces)
    wanted, rows = by_hand(*faces, same=False)
    order = np.argsort(-wanted)
    np.testing.assert_allclose(found.similarity, wanted[order], atol=1e-12)
    ids, pictures = np.unique(faces[1], return_counts=True)
    np.testing.assert_array_equal(ids[found.persons], faces[1][rows[order]])
    np.testing.assert_array_equal(found.pictures, pictures)


def test_without_persons_every_picture_shows_somebody_else(faces):
    found = impostor_pairs(faces[0][:7])
    assert len(found.similarity) == 21
    assert sorted(map(tuple, found.persons)) == list(itertools.combinations(range(7), 2))


def test_the_most_similar_are_kept(faces):
    whole, found = impostor_pairs(*faces), impostor_pairs(*faces, keep=1000)
    np.testing.assert_array_equal(found.similarity, whole.similarity[:1000])
    np.testing.assert_array_equal(found.persons, whole.persons[:1000])
    np.testing.assert_array_equal(found.pictures, whole.pictures)


def test_genuine_pairs_are_all_pairs_of_one_person_once(faces):
    wanted, _ = by_hand(*faces, same=True)
    np.testing.assert_allclose(np.sort(genuine_pairs(*faces)), np.sort(wanted), atol=1e-12)


def test_persons_may_be_names_or_numbers(faces):
    named = np.array([f"person {i}" for i in faces[1]])
    np.testing.assert_array_equal(impostor_pairs(faces[0], named).similarity, impostor_pairs(*faces).similarity)


def test_identical_pictures_tie_exactly():
    face, others = np.random.default_rng(1).normal(size=512), np.random.default_rng(2).normal(size=(40, 512))
    similarities = pairs.cosines(
        *(x / np.linalg.norm(x, axis=1, keepdims=True) for x in (others, np.tile(face, (33, 1))))
    )
    assert (similarities == similarities[:, :1]).all()


def test_one_person_alone_or_no_person_with_two_pictures_is_refused():
    with pytest.raises(
        ValueError, match="pictures: 4, persons: 1; wanted two persons or more. Give originals of other people"
    ):
        impostor_pairs(AXES, [7, 7, 7, 7])
    with pytest.raises(ValueError, match="4 pictures of 4 persons; wanted two or more pictures of somebody"):
        genuine_pairs(AXES, [1, 2, 3, 4])
