"""Which files are pictures, by their names and by their first bytes, and which of them are read."""

import os
import re

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF")
"""The formats that are read, as Pillow names them; AVIF needs Pillow 11.3 or newer."""
SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".pjpeg", ".pjp", ".mpo", ".png", ".apng", ".webp", ".bmp", ".dib",
    ".tif", ".tiff", ".gif", ".avif",
)  # fmt: skip
"""How the files of these formats end, in lower case."""
RAW = (
    ".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".srf", ".sr2", ".srw", ".orf", ".rw2", ".rwl", ".raf",
    ".pef", ".raw", ".3fr", ".erf", ".kdc", ".dcr", ".mef", ".mrw", ".x3f", ".iiq",
)  # fmt: skip
"""How raw photographs of cameras end. Many are TIFF files whose first picture is a thumbnail."""
OTHER_SUFFIXES = (
    *RAW, ".heic", ".heif", ".hif", ".heics", ".avifs", ".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx", ".jpm", ".jxl",
    ".jxr", ".wdp", ".hdp", ".psd", ".psb", ".xcf", ".svg", ".svgz", ".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".pcx",
    ".ico", ".icns", ".exr", ".hdr", ".pfm", ".dds", ".sgi", ".qoi", ".eps", ".bpg", ".flif", ".djvu", ".wbmp", ".emf",
    ".wmf", ".fits", ".dcm",
)  # fmt: skip
"""How other pictures end; they are read only where the suffix lies."""
READ_MAGIC = (
    ("JPEG", rb"\xff\xd8\xff"), ("PNG", rb"\x89PNG\r\n\x1a\n"), ("WEBP", rb"RIFF....WEBP"), ("GIF", rb"GIF8[79]a"),
    ("BMP", rb"BM"), ("TIFF", rb"(II|MM)(\*\0|\0\*|\+\0|\0\+)"),
)  # fmt: skip
OTHER_MAGIC = (
    ("raw photograph", rb"II\*\0....CR|II\x1a\0\0\0HEAP|IIR[OS]|MMOR|IIU\0|FUJIFILM|FOVb|\0MRM|....ftypcrx "),
    ("JPEG 2000", rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51"), ("JPEG XL", rb"\0\0\0\x0cJXL |\xff\x0a"),
    ("JPEG XR", rb"II\xbc"), ("Photoshop", rb"8BPS"), ("GIMP", rb"gimp xcf"),
    ("SVG", rb"(?i:(\xef\xbb\xbf)?\s*((<\?xml|<!--|<!doctype svg).*)?<svg)"), ("PPM", rb"P[1-7]\s+[#\d]"),
    ("ICO", rb"\x00\x00\x01\x00"), ("OpenEXR", rb"v/1\x01"), ("DDS", rb"DDS "), ("PDF", rb"%PDF"),
)  # fmt: skip
HEAD = 256
"""Bytes from the start of a file that tell its format."""


def format_of(head: bytes) -> str | None:
    """The format of a file by its first HEAD bytes, one of FORMATS or another; None for no picture."""
    if head[4:8] == b"ftyp" and (coded := _coded(head)):
        return coded
    for name, magic in (*OTHER_MAGIC, *READ_MAGIC):  # a Canon raw file is a TIFF file, too
        if re.match(magic, head, re.DOTALL):
            return name
    return None


def _coded(head: bytes) -> str | None:
    """AVIF or HEIC, which share a container, by the brands it names."""
    brands = {head[place : place + 4] for place in range(8, min(int.from_bytes(head[:4], "big"), len(head)) - 3, 4)}
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    return "HEIC" if brands & {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"} else None


def not_read(name: str) -> str:
    """Why a picture of a format that is not in FORMATS cannot be used, and what to do."""
    return f"{name}, which is not read: save it as JPEG or PNG"


def suffix(name: str) -> str:
    """How a file name ends, in lower case, with its dot; empty without one."""
    return os.path.splitext(name)[1].lower()


def stem(name: str) -> str:
    """The name of a picture: its file name without folder and picture suffixes; other dots stay.

    `a.jpg.jpg` is `a`: the stem of a stem is the stem itself.
    """
    name = name.rpartition("/")[2]
    while suffix(name) in SUFFIXES or suffix(name) in OTHER_SUFFIXES:
        name = os.path.splitext(name)[0]
    return name
