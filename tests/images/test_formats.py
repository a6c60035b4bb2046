"""Formats by first bytes, and names without folders and suffixes."""

import io

import pytest
from PIL import Image

from perface_jax.images import formats


@pytest.mark.parametrize("name", formats.FORMATS)
def test_the_formats_that_are_read_are_known_by_their_first_bytes(name):
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, name)
    assert formats.format_of(file.getvalue()[: formats.HEAD]) == name


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "AVIF"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "raw photograph"),
        (b"\0\0\0\x14ftypisom\0\0\0\0mp42", None),  # a film
        (b"II*\0\x10\0\0\0CR\2\0", "raw photograph"),
        (b"II*\0\x10\0\0\0\0\0\0\0", "TIFF"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\xff\x4f\xff\x51\0", "JPEG 2000"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b'<?xml version="1.0"?>\n<!DOCTYPE svg PUBLIC>\n<svg>', "SVG"),
        (b"<svg width='3'>", "SVG"),
        (b"<!DOCTYPE html><html><svg>", None),
        (b"8BPS\0\1", "Photoshop"),
        (b"P5\n# made by hand\n", "PPM"),
        (b"P1 is a name", None),
        (b"", None),
    ],
)
def test_other_formats_are_named(head, name):
    assert formats.format_of(head) == name


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a.jpg", "a"),
        ("x/y.z/a.b.JPEG", "a.b"),
        ("a.jpg.jpg", "a"),
        ("a.png.JPG", "a"),
        ("a.jfif", "a"),
        ("IMG_1.HEIC", "IMG_1"),
        ("v1.5", "v1.5"),
        ("a.jpg#1", "a.jpg#1"),
        ("a.csv", "a.csv"),
        (".jpg", ".jpg"),
    ],
)
def test_the_stem_is_the_name_without_folder_and_suffixes_and_its_own_stem(name, stem):
    assert formats.stem(name) == stem
    assert formats.stem(stem) == stem
