"""Decoding: lossless files bit by bit, others nearly, and every damaged one refused. Expected values by hand."""

import concurrent.futures
import io
import pathlib
import struct
import warnings
import zlib

import numpy as np
import psutil
import pytest
from etils import epath
from PIL import Image, ImageFile, TiffImagePlugin

from perface_jax import images
from tests.pictures import levels, noise


def smooth(height, width, seed=0) -> np.ndarray:
    """A picture JPEG keeps nearly as it is."""
    small = Image.fromarray(noise(3, 3, 3, seed=seed) // 4 + 96)
    return np.array(small.resize((width, height), Image.Resampling.BICUBIC))


def encode(picture, file_format="PNG", **options) -> bytes:
    file = io.BytesIO()
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(file, file_format, **options)
    return file.getvalue()


# Decoding


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "TIFF", "WEBP"])
def test_lossless_formats_come_back_bit_by_bit(file_format):
    picture = noise(17, 23, 3)
    out = images.decode(encode(picture, file_format, **({"lossless": True} if file_format == "WEBP" else {})))
    np.testing.assert_array_equal(out, picture)
    assert (out.dtype, out.flags.writeable, out.flags.c_contiguous) == (np.uint8, True, True)


def test_jpeg_comes_back_nearly_as_it_was_and_in_the_order_red_green_blue():
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 200
    assert levels(images.decode(encode(red, "JPEG", quality=95)), red) <= 3


def test_gray_is_repeated_and_one_bit_is_black_and_white():
    gray = noise(9, 11)
    np.testing.assert_array_equal(images.decode(encode(gray)), np.repeat(gray[..., None], 3, axis=-1))
    bits = Image.fromarray(np.where(gray > 127, 255, 0).astype(np.uint8)).convert("1", dither=Image.Dither.NONE)
    np.testing.assert_array_equal(images.decode(encode(bits))[..., 1], np.where(gray > 127, 255, 0))


def test_transparent_pixels_are_laid_over_black():
    picture = np.array([[[200, 100, 50, 255], [200, 100, 50, 128], [200, 100, 50, 0]]], np.uint8)
    # 128 / 255 of 200, 100 and 50 is 100.4, 50.2 and 25.1
    expected = [[[200, 100, 50], [100, 50, 25], [0, 0, 0]]]
    out = images.decode(encode(picture))
    np.testing.assert_array_equal(out, expected)
    assert out.flags.c_contiguous
    gray = np.array([[[200, 255], [200, 128], [200, 0]]], np.uint8)
    np.testing.assert_array_equal(images.decode(encode(gray))[..., 2], [[200, 100, 0]])


def test_palettes_are_expanded_and_their_transparent_entries_are_black():
    picture = Image.new("P", (3, 1))
    picture.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    picture.putdata([0, 1, 2])
    np.testing.assert_array_equal(images.decode(encode(picture)), [[[10, 20, 30], [40, 50, 60], [70, 80, 90]]])
    for transparency in (1, b"\xff\x00\xff"):  # an index, and one alpha per entry
        out = images.decode(encode(picture, transparency=transparency))
        np.testing.assert_array_equal(out, [[[10, 20, 30], [0, 0, 0], [70, 80, 90]]])


@pytest.mark.parametrize(("file_format", "mode"), [("PNG", "<u2"), ("TIFF", "<u2"), ("TIFF", ">u2")])
def test_sixteen_bit_gray_is_divided_by_257_and_rounded(file_format, mode):
    values = np.array([[0, 128, 129, 257, 385, 386, 32768, 65535]], mode)
    expected = np.array([0, 0, 1, 1, 1, 2, 128, 255])  # 128.5 and 385.5 are the first two turning points
    np.testing.assert_array_equal(images.decode(encode(values, file_format))[0, :, 0], expected)


def test_cmyk_jpeg_becomes_rgb():
    picture = smooth(32, 32)
    out = images.decode(encode(Image.fromarray(picture).convert("CMYK"), "JPEG", quality=95))
    assert levels(out, picture) <= 12


@pytest.mark.parametrize("values", [np.ones((4, 4), np.float32), np.ones((4, 4), np.int32)])
def test_gray_of_32_bits_is_refused(values):
    with pytest.raises(images.PictureError, match="32-bit gray .* has no agreed range"):
        images.decode(encode(values, "TIFF"))


def test_the_first_frame_of_an_animation_counts():
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "lime", "blue")]
    for file_format, options in [("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})]:
        data = encode(frames[0], file_format, save_all=True, append_images=frames[1:], **options)
        np.testing.assert_array_equal(images.decode(data), np.array(frames[0]), err_msg=file_format)


SHOWN = {  # what a viewer makes of the stored picture; EXIF 2.3, section 4.6.4
    1: lambda x: x,
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.transpose(1, 0, 2),
    6: lambda x: np.rot90(x, -1),  # a quarter turn clockwise
    7: lambda x: x[::-1, ::-1].transpose(1, 0, 2),
    8: lambda x: np.rot90(x, 1),
}


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", SHOWN)
def test_the_exif_rotation_is_applied_once(file_format, orientation):
    stored = smooth(24, 40)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95, "subsampling": 0}}.get(file_format, {})
    out = images.decode(encode(stored, file_format, exif=exif, **options))
    assert levels(out, SHOWN[orientation](stored)) <= (6 if file_format == "JPEG" else 0)


def test_sixteen_bit_gray_is_rotated_too():
    exif = Image.Exif()
    exif[0x0112] = 6
    values = np.arange(6, dtype=np.uint16).reshape(2, 3) * 257
    np.testing.assert_array_equal(images.decode(encode(values, exif=exif))[..., 0], [[3, 0], [4, 1], [5, 2]])


@pytest.mark.filterwarnings("ignore:::PIL")  # Pillow remarks on odd metadata
def test_garbled_exif_does_not_lose_the_picture():
    picture = noise(8, 12, 3)
    for exif in (b"Exif\0\0garbage, no header", b"Exif\0\0II*\0\xff\xff\xff\x7f"):
        np.testing.assert_array_equal(images.decode(encode(picture, exif=exif)), picture)


WORKING = {  # name: a complete file of 40 x 24 noise
    name: encode(noise(24, 40, 3), name) for name in ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
}


@pytest.mark.filterwarnings("ignore:::PIL")  # Pillow remarks on odd metadata
@pytest.mark.parametrize("file_format", WORKING)
@pytest.mark.parametrize("part", [0.02, 0.5, 0.9])
def test_truncated_files_are_refused(file_format, part):
    data = WORKING[file_format][: int(part * len(WORKING[file_format]))]
    with pytest.raises(images.PictureError, match="^picture: (damaged or truncated|no picture)"):
        images.decode(data)


@pytest.mark.filterwarnings("ignore:::PIL")  # Pillow remarks on odd metadata
@pytest.mark.parametrize("file_format", WORKING)
def test_no_damage_to_a_file_makes_another_error_than_picture_error(file_format):
    random = np.random.default_rng(1)
    for _ in range(60):
        data = bytearray(WORKING[file_format])
        for place in random.integers(0, min(len(data), 400), 4):
            data[place] = random.integers(256)
        try:
            out = images.decode(bytes(data))
        except images.PictureError:
            continue
        assert out.dtype == np.uint8
        assert out.shape[2:] == (3,)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", r"an empty file \(0 bytes\)"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html><html>404</html>", "a web page saved as a picture"),
        (b"<html><body>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n", "a Git LFS pointer.*git lfs pull"),
        (b"\0\0\0\x1cftypheic" + bytes(99), "HEIC, which is not read: save it as JPEG or PNG"),
        (b"just some text", r"no picture \(it starts with .*just some.*wanted one of JPEG, PNG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "no picture"),
        (encode(Image.new("RGB", (8, 8)), "PPM"), "PPM, which is not read"),
        (b"\x89PNG\r\n\x1a\n", "damaged or truncated"),
    ],
)
def test_what_is_no_picture_is_refused_with_the_reason(data, reason):
    with pytest.raises(images.PictureError, match=f"(?s)^faces/7.jpg: {reason}"):
        images.decode(data, name="faces/7.jpg")


def test_decode_wants_bytes_not_a_path():
    with pytest.raises(TypeError, match="saw str, wanted the bytes.*images.read takes a path"):
        images.decode("face.jpg")


def png_bomb(side: int) -> bytes:
    """A whole one-bit PNG: `side` squared pixels in a few kilobytes."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    rows = zlib.compress(bytes(side * (side // 8 + 1)))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def patched(file_format, *changes) -> bytes:
    """A working file whose header claims another size: (offset, struct format, number)."""
    data = bytearray(WORKING[file_format])
    for offset, code, number in changes:
        struct.pack_into(code, data, offset, number)
    return bytes(data)


def bombs():
    jpeg = WORKING["JPEG"].index(b"\xff\xc0") + 5
    yield from (png_bomb(side) for side in (7200, 10_000, 20_000))  # Pillow: silent, a warning, an error
    yield patched("JPEG", (jpeg, ">H", 60_000), (jpeg + 2, ">H", 60_000))
    yield patched("BMP", (18, "<i", 30_000), (22, "<i", 30_000))
    yield patched("GIF", (6, "<H", 60_000), (8, "<H", 60_000))
    yield from (patched("WEBP", (26, "<H", side), (28, "<H", side)) for side in (10_000, 16_000))
    yield encode(Image.new("1", (8_000, 8_000)), "TIFF", compression="group4")


@pytest.mark.parametrize("data", list(bombs()), ids=lambda data: f"{data[:4]!r}-{len(data)}")
def test_a_decompression_bomb_is_refused_by_its_header_without_a_warning(data, monkeypatch):
    def load(self):
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    filters = list(warnings.filters)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # The second wording is Pillow's own, for WebP of more than 179 million pixels.
        with pytest.raises(
            images.PictureError, match=r"^picture: (too large \(\d+ x \d+ pixels\): make it smaller|Image size \()"
        ):
            images.decode(data)
    assert warnings.filters == filters


def test_a_bomb_takes_no_memory_and_leaves_the_limit_of_pillow_alone():
    limit, files = Image.MAX_IMAGE_PIXELS, list(bombs())
    before = psutil.Process().memory_info().rss
    for data in files * 10:
        with pytest.raises(images.PictureError):
            images.decode(data)
    assert psutil.Process().memory_info().rss - before < 30e6
    assert Image.MAX_IMAGE_PIXELS == limit


def test_working_pictures_decode_without_a_warning():
    palette = encode(Image.new("P", (3, 1)), transparency=b"\xff\x00\xff")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for data in (*WORKING.values(), palette):
            images.decode(data)


def test_decoding_in_threads_gives_the_same_pictures():
    files = list(WORKING.values()) * 20
    expected = [images.decode(data) for data in files]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for out, wanted in zip(pool.map(images.decode, files), expected, strict=True):
            np.testing.assert_array_equal(out, wanted)


# Reading files


def test_read_takes_any_kind_of_path_and_closes_the_file(tmp_path):
    picture, path = noise(8, 12, 3), tmp_path / "face.png"
    path.write_bytes(encode(picture))
    (tmp_path / "bad.png").write_bytes(encode(picture)[:60])
    open_files = len(psutil.Process().open_files())
    for kind in (str, pathlib.Path, epath.Path):
        np.testing.assert_array_equal(images.read(kind(path)), picture)
    with pytest.raises(images.PictureError, match="bad.png: damaged"):
        images.read(tmp_path / "bad.png")
    assert len(psutil.Process().open_files()) == open_files


def test_read_refuses_folders_missing_files_and_giants_by_name(tmp_path):
    with pytest.raises(images.PictureError, match=f"{tmp_path.name}: this is a folder"):
        images.read(tmp_path)
    with pytest.raises(FileNotFoundError, match="nobody.jpg"):
        images.read(tmp_path / "nobody.jpg")
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(images.PictureError, match="empty.jpg: an empty file"):
        images.read(tmp_path / "empty.jpg")
    with (tmp_path / "giant.jpg").open("wb") as file:
        file.truncate(images.MAX_BYTES + 1)
    with pytest.raises(
        images.PictureError,
        match=r"giant.jpg: too large \(400,000,001 bytes\): make it smaller, wanted at most 400,000,000",
    ):
        images.read(tmp_path / "giant.jpg")


# Whole but unusual files


def unusual():
    """Name, file, and how far the pixels may be from SMOOTH."""
    picture = Image.fromarray(SMOOTH)
    turned = picture.rotate(90)
    jpeg, png = encode(picture, "JPEG", quality=95), encode(picture)
    yield "bytes behind a JPEG", jpeg + b"\0" * 99 + b"ftypmp42", 6
    yield "bytes behind a PNG", png + b"junk" * 99, 0
    yield "progressive JPEG", encode(picture, "JPEG", quality=95, progressive=True), 6
    yield "JPEG with a large profile", encode(picture, "JPEG", quality=95, icc_profile=bytes(3_000_000)), 6
    mpo = encode(picture, "MPO", quality=95, save_all=True, append_images=[turned])
    yield "MPO", mpo, 6
    yield "MPO with a wrong index", mpo.replace(b"MPF\0", b"MPF\0XX", 1), 6
    yield "AVIF", encode(picture, "AVIF", quality=98), 6
    yield "animated AVIF", encode(picture, "AVIF", quality=98, save_all=True, append_images=[turned]), 6
    yield "PNG with one transparent color", encode(picture, transparency=(1, 2, 3)), 0
    yield "TIFF in JPEG", encode(picture, "TIFF", compression="jpeg"), 12
    yield "TIFF in LZW", encode(picture, "TIFF", compression="tiff_lzw"), 0
    yield "BMP with four channels", encode(picture.convert("RGBA"), "BMP"), 0


SMOOTH = smooth(32, 32)


@pytest.mark.parametrize(("data", "near"), [pytest.param(*case[1:], id=case[0]) for case in unusual()])
def test_whole_but_unusual_files_are_read_without_a_warning(data, near):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert levels(images.decode(data), SMOOTH) <= near


def test_avif_is_turned_once_and_refused_where_truncated():
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = smooth(24, 40)
    data = encode(stored, "AVIF", quality=98, exif=exif)
    assert levels(images.decode(data), np.rot90(stored, -1)) <= 8
    with pytest.raises(images.PictureError, match="damaged or truncated"):
        images.decode(data[:-40])


def test_a_pillow_without_avif_says_so(monkeypatch):
    data = encode(SMOOTH, "AVIF")
    monkeypatch.delitem(Image.SAVE, "AVIF")
    with pytest.raises(
        images.PictureError, match="AVIF, which this Pillow does not read: update Pillow, or save it as"
    ):
        images.decode(data)


def test_a_tiff_that_starts_with_a_thumbnail_is_a_raw_photograph():
    for tag, kind, value in ((254, 4, 1), (50706, 1, b"\1\4\0\0")):
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags.tagtype[tag], tags[tag] = kind, value
        with pytest.raises(images.PictureError, match="raw photograph, which is not read: save it as JPEG or PNG"):
            images.decode(encode(SMOOTH, "TIFF", tiffinfo=tags))


def test_colors_that_pillow_cannot_convert_are_not_called_damaged():
    with pytest.raises(images.PictureError, match="CIELAB colors, which are not read: save it as RGB"):
        images.decode(encode(Image.new("LAB", (8, 8)), "TIFF"))
