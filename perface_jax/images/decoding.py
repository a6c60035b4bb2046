"""From the bytes of a file to an array, with Pillow; everything wrong with a file becomes a `PictureError`."""

import io
import os

import numpy as np
from etils import epath
from jaxtyping import UInt8
from PIL import ExifTags, Image, JpegImagePlugin

from perface_jax.images import png
from perface_jax.images.formats import FORMATS, HEAD, format_of, not_read

MAX_PIXELS = 50_000_000
"""Larger pictures are refused."""
MAX_BYTES = 8 * MAX_PIXELS
"""Larger files are refused: four channels of 16 bits, uncompressed."""
DNG_VERSION, SUBFILE_TYPE = 50706, 254  # TIFF tags
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
    """The picture in the file `path`, RGB. Rules and errors as in `decode`; an OSError where it cannot be opened."""
    return read_as(path, str(path))


def read_as(path: epath.PathLike, name: str) -> UInt8[np.ndarray, "h w 3"]:
    """As `read`, with errors that start with `name`, such as the path in a folder."""
    path = epath.Path(os.path.expanduser(path))
    try:
        with path.open("rb") as file:
            if (size := file.seek(0, os.SEEK_END)) > MAX_BYTES:
                raise PictureError(f"{name}: too large ({size:,} bytes): make it smaller, wanted at most {MAX_BYTES:,}")
            file.seek(0)
            data = file.read()
    except IsADirectoryError:
        raise PictureError(f"{name}: this is a folder, wanted one picture file") from None
    return decode(data, name=name)


def decode(data: bytes | bytearray | memoryview, *, name: str = "picture") -> UInt8[np.ndarray, "h w 3"]:
    """The picture in an encoded file's bytes, RGB.

    The EXIF rotation is applied. Gray is repeated, palettes are expanded, CMYK is converted by Pillow without a color
    profile. Transparency is blended over black. 16-bit gray v becomes v / 257 rounded; of 16-bit colors Pillow keeps
    the high byte. The first frame of an animation is used. 32-bit gray has no agreed range and is refused. Texts and
    color profiles are not looked at. A raw photograph of a camera is refused, because it starts with a thumbnail.
    Errors start with `name`.

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
                limit = f"wanted at most {MAX_PIXELS:,} pixels"
                raise PictureError(f"too large ({width} x {height} pixels): make it smaller, {limit}")
            return _pixels(picture)
    except (PictureError, Image.DecompressionBombError) as error:
        raise PictureError(f"{name}: {error}") from None
    except Exception as error:  # a damaged file makes Pillow raise any of a dozen types
        raise PictureError(f"{name}: damaged or truncated: fetch it again ({type(error).__name__}: {error})") from error


def _open(data: bytes) -> Image.Image:
    """The picture with its header read and nothing decoded."""
    start = data[:HEAD].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not data:
        raise PictureError("an empty file (0 bytes)")
    if start.startswith(b"version https://git-lfs"):
        raise PictureError("a Git LFS pointer in place of the picture: run `git lfs pull`")
    found = format_of(data[:HEAD])
    if found is None and b"<svg" in start:
        raise PictureError("an SVG drawing: save it as PNG")
    if found is None and start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        raise PictureError("a web page saved as a picture: download the picture itself")
    if found is None:
        raise PictureError(f"no picture (it starts with {data[:12]!r}): wanted one of {', '.join(FORMATS)}")
    if found not in FORMATS:
        raise PictureError(not_read(found))
    return _factory(found)(io.BytesIO(png.without_texts(data) if found == "PNG" else data), "")


def _factory(name: str):
    """What opens a format. Image.open would check the size and warn; silencing a warning is not safe in threads."""
    Image.init()
    if name == "JPEG":  # not Pillow's choice, which looks for further pictures behind the first
        return JpegImagePlugin.JpegImageFile
    if name not in Image.OPEN or name == "AVIF" and name not in Image.SAVE:  # it is registered without its decoder, too
        raise PictureError(f"{name}, which this Pillow does not read: update Pillow, or save it as JPEG or PNG")
    return Image.OPEN[name][0]


def _pixels(picture: Image.Image) -> np.ndarray:
    _refuse_thumbnail(picture)
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
    if picture.mode == "LAB":
        raise PictureError("CIELAB colors, which are not read: save it as RGB")
    if picture.has_transparency_data:
        return np.array(picture.convert("RGBA").convert("RGBa"))[..., :3].copy()  # times alpha: over black
    return np.array(picture.convert("RGB"))


def _refuse_thumbnail(picture: Image.Image) -> None:
    """PictureError for a TIFF whose first picture says it is a reduced one, as in the raw files of most cameras."""
    tags = getattr(picture, "tag_v2", {})
    if picture.format == "TIFF" and (DNG_VERSION in tags or tags.get(SUBFILE_TYPE, 0) & 1):
        raise PictureError(not_read("raw photograph"))
