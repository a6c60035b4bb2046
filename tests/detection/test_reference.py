"""Against facenet-pytorch's MTCNN, on photographs that other packages bring; skipped where it is not installed."""

import pathlib

import numpy as np
import pytest

from perface_jax import images
from perface_jax.detection import Cascade
from perface_jax.detection.networks import read_weights
from tests.detection import scenes

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def reference():
    facenet = pytest.importorskip("facenet_pytorch", reason="facenet-pytorch, the reference, is not installed")
    scenes.need_weights()
    return facenet.MTCNN(keep_all=True)


def photographs():
    matplotlib = pytest.importorskip("matplotlib")
    skimage = pytest.importorskip("skimage.data")
    yield images.read(pathlib.Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg")
    yield from (skimage.astronaut(), np.stack([skimage.camera()] * 3, -1), skimage.coffee(), skimage.chelsea())


def test_faces_in_full_view_are_those_of_the_reference(reference):
    detect, count = Cascade(read_weights()), 0
    portraits, points = scenes.people(32, seed=1)
    drawn = [scenes.scene(portraits[i : i + 4], points[i : i + 4], np.random.default_rng(i)) for i in range(0, 32, 4)]
    for picture in (*photographs(), *(one.picture for one in drawn)):
        boxes, scores, landmarks = reference.detect(picture, landmarks=True)
        found = sorted(detect(picture), key=lambda face: -np.prod(face.box[2:] - face.box[:2]))
        assert len(found) == (0 if boxes is None else len(boxes))
        for face, box, score, five in zip(
            found, boxes if found else [], scores, landmarks if found else [], strict=False
        ):
            np.testing.assert_allclose(face.box + 1, np.asarray(box, float), atol=1e-2)  # the reference counts from 1
            np.testing.assert_allclose(face.landmarks, np.asarray(five, float), atol=1e-2)
            assert face.score == pytest.approx(score, abs=1e-4)
        count += len(found)
    print(f"{count} faces, boxes and points within a hundredth of a pixel")
    assert count >= 30
