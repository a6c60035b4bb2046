"""Adapters, with stand-ins that answer as the libraries document."""

import sys
import types

import numpy as np
import pytest

from perface_jax import landmarks
from perface_jax.detection import adapters
from tests.generic_face import turned

PICTURE = np.zeros((200, 300, 3), np.uint8)
PICTURE[..., 0] = 255  # red
# 68 points whose eyes, nose tip and mouth are in known places: only those that the five are made of
POINTS = np.random.default_rng(0).uniform(20, 180, (68, 2)).round()


def five_of(points):
    return landmarks.outline(np.float32(points))[:5]


def test_insightface_gets_bgr_and_gives_its_own_five_points():
    five = turned(0, 0, 0)[:5]

    def get(picture):
        assert picture[0, 0].tolist() == [0, 0, 255]
        assert picture.flags["C_CONTIGUOUS"]
        face = types.SimpleNamespace(bbox=np.arange(4.0), det_score=np.float32(0.9), kps=five)
        other = types.SimpleNamespace(bbox=np.arange(4.0), det_score=0.8, kps=five, landmark_3d_68=np.ones((68, 3)))
        return [face, other]

    first, second = adapters.from_insightface(types.SimpleNamespace(get=get))(PICTURE)
    np.testing.assert_array_equal(first.landmarks, five)
    assert first.score == pytest.approx(0.9)
    assert first.dense is None
    assert second.dense.shape == (68, 2)


class Shape:
    """dlib's full_object_detection."""

    def __init__(self, points):
        self.points, self.num_parts = points, len(points)

    def part(self, i):
        return types.SimpleNamespace(x=int(self.points[i, 0]), y=int(self.points[i, 1]))


class Box:
    """dlib's rectangle."""

    def left(self):
        return 10

    def top(self):
        return 20

    def right(self):
        return 30

    def bottom(self):
        return 40


class Frontal:
    """dlib's fhog_object_detector."""

    def run(self, picture, upsample, threshold):
        assert picture.dtype == np.uint8
        assert (upsample, threshold) == (1, 0.0)
        return [Box()], [1.5], [0]


def test_dlib_gives_68_points_of_which_five_are_made():
    (face,) = adapters.from_dlib(Frontal(), lambda picture, box: Shape(POINTS))(PICTURE)
    np.testing.assert_allclose(face.landmarks, five_of(POINTS), rtol=1e-5)
    np.testing.assert_allclose(face.landmarks[2], POINTS[30], rtol=1e-6)  # the nose tip is one of the points
    np.testing.assert_array_equal(face.box, [10, 20, 30, 40])
    assert (face.score, face.dense.shape) == (1.5, (68, 2))


def test_dlibs_model_of_five_points_is_refused():
    with pytest.raises(ValueError, match="saw a predictor of 5 points, wanted dlib's model of 68 points"):
        adapters.from_dlib(Frontal(), lambda picture, box: Shape(POINTS[:5]))(PICTURE)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_face_alignment(dimensions):
    points = np.concatenate([POINTS, POINTS], 1)[:, :dimensions]

    def find(picture, return_bboxes):
        assert return_bboxes
        return ([points], None, [np.array([1, 2, 3, 4, 0.7])]) if picture.any() else (None, None, None)

    detect = adapters.from_face_alignment(types.SimpleNamespace(get_landmarks_from_image=find))
    (face,) = detect(PICTURE)
    np.testing.assert_allclose(face.landmarks, five_of(POINTS), rtol=1e-5)
    np.testing.assert_array_equal(face.box, [1, 2, 3, 4])
    assert face.score == pytest.approx(0.7)
    assert detect(np.zeros_like(PICTURE)) == []


@pytest.fixture
def mediapipe(monkeypatch):
    """A stand-in for mediapipe; its landmarker finds one face of 478 points, shares of the picture."""
    shares = np.random.default_rng(1).uniform(0.2, 0.8, (478, 2))
    made = {}

    def create(options):
        made["options"] = options
        points = [types.SimpleNamespace(x=x, y=y, z=0.0) for x, y in shares]
        return types.SimpleNamespace(detect=lambda image: types.SimpleNamespace(face_landmarks=[points]))

    keep = types.SimpleNamespace
    vision = keep(FaceLandmarkerOptions=lambda **options: options, FaceLandmarker=keep(create_from_options=create))
    tasks = keep(BaseOptions=lambda **options: options, vision=vision)
    module = keep(Image=lambda **options: made.update(options), ImageFormat=keep(SRGB="srgb"))
    monkeypatch.setitem(sys.modules, "mediapipe", module)
    monkeypatch.setitem(sys.modules, "mediapipe.tasks", keep(python=tasks))
    monkeypatch.setitem(sys.modules, "mediapipe.tasks.python", tasks)
    return shares, made


def test_mediapipe_gives_the_dense_mesh(mediapipe, tmp_path):
    shares, made = mediapipe
    (tmp_path / "face.task").touch()
    (face,) = adapters.from_mediapipe(tmp_path / "face.task", faces=3)(PICTURE)
    assert made["options"]["num_faces"] == 3
    assert made["options"]["base_options"] == {"model_asset_path": str(tmp_path / "face.task")}
    assert made["image_format"] == "srgb"
    np.testing.assert_allclose(face.dense, shares * (300, 200) - 0.5, rtol=1e-5)
    np.testing.assert_allclose(face.landmarks, five_of(face.dense), rtol=1e-5)
    assert face.score == 1.0


def test_mediapipe_without_its_file_or_itself(monkeypatch, tmp_path):
    with pytest.raises(FileNotFoundError, match="wanted MediaPipe's face_landmarker.task"):
        adapters.from_mediapipe(tmp_path / "face.task")
    (tmp_path / "face.task").touch()
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(ModuleNotFoundError, match="run: python -m pip install mediapipe"):
        adapters.from_mediapipe(tmp_path / "face.task")
