"""The cascade as a whole, on generated scenes; its numbers on photographs are in docs/detection.md."""

import numpy as np
import pytest

from perface_jax.detection import Cascade, by_size, mtcnn
from perface_jax.detection.cascade import pyramid
from perface_jax.detection.faces import Face
from tests.conftest import ROOT
from tests.detection import scenes


@pytest.fixture(scope="module")
def detect():
    scenes.need_weights()
    return mtcnn()


@pytest.fixture(scope="module")
def people():
    """Four of the portraits that `scenes.people` draws, kept because drawing them takes longer than the tests."""
    with np.load(ROOT / "tests" / "golden" / "portraits.npz") as stored:
        return stored["portraits"], stored["points"]


def test_the_pyramid_ends_where_a_side_is_as_small_as_the_field():
    np.testing.assert_allclose(pyramid(60, smallest=20, factor=0.5), [0.6, 0.3])  # 36, 18 and 9 pixels
    assert pyramid(19, smallest=20, factor=0.5) == []
    assert pyramid(20, smallest=20, factor=0.709) == [0.6]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"thresholds": (0.6, 0.7)}, "wanted three scores from 0 to 1"),
        ({"thresholds": (0.6, 0.7, 7)}, "wanted three scores from 0 to 1"),
        ({"factor": 1.0}, "wanted a number between 0 and 1"),
        ({"smallest": 10}, "wanted at least 12 pixels: enlarge pictures"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Cascade(None, **options)


def test_the_largest_face_comes_first():
    small, large = (Face(np.float32([0, 0, side, side]), 1.0, np.zeros((5, 2), np.float32)) for side in (3, 9))
    assert by_size([small, large]) == [large, small]


def test_faces_of_a_scene_are_found_where_they_are(detect, people):
    random = np.random.default_rng(0)
    picture, known = scenes.scene(*(part[:3] for part in people), random, size=(200, 250), sides=(60, 120))
    found = detect(picture)
    assert scenes.matched(found, known, within=0.15) == (len(known), 0)
    assert [face.score for face in found] == sorted((face.score for face in found), reverse=True)
    for face in found:
        assert (face.box[:2] < face.landmarks.min(0)).all()
        assert (face.landmarks.max(0) < face.box[2:]).all()
        assert face.landmarks.dtype == face.box.dtype == np.float32


def test_a_face_on_its_side_and_a_close_up_are_found(detect, people):
    portraits, points = people
    turned = np.ascontiguousarray(np.rot90(portraits[0], 1))
    known = np.stack([points[0][:, 1], scenes.PORTRAIT - 1 - points[0][:, 0]], 1)
    assert scenes.matched(detect(turned), [known], within=0.15) == (1, 0)
    near, far = points[1].min(0).astype(int) - 13, points[1].max(0).astype(int) + 13
    close_up = portraits[1][near[1] : far[1], near[0] : far[0]]
    assert scenes.matched(detect(close_up), [points[1] - near], within=0.15) == (1, 0)


@pytest.mark.parametrize("shape", [(1, 1), (19, 300), (40, 30)])
def test_pictures_without_faces_give_none(detect, shape):
    assert list(detect(np.full((*shape, 3), 90, np.uint8))) == []


def test_what_is_no_picture_is_refused(detect):
    with pytest.raises(ValueError, match="images\\[None\\] adds an axis"):
        detect(np.zeros((20, 20), np.uint8))


@pytest.mark.slow
@pytest.mark.parametrize(("falling", "least"), [(1.0, 0.7), (0.0, 0.9)])
def test_recall_and_false_faces_of_many_scenes(detect, falling, least):
    """On textures with the contrasts of photographs; on harsh ones the sure faces."""
    portraits, points = scenes.people(128, seed=1)
    found = false = known = 0
    for number in range(100):
        random = np.random.default_rng(number)
        chosen = random.choice(128, random.integers(0, 5), replace=False)
        picture, placed = scenes.scene(portraits[chosen], points[chosen], random, falling=falling)
        sure = [face for face in detect(picture) if face.score > least]
        one, other = scenes.matched(sure, placed)
        found, false, known = found + one, false + other, known + len(placed)
    print(f"{found} of {known} faces found, {false} false ones in 100 scenes")
    assert found > 0.95 * known
    assert false < 0.1 * 100
