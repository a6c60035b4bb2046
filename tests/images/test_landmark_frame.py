"""Landmarks that were found in copies or crops of the pictures are refused, those of these pictures are not."""

import warnings

import numpy as np
import pytest
from PIL import Image

from perface_jax import images
from perface_jax.images import landmark_frame
from tests.generic_face import turned

COUNT, SIDE = 16, 128


@pytest.fixture(scope="module")
def right() -> np.ndarray:
    """Landmarks of faces where the rule of CelebA-HQ puts them, but for a pixel or two, [n, 5, 2]."""
    face = images.template_points("simswap", SIDE)[0]
    left, top, side = images.celeba_hq_square(face + 0.5)
    placed = (face + 0.5 - (left, top)) / side * SIDE - 0.5
    return placed + np.random.default_rng(0).normal(size=(COUNT, 5, 2))


def files(folder, sizes) -> list:
    paths = [folder / f"{i}.png" for i in range(len(sizes))]
    for path, size in zip(paths, sizes, strict=True):
        Image.new("RGB", size).save(path)
    return paths


def told(folder, points, *, celeba_hq, size=(SIDE, SIDE)):
    images.refuse_misplaced(files(folder, [size] * len(points)), dict(enumerate(points)), celeba_hq=celeba_hq)


@pytest.mark.parametrize("celeba_hq", [True, False])
def test_right_landmarks_pass_without_a_warning(right, tmp_path, celeba_hq):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told(tmp_path, right, celeba_hq=celeba_hq)
        told(tmp_path, right[:1], celeba_hq=celeba_hq)
        images.refuse_misplaced([], {}, celeba_hq=celeba_hq)
        images.refuse_misplaced([tmp_path / "no.png"], {0: right[0]}, celeba_hq=celeba_hq)


@pytest.mark.parametrize("yaw", [-80, -40, 40, 80])
def test_turned_faces_pass_where_the_rule_would_put_them(yaw):
    points = turned(yaw, 10.0, 0.0)[:5].astype(float)
    left, top, side = images.celeba_hq_square(points + 0.5)
    placed = (points + 0.5 - (left, top)) / side * SIDE - 0.5
    assert landmark_frame.misplaced_in_frame(placed, (SIDE, SIDE)) is None
    assert landmark_frame.frame_fault(placed[None], np.array([[SIDE, SIDE]])) is None


@pytest.mark.parametrize(
    ("change", "origin"),
    [
        (lambda points: points * 0.5, r"a picture 0.\d\d times as large \(6\d x 6\d pixels\)"),
        (lambda points: points * 178 / 1024, r"a picture 0.1[78] times as large \(2[23] x 2[23] pixels\)"),
        (lambda points: points * 4, r"a picture (4.0\d|3.9\d) times as large \(5\d\d x 5\d\d pixels\)"),
        (lambda points: points - 30, r"crops of these pictures \(add about \d\d to x and \d\d to y\)"),
        (lambda points: (points - 40) * 2.5, "crops of these pictures, or of other ones"),
    ],
)
def test_landmarks_of_other_pictures_are_refused_where_the_frame_is_known(right, tmp_path, change, origin):
    for some in (right, right[:1]):
        with pytest.raises(ValueError, match=f"not of these CelebA-HQ pictures: .*they look like those of {origin}"):
            told(tmp_path, change(some), celeba_hq=True)


def test_landmarks_of_align_celeba_are_called_so(right, tmp_path):
    points = np.array([(69, 111), (108, 111), (88, 132), (73, 153), (105, 153)]) + np.zeros((COUNT, 1, 1))
    with pytest.raises(ValueError, match="the aligned CelebA pictures of 178 x 218 pixels"):
        told(tmp_path, points, celeba_hq=True, size=(1024, 1024))


def test_one_face_beside_the_middle_is_refused(right):
    assert landmark_frame.misplaced_in_frame(right[0], (SIDE, SIDE)) is None
    fault = landmark_frame.misplaced_in_frame(right[0] * 0.3, (SIDE, SIDE))
    assert fault is not None
    assert "the middle of eyes and mouth is at (0.15, 0.15) of the picture" in fault


def test_of_other_pictures_only_what_all_show_is_refused(right, tmp_path):
    with pytest.raises(ValueError, match="alike in the upper left part of 16 of 16 pictures.* 0.[45]. times as large"):
        told(tmp_path, right * 0.5, celeba_hq=False)
    with pytest.raises(ValueError, match="beyond the right or lower edge of their pictures for 16 of 16 faces"):
        told(tmp_path, right * 2, celeba_hq=False)
    told(tmp_path, right[:4] * 0.5, celeba_hq=False)  # too few to tell
    anywhere = right * 0.2 + np.random.default_rng(0).uniform(0, 90, (COUNT, 1, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told(tmp_path, anywhere, celeba_hq=False)
    with pytest.warns(UserWarning, match="all landmarks of 16 faces lie in the upper left quarter"):
        told(tmp_path, right * 0.4, celeba_hq=False, size=(200, 160))


def test_sizes_are_those_of_the_picture_as_shown(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 20)).save(tmp_path / "a.jpg", exif=exif)
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    assert landmark_frame.picture_size(tmp_path / "a.jpg") == (20, 30)
    assert landmark_frame.picture_size(tmp_path / "b.jpg") is None
