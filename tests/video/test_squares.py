"""A face cut out of a frame, put back, or covered."""

import numpy as np
import pytest

from perface_jax import video
from tests.video.drawn_clip import Clip


@pytest.fixture(scope="module")
def clip():
    return Clip(1)


def test_the_landmarks_of_a_cut_face_show_the_same_pixels(clip):
    points = clip.points(1, 0)
    face, _ = video.cut(clip.pictures[0], points, size=128)
    for (x, y), (u, v) in zip(np.rint(points).astype(int), np.rint(face.landmarks).astype(int), strict=True):
        np.testing.assert_allclose(face.image[v, u].astype(int), clip.pictures[0][y, x], atol=25)


def test_putting_back_changes_the_changed_pixels_and_no_others(clip):
    picture = clip.pictures[0]
    face, before = video.cut(picture, clip.points(1, 0), size=128)
    assert video.put_back(picture, before, face.image) is picture
    changed = face.image.copy()
    middle = np.rint(face.landmarks.mean(0)).astype(int)
    changed[middle[1] - 12 : middle[1] + 12, middle[0] - 12 : middle[0] + 12] = (255, 0, 0)
    found = video.put_back(picture, before, changed)
    x, y = np.rint(clip.points(1, 0).mean(0)).astype(int)
    np.testing.assert_allclose(found[y, x], (255, 0, 0), atol=3)
    np.testing.assert_array_equal(found[:60], picture[:60])


def test_a_covered_face_is_black_with_its_margin_also_at_the_edge(clip):
    covered = video.cover(clip.pictures[0], np.array([100.0, 60.0, 139.0, 99.0]))
    assert not covered[50:110, 91:149].any()
    np.testing.assert_array_equal(covered[:45], clip.pictures[0][:45])
    assert not video.cover(clip.pictures[0], np.array([-30.0, -30.0, 10.0, 10.0]))[:10, :10].any()
    outside = video.cover(clip.pictures[0], np.array([-90.0, -90.0, -50.0, -50.0]))
    np.testing.assert_array_equal(outside, clip.pictures[0])


def test_landmarks_of_no_face_are_refused(clip):
    for points in (np.full((5, 2), np.nan), np.full((5, 2), 7.0)):
        with pytest.raises(ValueError, match="wanted those of a face"):
            video.cut(clip.pictures[0], points, size=64)
