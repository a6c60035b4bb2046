import hashlib
import pathlib

import numpy as np
import pytest
from PIL import Image

from perface_jax import images
from perface_jax.datasets import release
from tests.releases import write_release

IDS = tuple(f"t{i:04d}" for i in range(4))


@pytest.fixture
def folder(tmp_path):
    return write_release(tmp_path / "release", sources=2, targets=2, block=1)


def encoded(folder, size):
    Image.new("RGB", size, (10, 20, 30)).save(folder / "picture.png")
    return (folder / "picture.png").read_bytes()


def test_a_complete_release_passes(folder):
    release.check_layout(folder)
    release.check_pictures(folder, IDS, range(2, 6))


@pytest.mark.parametrize("part", ["triplet_answers.csv", "triplet"])
def test_the_missing_part_is_named(folder, part):
    (folder / part).rename(folder / "elsewhere")
    with pytest.raises(FileNotFoundError, match=f"{part} is missing: expected the release folder"):
        release.check_layout(folder)


def test_the_first_missing_picture_is_named_with_its_line_and_all_are_counted(folder):
    for name in ("t0003_a.jpg", "t0001_c.jpg", "t0001_b.jpg"):
        (folder / "triplet" / name).unlink()
    with pytest.raises(ValueError, match="line 4: expected a picture triplet/t0001_b.jpg, .* 3 of 12 pictures are"):
        release.check_pictures(folder, IDS, (2, 4, 5, 6))


def test_triplets_without_answers_are_listed_and_other_files_are_not(folder):
    (folder / "triplet" / "thumbs.jpg").touch()
    (folder / "triplet" / "t0000_d.jpg").touch()
    (folder / "triplet" / "own name_7_a.jpg").touch()
    before = release.fingerprint(folder)
    (folder / "triplet" / "._own name_8_a.jpg").touch()  # hidden: macOS keeps attributes there
    assert release.fingerprint(folder) == before
    assert release.check_pictures(folder, IDS[:2], range(2, 4)) == ["own name_7", "t0002", "t0003"]
    assert release.check_pictures(folder, IDS, range(2, 6)) == ["own name_7"]


def test_a_square_is_decoded_and_anything_else_says_what_is_wrong_and_where(tmp_path):
    path = pathlib.Path("folder/t0001_a.jpg")
    assert release.decode_square(encoded(tmp_path, (5, 5)), path=path)[4, 4].tolist() == [10, 20, 30]
    assert release.decode_square(encoded(tmp_path, (5, 5)), path=path).dtype == np.uint8
    with pytest.raises(ValueError, match="folder/t0001_a.jpg: 5 x 4 pixels, expected a square picture") as caught:
        release.decode_square(encoded(tmp_path, (5, 4)), path=path)
    assert not isinstance(caught.value, images.PictureError)  # those are listed and left out
    with pytest.raises(images.PictureError, match="t0001_a.jpg: an empty file"):
        release.decode_square(b"", path=path)


def test_the_fingerprint_follows_answers_and_pictures(folder):
    before = release.fingerprint(folder)
    assert before["answers_sha256"] == hashlib.sha256((folder / "triplet_answers.csv").read_bytes()).hexdigest()
    assert release.fingerprint(folder) == before
    with open(folder / "triplet" / "t0000_a.jpg", "ab") as picture:
        picture.write(b"more")
    after = release.fingerprint(folder)
    assert after["picture_sizes_sha256"] != before["picture_sizes_sha256"]
    assert after["answers_sha256"] == before["answers_sha256"]


def test_what_was_collected_is_read_from_an_export_alone(tmp_path):
    assert release.collected(tmp_path) == ""
    (tmp_path / "collected.json").write_text('{"words": "12 votes"}')
    assert release.collected(tmp_path) == "12 votes"
    (tmp_path / "collected.json").write_text("{}")
    with pytest.raises(ValueError, match="collected.json is damaged"):
        release.collected(tmp_path)
