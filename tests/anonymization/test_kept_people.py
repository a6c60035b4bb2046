"""Who stays visible, and that doubt hides."""

import numpy as np
import pytest
from PIL import Image

from perface_jax.anonymization import kept_people
from perface_jax.detection import Face as Found
from perface_jax.swap import Face

FRAMES = np.array([2, 6, 10])


def seen(matched, similar=(1, 1, 1)):
    flags = (np.array(one, bool) for one in (matched, similar))
    return kept_people.visible(FRAMES, *flags, first=1, count=12).astype(int).tolist()


def test_a_track_is_kept_if_most_of_its_looked_at_frames_match():
    assert seen((1, 1, 0)) == [1] * 12
    assert seen((1, 0, 0)) == [0] * 12
    assert kept_people.visible(np.array([], int), *np.ones((2, 0), bool), first=1, count=3).tolist() == [False] * 3


def test_frames_beside_one_that_shows_somebody_else_are_hidden():
    assert seen((1, 1, 0), similar=(1, 1, 0)) == [1] * 6 + [0] * 6


def test_every_recognizer_must_match():
    def level(pictures, points):
        angles = np.asarray(pictures, np.float32)[:, 0, 0, 0] / 100
        return np.stack([np.cos(angles), np.sin(angles)], 1)

    people = kept_people.KeptPeople(
        {"a": level, "b": level},
        {"a": np.array([[1.0, 0.0], [0.0, 1.0]]), "b": np.array([[1.0, 0.0]])},
        {"a": 0.9, "b": 0.9},
        {"a": 0.2, "b": 0.6},
    )
    pictures = np.zeros((3, 4, 4, 3), np.uint8)
    pictures[:, 0, 0, 0] = 0, 80, 157  # angles of .0, .8, 1.57
    matched, similar = people.shares(Face(pictures, np.zeros((3, 5, 2))))
    assert matched.tolist() == [True, False, False]
    assert similar.tolist() == [True, True, False]


def test_a_picture_of_who_stays_visible_shows_one_face(tmp_path):
    points = np.array([[20, 20], [40, 20], [30, 30], [22, 40], [38, 40]], np.float32)
    face = Found(np.array([10, 10, 50, 50], np.float32), 1.0, points)
    Image.fromarray(np.full((60, 60, 3), 90, np.uint8)).save(tmp_path / "a.png")
    found = kept_people.read_faces(tmp_path, lambda picture: [face], size=32)
    assert (found.image.shape, found.landmarks.shape) == ((1, 32, 32, 3), (1, 5, 2))
    for faces, said in (([], "shows no faces"), ([face, face], "shows 2 faces")):
        with pytest.raises(ValueError, match=f"a.png {said}, wanted one"):
            kept_people.read_faces(tmp_path, lambda picture, faces=faces: faces, size=32)
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(ValueError, match="a.png: "):
        kept_people.read_faces(tmp_path, lambda picture: [face], size=32)
