"""PNG files without texts and color profiles: no pixel depends on these, and Pillow refuses large ones."""

import struct

SIGNATURE = b"\x89PNG\r\n\x1a\n"
DROPPED = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")
ROTATION = (b"XML:com.adobe.xmp\0", b"Raw profile type exif\0", b"Raw profile type APP1\0")
"""How the texts begin that may hold the EXIF rotation."""
LARGEST = 65_536
"""Bytes of the largest text that is kept for its rotation."""


def without_texts(data: bytes) -> bytes:
    """The file without these chunks; those that may hold the rotation stay. A damaged file keeps its damage."""
    kept, start, place = [], 0, len(SIGNATURE)
    while place + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        after = place + 12 + length
        if kind in DROPPED and not (length <= LARGEST and data.startswith(ROTATION, place + 8)):
            kept.append(data[start:place])
            start = after
        place = after
    return b"".join([*kept, data[start:]]) if kept else data
