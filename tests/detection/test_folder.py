"""The faces of a folder, and the file of landmarks as its readers see it."""

import os

import numpy as np
import pytest
from PIL import ExifTags, Image

from perface_jax import images
from perface_jax.annotations import tables
from perface_jax.datasets import celeba_files, portrait_files
from perface_jax.detection.faces import Face
from perface_jax.detection.folder import detect_folder, write_landmarks


def brightest(picture):
    """A stand-in for a detector: a face at the brightest pixel, if there is one."""
    y, x = np.unravel_index(picture[..., 0].argmax(), picture.shape[:2])
    if picture[y, x, 0] < 200:
        return []
    points = np.float32([[x, y], [x + 30, y], [x + 15, y + 15], [x + 3, y + 30], [x + 27, y + 30]])
    small = Face(np.float32([x, y, x + 10, y + 10]), 0.9, points + 1)
    return [small, Face(np.float32([x - 10, y - 20, x + 40, y + 40]), 0.8, points)]


@pytest.fixture
def folder(tmp_path):
    picture = np.zeros((80, 120, 3), np.uint8)
    picture[20, 30] = 255
    (tmp_path / "sub").mkdir()
    Image.fromarray(picture).save(tmp_path / "b.png")
    Image.fromarray(picture * 0).save(tmp_path / "a.png")
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.fromarray(picture).save(tmp_path / "sub" / "c.png", exif=exif)
    (tmp_path / "d.jpg").write_text("<!DOCTYPE html>")
    return tmp_path


def test_every_picture_comes_with_its_faces_or_with_what_is_wrong(folder):
    seen = []
    found = dict(detect_folder(folder, brightest, seen=lambda name, picture, faces: seen.append(name)))
    assert list(found) == ["a.png", "b.png", "d.jpg", "sub/c.png"]
    assert found["a.png"] == []
    assert "a web page saved as a picture" in found["d.jpg"]
    assert [face.score for face in found["b.png"]] == [0.8, 0.9]  # the largest first
    np.testing.assert_array_equal(found["b.png"][0].landmarks[0], [30, 20])
    np.testing.assert_array_equal(found["sub/c.png"][0].landmarks[0], [80 - 1 - 20, 30])  # as the picture is shown
    assert sorted(seen) == ["a.png", "b.png", "sub/c.png"]
    picture = images.read(folder / "sub" / "c.png")
    assert picture[30, 59].tolist() == [255] * 3


def test_the_file_is_read_by_the_readers_of_landmarks(tmp_path):
    (_, large) = brightest(np.pad(np.full((1, 1, 3), 255, np.uint8), [(20, 60), (30, 90), (0, 0)]))
    write_landmarks(tmp_path / "landmarks.csv", {"b.png": large, "sub/c, d.jpg#1": large})
    read = portrait_files.read_landmarks(str(tmp_path / "landmarks.csv"))
    assert list(read) == ["b", "c, d.jpg#1"]
    np.testing.assert_array_equal(read["b"], large.landmarks)
    assert list(celeba_files.read_landmarks(tmp_path / "landmarks.csv")) == ["b", "c, d.jpg#1"]
    header, rows = (table := tables.read(tmp_path / "landmarks.csv", ())).header, table.cells()
    assert header[-5:] == ["score", "left", "top", "right", "bottom"]
    assert [rows[0][1][name] for name in header[-5:]] == ["0.8000", "20.0", "0.0", "70.0", "60.0"]


def test_the_file_finds_pictures_whose_names_are_not_utf8(tmp_path):
    (_, large) = brightest(np.pad(np.full((1, 1, 3), 255, np.uint8), [(20, 60), (30, 90), (0, 0)]))
    name = os.fsdecode(b"caf\xe9, 1.jpg")
    write_landmarks(tmp_path / "landmarks.csv", {name: large})
    assert b"\xe9" in (tmp_path / "landmarks.csv").read_bytes()
    assert list(portrait_files.read_landmarks(str(tmp_path / "landmarks.csv"))) == [name.removesuffix(".jpg")]
