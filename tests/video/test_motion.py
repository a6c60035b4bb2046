"""Motions of textured pictures that were moved by known similarities."""

import numpy as np
import pytest
from PIL import Image

from perface_jax.video import motion
from tests.video.drawn_clip import texture

BOX = np.array([60.0, 40.0, 119.0, 109.0])
CORNERS = BOX[[[0, 1], [2, 1], [0, 3], [2, 3]]]


def turned(picture, matrix):
    """A picture whose points moved by `matrix`; pixel centers at integers."""
    back = np.linalg.inv(np.concatenate([matrix, [[0, 0, 1]]]))
    edges = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]]) @ back @ np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
    size = picture.shape[1::-1]
    values = tuple(edges[:2].ravel())
    return np.asarray(
        Image.fromarray(picture).transform(size, Image.Transform.AFFINE, values, Image.Resampling.BICUBIC)
    )


@pytest.mark.parametrize(("angle", "scale", "shift"), [(0, 1, (5.5, -3)), (0.05, 1.04, (-2, 4)), (-0.08, 0.95, (9, 9))])
@pytest.mark.parametrize("large", [1, 4])
def test_a_known_motion_is_found_also_in_a_small_copy(angle, scale, shift, large):
    picture = texture(np.random.default_rng(0), 160 * large, 200 * large, cells=20)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = CORNERS.mean(0) * large
    matrix = np.concatenate([linear, (middle - linear @ middle + np.multiply(shift, large))[:, None]], 1)
    grays = [motion.small_gray(one) for one in (picture, turned(picture, matrix))]
    found = motion.follow(*grays, BOX * large, scale=motion.scale_of(*picture.shape[:2]))
    np.testing.assert_allclose(
        motion.moved(CORNERS * large, found), motion.moved(CORNERS * large, matrix), atol=0.6 * large
    )


def test_the_motion_to_another_scene_or_of_a_flat_face_is_not_known():
    grays = [motion.small_gray(texture(np.random.default_rng(seed), 160, 200, cells=20)) for seed in (0, 1)]
    assert motion.follow(*grays, BOX) is None
    flat = np.full((160, 200), 90, np.uint8)
    assert motion.follow(flat, flat, BOX) is None


def test_a_box_stays_upright_and_of_its_shape():
    matrix = np.array([[0.0, -2.0, 3.0], [2.0, 0.0, 4.0]])
    np.testing.assert_allclose(motion.moved_box(np.array([0.0, 0.0, 2.0, 4.0]), matrix), [-3.0, 2.0, 1.0, 10.0])
