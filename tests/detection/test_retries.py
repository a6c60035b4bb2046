"""Second looks, with stand-in detectors: what is tried, and how coordinates come back."""

import numpy as np
import pytest

from perface_jax.detection.faces import Face
from perface_jax.detection.retries import BORDER, persistent, turned_back


def face(x, y, score=1.0):
    points = np.float32([[x, y], [x + 4, y], [x + 2, y + 2], [x, y + 5], [x + 4, y + 5]])
    return Face(np.float32([x - 2, y - 3, x + 6, y + 8]), score, points, points)


def at(picture):
    """The places of the brightest pixel, (x, y)."""
    y, x = np.argwhere(picture[..., 0] == picture.max())[0]
    return x, y


def nothing(_):
    return lambda picture: []


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_points_come_back_to_where_they_were(turns):
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[7, 11] = 255  # x = 11, y = 7
    x, y = at(np.rot90(picture, turns))
    (back,) = turned_back([face(x, y)], turns, 40, 60)
    assert tuple(back.landmarks[0]) == (11, 7)
    assert (back.dense == back.landmarks).all()
    assert (back.box[:2] < back.box[2:]).all()
    assert sorted(back.box[2:] - back.box[:2]) == [8, 11]
    assert back.landmarks.dtype == back.box.dtype == np.float32


def test_a_face_on_its_side_by_hand():
    # rot90 brings the right edge to the top: (x, y) of a 60 wide picture goes to (y, 59 - x)
    (back,) = turned_back([face(5, 10)], 1, 40, 60)
    np.testing.assert_array_equal(back.landmarks[0], [59 - 10, 5])
    np.testing.assert_array_equal(back.landmarks[1], [59 - 10, 9])  # the right eye is below the left one
    np.testing.assert_array_equal(back.box, [59 - 18, 3, 59 - 7, 11])


def test_a_sure_face_ends_the_search():
    looked = []

    def plain(picture):
        looked.append(picture.shape)
        return [face(5, 5, 0.9995)]

    assert len(persistent(plain, nothing)(np.zeros((40, 60, 3), np.uint8))) == 1
    assert looked == [(40, 60, 3)]


def test_a_border_helps_and_is_taken_off_again():
    asked = []

    def close(side):
        asked.append(side)
        return lambda picture: [face(*at(picture))]

    picture = np.zeros((40, 60, 3), np.uint8)
    picture[7, 11] = 255
    (found,) = persistent(lambda picture: [], close)(picture)
    assert tuple(found.landmarks[0]) == (11, 7)
    np.testing.assert_array_equal(found.box, [9, 4, 17, 15])
    assert asked == [40]
    assert round(BORDER * 60) == 21


@pytest.mark.parametrize(("upright", "turned", "wins"), [(0.95, 0.99, True), (0.99, 0.95, False), (0.0, 0.8, False)])
def test_the_surer_side_wins(upright, turned, wins):
    def plain(picture):
        if picture.shape == (40, 60, 3):  # upright, or upside down
            return [face(1, 1, upright)] if picture[0, 0, 0] and upright else []
        return [face(3, 3, turned)] if picture[-1, 0, 0] else []  # turned once

    picture = np.zeros((40, 60, 3), np.uint8)
    picture[0, 0] = 255
    found = persistent(plain, nothing)(picture)
    assert [one.score for one in found] == ([turned] if wins else [upright] * (upright > 0))
    if wins:
        assert tuple(found[0].landmarks[0]) == (59 - 3, 3)
