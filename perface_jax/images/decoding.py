"""From the bytes of a file to an array, with Pillow; everything wrong with a file becomes a `PictureError`."""

import io
import os
import pathlib

import numpy as np
from etils import epath
from jaxtyping import UInt8
from PIL import ExifTags, Image

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
"""The formats that are read, as Pillow names them."""
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")
"""How the files of these formats end, in lower case."""
MAX_PIXELS = 50_000_000
"""Larger pictures are refused."""
MAX_BYTES = 8 * MAX_PIXELS
"""Larger files are refused: four channels of 16 bits, uncompressed."""
# ImageOps.exif_transpose writes the EXIF block anew and fails where that has an odd entry.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
"""EXIF orientations 2 to 8, and how Pillow turns a picture that has one."""


class PictureError(ValueError):
    """A picture that cannot be used, and why. Batch work lists these and continues."""


def read(path: epath.PathLike) -> UInt8[np.ndarray, "h w 3"]:
    """The picture in the file `path`, RGB. Rules and errors as in `decode`."""
    path = epath.Path(path)
    try:
        with path.open("rb") as file:
            if (size := file.seek(0, os.SEEK_END)) > MAX_BYTES:
                raise PictureError(f"{path}: {size:,} bytes, wanted at most {MAX_BYTES:,}")
            file.seek(0)
            data = file.read()
    except IsADirectoryError:
        raise PictureError(f"{path}: this is a folder, wanted one picture file") from None
    return decode(data, name=str(path))


def stem(name: str) -> str:
    """The name of a picture: its file name without folder and picture suffix; other dots stay."""
    path = pathlib.PurePosixPath(name)
    return path.stem if path.suffix.lower() in SUFFIXES else path.name


def decode(data: bytes | bytearray | memoryview, *, name: str = "picture") -> UInt8[np.ndarray, "h w 3"]:
    """The picture in an encoded file's bytes, RGB.

    The EXIF rotation is applied. Gray is repeated, palettes are expanded, CMYK is converted by Pillow without a color
    profile. Transparency is blended over black. 16-bit gray v becomes v / 257 rounded; of 16-bit colors Pillow keeps
    the high byte. The first frame of an animation is used. 32-bit gray has no agreed range and is refused. Errors start
    with `name`.

    Raises:
      TypeError: not bytes.
      PictureError: a file in none of FORMATS, damaged, truncated, or with more than MAX_PIXELS (checked in the header).
    """
    if not isinstance(data, bytes | bytearray | memoryview):
        raise TypeError(f"saw {type(data).__name__}, wanted the bytes of a picture file; images.read takes a path")
    try:
        with _open(bytes(data)) as picture:
            width, height = picture.size
            if not 0 < width * height <= MAX_PIXELS:
                raise PictureError(f"{width} x {height} pixels, wanted at most {MAX_PIXELS:,} in all: make it smaller")
            return _pixels(picture)
    except (PictureError, Image.DecompressionBombError) as error:
        raise PictureError(f"{name}: {error}") from None
    except Exception as error:  # a damaged file makes Pillow raise any of a dozen types
        raise PictureError(f"{name}: damaged or truncated, fetch it again ({type(error).__name__}: {error})") from error


def _open(data: bytes) -> Image.Image:
    """The picture with its header read and nothing decoded."""
    start = data[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not data:
        raise PictureError("an empty file (0 bytes)")
    if start.startswith(b"version https://git-lfs"):
        raise PictureError("a Git LFS pointer in place of the picture: run `git lfs pull`")
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        raise PictureError("a web page saved as a picture: download the picture itself")
    Image.init()
    for factory, accepts in (Image.OPEN[name] for name in FORMATS):
        if accepts is not None and accepts(data[:16]) is True:
            # Image.open would add its own check of the size, which warns; silencing a warning is not safe in threads.
            return factory(io.BytesIO(data), "")
    raise PictureError(f"none of {', '.join(FORMATS)}, it starts with {data[:12]!r}: convert it to one of them")


def _pixels(picture: Image.Image) -> np.ndarray:
    picture.load()
    try:
        # After loading, because Pillow turns TIFF pictures itself and then drops the tag.
        orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # garbled EXIF: viewers show the picture as it is stored
        orientation = 1
    if orientation in TURNS:
        picture = picture.transpose(TURNS[orientation])
    if picture.mode.startswith("I;16"):
        gray = (np.asarray(picture).astype(np.uint32) + 128) // 257
        return np.repeat(gray.astype(np.uint8)[..., None], 3, axis=-1)
    if picture.mode in ("I", "F"):
        raise PictureError(f"32-bit gray (Pillow's mode {picture.mode}) has no agreed range: save it as 8 or 16 bits")
    if picture.has_transparency_data:
        return np.array(picture.convert("RGBA").convert("RGBa"))[..., :3].copy()  # times alpha: over black
    return np.array(picture.convert("RGB"))
