"""Pictures of a study are of one size in pixels and bytes."""

import io

import numpy as np
import pytest
from PIL import Image

from perface_jax.collection import pictures


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)


@pytest.mark.parametrize("more", [4, 5, 65_537, 65_538, 65_539, 65_540, 65_541, 65_542, 200_000])
def test_a_padded_picture_has_the_size_and_the_same_pixels(picture, more):
    data = pictures.encode(picture)
    padded = pictures.pad(data, len(data) + more)
    assert len(padded) == len(data) + more
    np.testing.assert_array_equal(*(Image.open(io.BytesIO(one)).convert("RGB") for one in (data, padded)))


def test_a_picture_is_not_padded_by_less_than_a_comment(picture):
    data = pictures.encode(picture)
    with pytest.raises(ValueError, match="four bytes more"):
        pictures.pad(data, len(data) + 3)


def test_pictures_become_one_size_without_metadata(picture, tmp_path):
    Image.fromarray(picture).save(tmp_path / "a.png")
    Image.fromarray(picture).save(tmp_path / "b.jpg", comment=b"who this is")
    read = pictures.read_square(tmp_path / "b.jpg", size=20)
    assert read.shape == (20, 20, 3)
    assert pictures.read_square(tmp_path / "a.png", size=50).shape == (40, 40, 3)
    paths = [tmp_path / "one.jpg", tmp_path / "two.jpg"]
    for path, noise in zip(paths, (None, np.random.default_rng(0)), strict=True):
        path.write_bytes(pictures.encode(read, noise=noise))
    size = pictures.pad_all(paths)
    assert {path.stat().st_size for path in paths} == {size}
    assert b"who" not in paths[0].read_bytes()
    assert paths[0].read_bytes() != paths[1].read_bytes()


def test_noise_changes_the_file_and_not_what_is_seen():
    smooth = np.tile(np.linspace(60, 200, 40).astype(np.uint8)[:, None, None], (1, 40, 3))
    plain, other = pictures.encode(smooth), pictures.encode(smooth, noise=np.random.default_rng(0))
    one, two = (np.asarray(Image.open(io.BytesIO(data)), float) for data in (plain, other))
    assert 0 < np.abs(one - two).mean() < 2


def test_a_picture_that_is_not_square_is_refused(picture, tmp_path):
    Image.fromarray(picture[:30]).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="40 x 30 pixels"):
        pictures.read_square(tmp_path / "a.png", size=20)
