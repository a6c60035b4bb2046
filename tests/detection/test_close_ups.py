"""Close-ups and turned pictures of realistic synthetic faces, whose landmarks are known."""

import csv

import numpy as np
import pytest
from PIL import Image

from perface_jax.datasets.celeba_files import LANDMARKS
from perface_jax.detection import mtcnn
from perface_jax.detection.retries import turned_back
from tests.detection import scenes

pytestmark = pytest.mark.slow
BOX = ("box_x0", "box_y0", "box_x1", "box_y1")


def cut(picture, row, margin):
    """The face with a margin, in shares of its box, enlarged to 400 pixels; None is the whole picture."""
    five = np.array([float(row[name]) for name in LANDMARKS]).reshape(5, 2)
    if margin is not None:
        box = np.array([float(row[name]) for name in BOX])
        grown = box + margin * np.tile(box[2:] - box[:2], 2) * (-1, -1, 1, 1)
        left, top, right, bottom = np.clip(grown.round(), 0, 160).astype(int)
        picture, five = picture[top:bottom, left:right], five - (left, top)
    scale = 400 / max(picture.shape[:2])
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC)), (five + 0.5) * scale - 0.5


@pytest.mark.parametrize(
    ("margin", "upright", "turned"), [(None, 0.95, 0.9), (0.1, 0.95, 0.9), (0.0, 0.95, 0.9), (-0.1, 0.85, 0.75)]
)
def test_close_ups_are_found_upright_and_turned(facepack, margin, upright, turned):
    scenes.need_weights()
    detect, found = mtcnn(), {0: 0, 1: 0}
    with np.load(facepack / "faces.npz") as stored, open(facepack / "landmarks.csv", newline="") as file:
        chosen = list(zip(stored["images"], csv.DictReader(file), strict=True))[::12]
    for number, (face, row) in enumerate(chosen):
        picture, five = cut(face, row, margin)
        for turns in (0, 1 + number % 3):
            faces = detect(np.ascontiguousarray(np.rot90(picture, turns)))
            faces = turned_back(faces, turns, *picture.shape[:2])
            found[min(turns, 1)] += scenes.matched(faces, [five], within=0.25)[0]
    print(f"margin {margin}: {found[0]} of {len(chosen)} found upright, {found[1]} turned")
    assert found[0] >= upright * len(chosen)
    assert found[1] >= turned * len(chosen)
