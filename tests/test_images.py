"""Pixels: decoding, the contract at the door, resizing and crops. Beside Pillow, scikit-image and by hand."""

import concurrent.futures
import csv
import functools
import io
import os
import pathlib
import struct
import subprocess
import sys
import warnings
import zlib

import jax
import jax.numpy as jnp
import numpy as np
import psutil
import pytest
import skimage.transform
from etils import epath
from PIL import Image, ImageFile

from perface_jax import images

ROOT = pathlib.Path(__file__).resolve().parent.parent
ARCFACE = images.TEMPLATES["arcface"].points[0]


def noise(*shape, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def smooth(height, width, seed=0) -> np.ndarray:
    """A picture JPEG keeps nearly as it is."""
    small = Image.fromarray(noise(3, 3, 3, seed=seed) // 4 + 96)
    return np.array(small.resize((width, height), Image.Resampling.BICUBIC))


def encode(picture, file_format="PNG", **options) -> bytes:
    file = io.BytesIO()
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(file, file_format, **options)
    return file.getvalue()


def levels(x, y) -> int:
    """The largest difference in grey levels."""
    return int(np.abs(np.asarray(x).astype(int) - np.asarray(y).astype(int)).max())


def pose(angle=0.3, scale=0.8, shift=(60.0, 40.0), points=ARCFACE) -> np.ndarray:
    """Landmarks of a face that is turned, scaled and shifted against a template."""
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return points @ turn.T + shift


def where_am_i(height, width) -> np.ndarray:
    """A floating picture whose channels are x, y and 1: sampled bilinearly it tells the place it was sampled at."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.stack([x, y, np.ones_like(x)], axis=-1)


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


def test_grey_is_repeated_and_one_bit_is_black_and_white():
    grey = noise(9, 11)
    np.testing.assert_array_equal(images.decode(encode(grey)), np.repeat(grey[..., None], 3, axis=-1))
    bits = Image.fromarray(np.where(grey > 127, 255, 0).astype(np.uint8)).convert("1", dither=Image.Dither.NONE)
    np.testing.assert_array_equal(images.decode(encode(bits))[..., 1], np.where(grey > 127, 255, 0))


def test_transparent_pixels_are_laid_over_black():
    picture = np.array([[[200, 100, 50, 255], [200, 100, 50, 128], [200, 100, 50, 0]]], np.uint8)
    # 128 / 255 of 200, 100 and 50 is 100.4, 50.2 and 25.1
    expected = [[[200, 100, 50], [100, 50, 25], [0, 0, 0]]]
    out = images.decode(encode(picture))
    np.testing.assert_array_equal(out, expected)
    assert out.flags.c_contiguous
    grey = np.array([[[200, 255], [200, 128], [200, 0]]], np.uint8)
    np.testing.assert_array_equal(images.decode(encode(grey))[..., 2], [[200, 100, 0]])


def test_palettes_are_expanded_and_their_transparent_entries_are_black():
    picture = Image.new("P", (3, 1))
    picture.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    picture.putdata([0, 1, 2])
    np.testing.assert_array_equal(images.decode(encode(picture)), [[[10, 20, 30], [40, 50, 60], [70, 80, 90]]])
    for transparency in (1, b"\xff\x00\xff"):  # an index, and one alpha per entry
        out = images.decode(encode(picture, transparency=transparency))
        np.testing.assert_array_equal(out, [[[10, 20, 30], [0, 0, 0], [70, 80, 90]]])


@pytest.mark.parametrize(("file_format", "mode"), [("PNG", "<u2"), ("TIFF", "<u2"), ("TIFF", ">u2")])
def test_sixteen_bit_grey_is_divided_by_257_and_rounded(file_format, mode):
    values = np.array([[0, 128, 129, 257, 385, 386, 32768, 65535]], mode)
    expected = np.array([0, 0, 1, 1, 1, 2, 128, 255])  # 128.5 and 385.5 are the first two turning points
    np.testing.assert_array_equal(images.decode(encode(values, file_format))[0, :, 0], expected)


def test_cmyk_jpeg_becomes_rgb():
    picture = smooth(32, 32)
    out = images.decode(encode(Image.fromarray(picture).convert("CMYK"), "JPEG", quality=95))
    assert levels(out, picture) <= 12


@pytest.mark.parametrize("values", [np.ones((4, 4), np.float32), np.ones((4, 4), np.int32)])
def test_grey_of_32_bits_is_refused(values):
    with pytest.raises(images.PictureError, match="32-bit grey .* has no agreed range"):
        images.decode(encode(values, "TIFF"))


def test_the_first_frame_of_an_animation_counts():
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
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


def test_sixteen_bit_grey_is_rotated_too():
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
    with pytest.raises(images.PictureError, match="^picture: (damaged or truncated|none of)"):
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
        (b"\0\0\0\x1cftypheic" + bytes(99), "none of JPEG, PNG, .*it starts with .*ftypheic.*convert it"),
        (b"just some text", "none of JPEG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "none of JPEG"),
        (encode(Image.new("RGB", (8, 8)), "PPM"), "none of JPEG"),
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
        with pytest.raises(images.PictureError, match=r"^picture: (\d+ x \d+ pixels, wanted at most|Image size \()"):
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
    with pytest.raises(images.PictureError, match="giant.jpg: 400,000,001 bytes, wanted at most 400,000,000"):
        images.read(tmp_path / "giant.jpg")


# The door


def test_check_lets_good_pictures_through():
    images.check(noise(112, 112, 3))
    images.check(jnp.asarray(noise(2, 5, 7, 3)), rank=4)
    images.check(noise(2, 112, 112, 3), size=112, rank=4)
    images.check(noise(4, 4, 3).astype(jnp.bfloat16), floating=True)
    jax.eval_shape(images.check, noise(2, 4, 4, 3))


U8 = np.zeros((2, 8, 8, 3), np.uint8)


@pytest.mark.parametrize(
    ("value", "options", "kind", "message"),
    [
        ([U8, U8], {}, TypeError, r"saw list, wanted uint8 RGB \[..., H, W, 3\]: numpy.stack"),
        ("face.jpg", {}, TypeError, "saw str"),
        (U8 + np.float32(0.5), {}, TypeError, r"saw float32 from 0.5 to 0.5, .*looks like 0..1: first x = 255 \* x"),
        (U8 - np.float32(0.5), {}, TypeError, r"from -0.5 to -0.5, .*looks like -1..1: first x = 127.5 \* x \+ 127.5"),
        (U8 + np.float32(300), {}, TypeError, "from 300 to 300, .*pixels run from 0 to 255"),
        (U8 * np.float32("nan"), {}, TypeError, "from nan to nan, .*pixels run from 0 to 255"),
        (U8 + np.float32(7), {}, TypeError, r"from 7 to 7, wanted uint8 RGB.*: numpy.rint\(x\).astype"),
        (U8.astype(int), {}, TypeError, "saw int64, wanted uint8"),
        (U8.astype(int), {"floating": True}, TypeError, "saw int64, wanted uint8 or floating RGB"),
        (U8.transpose(0, 3, 1, 2), {}, ValueError, r"saw shape \[2, 3, 8, 8\].*channels come last"),
        (U8[0].transpose(2, 0, 1), {}, ValueError, r"saw shape \[3, 8, 8\].*channels come last"),
        (U8[0], {"rank": 4}, ValueError, r"saw shape \[8, 8, 3\], wanted uint8 RGB \[N, H, W, 3\]: images\[None\]"),
        (U8[0, ..., 0], {}, ValueError, r"saw shape \[8, 8\].*grey needs three"),
        (U8[..., :1], {}, ValueError, r"saw shape \[2, 8, 8, 1\].*repeats grey"),
        (np.concatenate([U8, U8], -1)[..., :4], {}, ValueError, r"shape \[2, 8, 8, 4\].*drops the alpha"),
        (U8[..., 0], {}, ValueError, "last axis holds red, green and blue"),
        (U8, {"size": 112}, ValueError, r"\[..., 112, 112, 3\]: images.resize\(images, 112\) .* images.align"),
        (U8[:, :4], {"size": 8}, ValueError, r"saw shape \[2, 4, 8, 3\]"),
        (U8[:, :0], {}, ValueError, "without pixels"),
    ],
)
def test_check_says_what_it_saw_what_it_wanted_and_what_to_do(value, options, kind, message):
    with pytest.raises(kind, match=message):
        images.check(value, **options)


def test_check_refuses_traced_floats_without_looking_at_them():
    with pytest.raises(TypeError, match="saw float32, wanted uint8"):
        jax.jit(images.check)(U8.astype(np.float32))


# Normalise, flip


def test_normalise_by_hand_and_under_jit_and_vmap():
    picture = np.array([[[0, 127, 128], [51, 204, 255]]], np.uint8)
    expected = [[[-1, -0.5 / 127.5, 0.5 / 127.5], [-0.6, 0.6, 1]]]
    for function in (images.normalise, jax.jit(images.normalise)):
        np.testing.assert_allclose(function(picture), expected, rtol=1e-6)
        assert function(picture).dtype == jnp.float32
    np.testing.assert_allclose(jax.vmap(images.normalise)(picture[None])[0], expected, rtol=1e-6)
    np.testing.assert_allclose(images.normalise(picture.astype(np.float64)), expected, rtol=1e-6)
    assert images.normalise(picture.astype(jnp.bfloat16)).dtype == jnp.float32
    with jax.enable_x64(True):
        np.testing.assert_allclose(images.normalise(picture, dtype=jnp.float64), expected, rtol=1e-15)


def test_normalise_passes_gradients_to_floating_pixels():
    picture = jnp.full((2, 2, 3), 0.5)  # under grad and jit the numbers cannot be looked at
    gradient = jax.grad(lambda x: images.normalise(x).sum())(picture)
    np.testing.assert_allclose(gradient, np.full((2, 2, 3), 1 / 127.5), rtol=1e-6)


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [
        (0, 1, "float32 from 0 to 1, wanted uint8, or floating from 0 to 255, but it looks like 0..1: first"),
        (-1, 1, "it looks like -1..1"),
        (-2.1, 2.6, "from -2.1 to 2.6, .*pixels run from 0 to 255"),
        (0, 65535, "pixels run from 0 to 255"),
        (0, np.inf, "pixels run from 0 to 255"),
    ],
)
def test_normalise_refuses_floating_pictures_off_the_scale(low, high, message):
    picture = np.full((2, 2, 3), high, np.float32)
    picture[0] = low
    with pytest.raises(ValueError, match=message):
        images.normalise(picture)


def test_normalise_accepts_black_and_the_overshoot_of_resizing():
    np.testing.assert_array_equal(images.normalise(np.zeros((2, 2, 3), np.float32)), -np.ones((2, 2, 3)))
    images.normalise(np.array([[[-0.01, 255.01, 128]]], np.float32))


def test_normalise_refuses_whole_numbers_of_other_kinds():
    with pytest.raises(TypeError, match="saw int32"):
        images.normalise(np.ones((2, 2, 3), np.int32))


def test_flip_exchanges_left_and_right_only():
    picture = noise(2, 3, 4, 3)
    np.testing.assert_array_equal(images.flip(picture)[:, :, 0], picture[:, :, 3])
    np.testing.assert_array_equal(images.flip(images.flip(picture)), picture)


# Resize


@pytest.mark.parametrize(
    ("shape", "size"),
    [((224, 224), 112), ((160, 160), 112), ((300, 300), 7), ((50, 40), 112), ((31, 57), (64, 20)), ((9, 9), 9)],
)
def test_resize_is_pillow_bilinear_within_one_grey_level(shape, size):
    picture = noise(*shape, 3)
    height, width = (size, size) if isinstance(size, int) else size
    expected = np.array(Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR))
    out = jax.jit(images.resize, static_argnames="size")(picture, size=size)
    assert (out.dtype, out.shape) == (jnp.uint8, (height, width, 3))
    assert levels(out, expected) <= 1


def test_resize_keeps_leading_axes_and_floating_dtypes_and_has_a_gradient():
    batch = noise(2, 3, 16, 16, 3)
    out = images.resize(batch, 8)
    np.testing.assert_array_equal(out[1, 2], images.resize(batch[1, 2], 8))
    assert images.resize(batch.astype(jnp.bfloat16), 8).dtype == jnp.bfloat16
    gradient = jax.jit(jax.grad(lambda x: images.resize(x, 8).sum()))(jnp.ones((16, 16, 3)))
    np.testing.assert_allclose(gradient.sum(), 8 * 8 * 3, rtol=1e-6)
    assert (gradient > 0).all()


# Templates


def test_named_templates_are_multiplied_and_own_points_are_taken_as_they_are():
    np.testing.assert_allclose(images.template_points("arcface", 224)[0, 0], [76.5892, 103.3926])
    np.testing.assert_allclose(images.template_points("simswap_ffhq", 256)[0, 2], [128.31708, 157.009675])
    assert images.template_points("simswap", 112).shape == (5, 5, 2)
    np.testing.assert_array_equal(images.template_points(ARCFACE.tolist(), 224), ARCFACE[None])


def test_simswap_profiles_are_mirror_images_about_the_middle_of_112():
    _, left, left_profile, right, right_profile = images.TEMPLATES["simswap"].points
    mirrored = [1, 0, 2, 4, 3]
    for one, other in ((left, right), (left_profile, right_profile)):
        np.testing.assert_allclose(other[mirrored] * [-1, 1] + [112.413, 0], one, atol=2e-3)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("arcfase", "saw template 'arcfase', wanted arcface, simswap, simswap_ffhq or .*; did you mean 'arcface'"),
        ("celeba_hq", "saw template 'celeba_hq'"),
        (np.zeros((4, 2)), r"saw a template of shape \[4, 2\], wanted finite points \[5, 2\]"),
        (np.full((5, 2), np.nan), "finite"),
    ],
)
def test_templates_nobody_knows_are_refused(template, message):
    with pytest.raises(ValueError, match=message):
        images.template_points(template, 112)


# Align


def test_a_quarter_turn_by_hand():
    # (x, y) -> (-y, x) doubled, then shifted by (10, 20)
    source = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [3.0, 2.0], [2.0, 5.0]])
    destination = 2 * np.stack([-source[:, 1], source[:, 0]], -1) + [10, 20]
    np.testing.assert_allclose(
        images.similarity_transform(source, destination), [[0, -2, 10], [2, 0, 20]], atol=1e-5
    )


def test_the_transform_is_that_of_scikit_image_and_never_a_reflection():
    random = np.random.default_rng(0)
    sources = random.normal(size=(20, 5, 2)) * 30
    sources[0] = ARCFACE * [-1, 1]  # its best fit would be a reflection
    out = np.asarray(images.similarity_transform(sources, ARCFACE))
    assert out.shape == (20, 2, 3)
    for source, matrix in zip(sources, out, strict=True):
        expected = skimage.transform.SimilarityTransform.from_estimate(source, ARCFACE).params[:2]
        np.testing.assert_allclose(matrix, expected, rtol=1e-4, atol=1e-3)
        assert np.linalg.det(matrix[:, :2]) > 0


def test_points_of_unlike_shape_are_refused():
    with pytest.raises(ValueError, match=r"saw points \[4, 2\] and \[5, 2\], wanted \[..., K, 2\]"):
        images.similarity_transform(ARCFACE[:4], ARCFACE)


@pytest.mark.parametrize("landmarks", [pose(), pose(-1.2, 1.7, (20.0, 160.0)), pose(0.1, 0.6, (-15.0, 130.0))])
def test_align_is_the_warp_of_scikit_image_with_black_outside(landmarks):
    picture = noise(180, 200, 3)
    fit = skimage.transform.SimilarityTransform.from_estimate(landmarks, ARCFACE)
    expected = skimage.transform.warp(
        picture.astype(float), fit.inverse, output_shape=(112, 112), order=1, mode="constant", cval=0
    )
    out = jax.jit(images.align)(picture, landmarks)
    assert out.dtype == jnp.uint8
    assert levels(out, np.rint(expected)) <= 1
    np.testing.assert_allclose(images.align(picture.astype(np.float32), landmarks), expected, atol=0.05)


def test_landmarks_on_the_template_leave_the_picture_as_it_is():
    picture = noise(112, 112, 3)
    assert levels(images.align(picture, ARCFACE), picture) == 0
    own = ARCFACE + [3, 2]
    np.testing.assert_array_equal(images.align(picture, ARCFACE, template=own)[2:, 3:], picture[:-2, :-3])
    np.testing.assert_array_equal(images.align(picture, ARCFACE, template=own)[:2], np.zeros((2, 112, 3)))


@pytest.mark.parametrize("index", range(5))
def test_the_pose_that_fits_best_is_taken(index):
    points = images.TEMPLATES["simswap"].points[index]
    landmarks = pose(0.2, 0.7, (70.0, 60.0), points)
    out = np.asarray(images.align(where_am_i(200, 220), landmarks, template="simswap"))
    np.testing.assert_allclose(out[..., 2], 1, rtol=1e-6)
    # Every crop pixel must have come from where the true transform puts it.
    grid = np.stack(np.meshgrid(np.arange(112.0), np.arange(112.0)), -1).reshape(-1, 2)
    np.testing.assert_allclose(out[..., :2].reshape(-1, 2), pose(0.2, 0.7, (70.0, 60.0), grid), atol=1e-3)


def test_leading_axes_broadcast_and_vmap_agrees():
    pictures, landmarks = noise(2, 3, 60, 70, 3), np.stack([pose(a, 0.4, (20.0, 10.0)) for a in (0.0, 0.4, -0.3)])
    out = images.align(pictures, landmarks, size=56)
    assert out.shape == (2, 3, 56, 56, 3)
    np.testing.assert_array_equal(out[1, 2], images.align(pictures[1, 2], landmarks[2], size=56))
    np.testing.assert_array_equal(images.align(pictures[0, 0], landmarks, size=56)[0], out[0, 0])
    mapped = jax.vmap(functools.partial(images.align, size=56))(pictures[0], landmarks)
    np.testing.assert_array_equal(mapped, out[0])


def test_align_has_finite_and_right_gradients():
    picture, landmarks = where_am_i(160, 160), jnp.asarray(pose(0.2, 0.8, (30.0, 25.0)), jnp.float32)
    random = jax.random.normal(jax.random.key(1), (112, 112, 3)) / 100

    def loss(picture, landmarks):
        return (random * images.align(picture, landmarks)).sum()

    for_picture, for_landmarks = jax.jit(jax.grad(loss, argnums=(0, 1)))(picture, landmarks)
    assert jnp.isfinite(for_picture).all()
    assert jnp.abs(for_picture).sum() > 0
    with jax.enable_x64(True):  # the picture is linear, so differences are exact but for rounding
        random = jnp.asarray(random, jnp.float64)
        points, step = np.asarray(landmarks, np.float64), 1e-4
        value = jax.jit(functools.partial(loss, jnp.asarray(picture, jnp.float64)))
        for place in np.ndindex(5, 2):
            move = np.zeros((5, 2))
            move[place] = step
            slope = (value(points + move) - value(points - move)) / (2 * step)
            np.testing.assert_allclose(for_landmarks[place], slope, rtol=1e-3, atol=1e-3)


def test_gradients_are_finite_where_landmarks_lie_on_the_template_and_poses_compete():
    gradient = jax.jit(jax.grad(lambda points: images.align(where_am_i(112, 112), points, template="simswap").sum()))
    assert jnp.isfinite(gradient(jnp.asarray(images.TEMPLATES["simswap"].points[0], jnp.float32))).all()


def test_half_precision_pictures_are_sampled_at_exact_places():
    picture = noise(150, 150, 3)
    out = images.align(picture.astype(jnp.float16), pose(0.1, 1.0, (20.0, 20.0)))
    assert out.dtype == jnp.float16
    assert levels(np.rint(np.asarray(out, np.float32)), images.align(picture, pose(0.1, 1.0, (20.0, 20.0)))) <= 1


@pytest.mark.parametrize("angle", [0.0, 1.5, 3.1, -2.0])
def test_faces_may_be_turned_any_way_and_profiles_may_cross_their_eyes(angle):
    crossed = images.TEMPLATES["simswap"].points[2].copy()
    crossed[[0, 1], 0] = crossed[[1, 0], 0]
    for points in (ARCFACE, crossed):
        images.align(noise(300, 300, 3), pose(angle, 0.8, (150.0, 150.0), points))


@pytest.mark.parametrize(
    ("landmarks", "message"),
    [
        (ARCFACE[:4], r"saw landmarks of shape \[4, 2\], wanted \[..., 5, 2\]"),
        (ARCFACE.reshape(10), "saw landmarks of shape"),
        (np.full((5, 2), np.nan), "NaN or infinity"),
        (np.where(np.arange(10).reshape(5, 2) == 3, np.inf, ARCFACE), "NaN or infinity"),
        (np.full((5, 2), 50.0), "all five within one pixel"),
        (ARCFACE / 112, "fractions of the picture"),
        (ARCFACE * 4, "far outside a picture 112 wide and 112 high"),
        (ARCFACE - 200, "far outside"),
        (ARCFACE[[1, 0, 2, 4, 3]], "left and right exchanged"),
        (ARCFACE[[1, 0, 2, 3, 4]], "left and right exchanged"),
        (ARCFACE[:, ::-1], "left and right exchanged"),  # (y, x) instead of (x, y)
        (ARCFACE[[3, 4, 2, 0, 1]], "left and right exchanged"),  # mouth before eyes
        (np.stack([ARCFACE, ARCFACE / 112]), "fractions of the picture"),
    ],
)
def test_landmarks_that_cannot_be_right_are_refused_by_align_and_fit(landmarks, message):
    picture = noise(112, 112, 3)
    with pytest.raises(images.PictureError, match=message):
        images.align(picture, landmarks)
    if landmarks.ndim < 3:
        with pytest.raises(images.PictureError, match=message):
            images.fit(picture, crop="arcface", landmarks=landmarks)


# The fixed crop of CelebA-HQ


def hq_landmarks(template, side, size=112) -> np.ndarray:
    """Landmarks of a picture that obeys the rule exactly: the square is the picture."""
    points = images.template_points(template, size)[0]
    eyes, mouth = points[:2].mean(0), points[3:].mean(0)
    half = max(2 * np.linalg.norm(points[1] - points[0]), 1.8 * np.linalg.norm(mouth - eyes))
    return (points - (eyes + 0.1 * (mouth - eyes))) * side / (2 * half) + (side - 1) / 2


def blobs(points, side) -> np.ndarray:
    """Five pictures, each with one bright spot."""
    y, x = np.mgrid[:side, :side]
    spots = [255 * np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * (side / 80) ** 2)) for px, py in points]
    return np.repeat(np.rint(spots).astype(np.uint8)[..., None], 3, axis=-1)


def centroid(picture) -> np.ndarray:
    weight = np.asarray(picture, float)[..., 0]
    y, x = np.mgrid[: weight.shape[0], : weight.shape[1]]
    return np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()


@pytest.mark.parametrize(
    ("template", "size", "side"),
    [("arcface", 112, 160), ("arcface", 112, 512), ("arcface", 224, 160), ("simswap", 112, 160)],
)
def test_a_picture_that_obeys_the_rule_lands_on_the_template(template, size, side):
    pictures = blobs(hq_landmarks(template, side, size), side)
    wanted = images.template_points(template, size)[0]
    cropped = jax.jit(functools.partial(images.crop_celeba_hq, template=template, size=size))(pictures)
    for picture, crop, point in zip(pictures, cropped, wanted, strict=True):
        np.testing.assert_allclose(centroid(crop), point, atol=0.1)
        fitted = images.fit(picture, crop="celeba_hq", template=template, size=size)
        np.testing.assert_allclose(centroid(fitted), point, atol=0.1)


def test_the_box_by_hand():
    # Eyes 32 apart and level at (40, 50) and (72, 50), mouth 30 below: half side max(64, 54) = 64, centre (56, 53).
    # The square runs from (-8, -11) over 128, the crop of 112 from -0.5 to 111.5.
    points = [(40, 50), (72, 50), (56, 65), (44, 80), (68, 80)]
    box = images.celeba_hq_box(template=points, size=112)
    np.testing.assert_allclose(box, [7.5 / 128, 10.5 / 128, 119.5 / 128, 122.5 / 128])
    # The mouth 40 below: half side 72, centre (56, 54), square from (-16, -18) over 144.
    points = [(40, 50), (72, 50), (56, 65), (44, 90), (68, 90)]
    box = images.celeba_hq_box(template=points, size=112)
    np.testing.assert_allclose(box, [15.5 / 144, 17.5 / 144, 127.5 / 144, 129.5 / 144])


@pytest.mark.parametrize("template", images.TEMPLATES)
@pytest.mark.parametrize("side", [80, 300])
def test_host_and_jax_cut_the_same_crop(template, side):
    picture = noise(side, side, 3)
    out = jax.jit(images.crop_celeba_hq, static_argnames=("template", "size"))(picture, template=template, size=112)
    assert levels(out, images.fit(picture, crop="celeba_hq", template=template)) <= 1


def test_a_crop_wider_than_the_picture_is_black_at_the_rim():
    # simswap_ffhq reaches past the picture on every side, by at least one pixel in 512 at the top.
    crop = jax.jit(functools.partial(images.crop_celeba_hq, template="simswap_ffhq", size=512))
    out = np.asarray(crop(np.full((512, 512, 3), 255, np.uint8)))
    assert out[0].max() < 255
    assert out[:, 0].max() < 128
    assert out[10:-10, 10:-10].min() == 255


def test_the_fixed_crop_keeps_leading_axes_floats_and_gradients_and_wants_squares():
    batch = noise(2, 2, 64, 64, 3)
    crop = functools.partial(images.crop_celeba_hq, size=32)
    out = jax.jit(crop)(batch)
    np.testing.assert_array_equal(out[1, 0], jax.jit(crop)(batch[1, 0]))
    np.testing.assert_array_equal(jax.jit(jax.vmap(crop))(batch), out)
    gradient = jax.grad(lambda x: crop(x).sum())
    assert jnp.isfinite(jax.jit(gradient)(batch.astype(np.float32))).all()
    with pytest.raises(ValueError, match="saw 8 x 9 pixels, wanted a square"):
        images.crop_celeba_hq(noise(9, 8, 3))


# The host's cropper


@pytest.mark.parametrize("template", ["arcface", "simswap", ARCFACE + 3])
@pytest.mark.parametrize("landmarks", [pose(), pose(2.5, 1.3, (150.0, 150.0)), pose(0.0, 0.7, (-20.0, 140.0))])
def test_fit_is_align_within_one_grey_level_even_across_the_border(template, landmarks):
    picture = noise(180, 200, 3)
    out = images.fit(picture, crop=template, landmarks=landmarks)
    assert levels(out, images.align(picture, landmarks, template=template)) <= 1


def test_fit_with_landmarks_and_celeba_hq_aligns_to_the_template():
    picture, landmarks = noise(200, 180, 3), pose()
    for template in ("arcface", "simswap"):
        out = images.fit(picture, crop="celeba_hq", template=template, landmarks=landmarks, size=96)
        np.testing.assert_array_equal(out, images.fit(picture, crop=template, landmarks=landmarks, size=96))


def test_fit_resizes_what_is_in_the_crop_already():
    picture = noise(224, 224, 3)
    expected = np.array(Image.fromarray(picture).resize((112, 112), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(images.fit(picture, crop="simswap"), expected)
    np.testing.assert_array_equal(images.fit(expected, crop=ARCFACE), expected)


def test_fit_refuses_what_it_cannot_place():
    for crop in ("arcface", "celeba_hq"):
        with pytest.raises(images.PictureError, match="90 x 80 pixels, wanted a square: give landmarks"):
            images.fit(noise(80, 90, 3), crop=crop)
    with pytest.raises(ValueError, match="wanted a template with crop 'celeba_hq' only"):
        images.fit(noise(80, 80, 3), crop="arcface", template="simswap")
    with pytest.raises(ValueError, match="did you mean 'simswap'"):
        images.fit(noise(80, 80, 3), crop="simswp")
    with pytest.raises(ValueError, match="cannot reshape array of size 20"):
        images.fit(noise(112, 112, 3), crop="arcface", landmarks=np.stack([ARCFACE, ARCFACE]))
    with pytest.raises(ValueError, match=r"saw shape \[1, 8, 8, 3\], wanted uint8 RGB \[H, W, 3\]"):
        images.fit(noise(1, 8, 8, 3), crop="arcface")


def test_reading_and_fitting_never_start_a_device(tmp_path):
    """Data workers do both; a worker that took hold of the accelerator would starve the trainer."""
    (tmp_path / "face.png").write_bytes(encode(noise(64, 64, 3)))
    program = (
        "import sys; from perface_jax import images; picture = images.read(sys.argv[1]);"
        "images.fit(picture, crop='celeba_hq'); images.fit(picture, crop='arcface');"
        "images.fit(picture, crop='simswap', landmarks=images.TEMPLATES['arcface'].points[0] / 2)"
    )
    environment = os.environ | {"JAX_PLATFORMS": "no_such_device"}
    subprocess.run([sys.executable, "-c", program, tmp_path / "face.png"], check=True, cwd=ROOT, env=environment)


# Realistic faces, where the folder is at hand


def test_realistic_faces_are_aligned_as_by_an_independent_program(facepack):
    faces = np.load(facepack / "faces.npz")["images"]
    expected = np.load(facepack / "aligned112.npz")
    rows = list(csv.DictReader((facepack / "landmarks.csv").read_text().splitlines()))
    points = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
    names = [f"{point}_{axis}" for point in points for axis in "xy"]
    landmarks = np.array([[float(row[name]) for name in names] for row in rows]).reshape(-1, 5, 2)

    np.testing.assert_allclose(images.similarity_transform(landmarks, ARCFACE), expected["matrix"], atol=1e-3)
    aligned = np.asarray(jax.jit(images.align)(faces, landmarks))
    assert levels(aligned, expected["images"]) <= 1
    mean = aligned.mean(0)
    assert levels(np.rint(mean), np.array(Image.open(facepack / "mean_aligned.png"))) <= 1

    def sharpness(pictures):
        return np.abs(np.diff(pictures.mean(0).mean(-1)[30:100, 20:92], axis=0)).mean()

    # Against faces aligned with landmarks that are wrong by some 5 pixels.
    wrong = landmarks + np.random.default_rng(0).normal(size=(len(landmarks), 1, 2)) * 5
    assert sharpness(aligned) > 1.2 * sharpness(np.asarray(jax.jit(images.align)(faces, wrong)))
