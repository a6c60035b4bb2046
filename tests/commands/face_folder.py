"""A folder of pictures with a bright spot as the face, and its detector, for the tests of the commands on pictures."""

import numpy as np
import pytest
from PIL import Image

from perface_jax import detection
from perface_jax.commands import face_files
from tests.detection.test_folder import brightest


def picture(seed, *, spot=True):
    """Noise that is dark but for one pixel, where `brightest` sees two faces."""
    pixels = np.random.default_rng(seed).integers(0, 150, (90, 120, 3), np.uint8)
    if spot:
        pixels[20 + seed, 40] = 255
    return pixels


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Four pictures with two faces each, one without a face, one that is damaged; the detector sees them."""
    monkeypatch.setattr(detection, "mtcnn", lambda: brightest)
    monkeypatch.setattr(face_files.compilation, "keep_programs", lambda: None)
    made = tmp_path / "pictures"
    made.mkdir()
    for number in range(4):
        Image.fromarray(picture(number)).save(made / f"p{number}.png")
    Image.fromarray(picture(9, spot=False)).save(made / "empty.png")
    (made / "page.jpg").write_text("<!DOCTYPE html>")
    return made
