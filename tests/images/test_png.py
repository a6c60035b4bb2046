"""Large texts and profiles do not lose a picture, and the rotation in a small text counts."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from perface_jax import images
from perface_jax.images import png
from tests.pictures import noise

PICTURE = noise(24, 40, 3)


def encode(*texts, **options):
    info, file = PngImagePlugin.PngInfo(), io.BytesIO()
    for keyword, text, packed in texts:
        info.add_text(keyword, text, zip=packed)
    Image.fromarray(PICTURE).save(file, "PNG", pnginfo=info, **options)
    return file.getvalue()


LARGE = "x" * 2_000_000  # more than Pillow unpacks


@pytest.mark.parametrize(
    "data",
    [
        encode(("Comment", LARGE, True)),
        encode(("Comment", LARGE, False), ("parameters", LARGE, True)),
        encode(("XML:com.adobe.xmp", LARGE, False)),
        encode(icc_profile=bytes(2_000_040)),
        encode(exif=b"Exif\0\0MM\0*\0\0\0\x08" + bytes(100_000)),
        encode(*[(f"text{i}", LARGE, True) for i in range(3)]),
    ],
    ids=["text", "two texts", "XMP", "profile", "EXIF", "three texts"],
)
def test_a_whole_png_with_large_texts_is_read(data):
    np.testing.assert_array_equal(images.decode(data), PICTURE)


def test_texts_behind_the_pixels_are_dropped_too():
    plain = encode()
    kind, content = b"zTXt", b"Comment\0\0" + zlib.compress(LARGE.encode())
    chunk = len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")
    data = plain[:-12] + chunk + plain[-12:]
    assert png.without_texts(data) == plain
    np.testing.assert_array_equal(images.decode(data), PICTURE)


def test_a_file_without_texts_is_not_copied():
    plain = encode()
    assert png.without_texts(plain) is plain


def test_the_rotation_in_a_text_is_applied():
    exif = b"\nexif\n      34\n" + (b"Exif\0\0MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0").hex().encode()
    xmp = '<x:xmpmeta><rdf:RDF><rdf:Description tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
    for text in (("Raw profile type exif", exif.decode(), True), ("XML:com.adobe.xmp", xmp, False)):
        data = encode(text, ("Comment", LARGE, True))
        np.testing.assert_array_equal(images.decode(data), np.rot90(PICTURE, -1))


@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_a_truncated_file_stays_refused(share):
    data = encode(("Comment", "x" * 100_000, False))
    with pytest.raises(images.PictureError, match="damaged or truncated"):
        images.decode(data[: int(share * len(data))])
