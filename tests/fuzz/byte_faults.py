"""What becomes of any file on its way: in the browser, in version control, on a full disk, in the wrong hands."""

import bz2
import gzip
import io
import os
import pathlib
import pickle
import zipfile
from collections.abc import Callable

import numpy as np

PAGES = (
    "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Please log in</body></html>\n",
    "\n\n  <html lang=en><body>404 Not Found</body></html>",
    "\ufeff<!doctype HTML><title>Google Drive - Virus scan warning</title>",
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code></Error>',
    "<!-- saved from url=(0014)about:internet -->\n<html></html>",
)
ANSWERS = ('{"error": {"code": 404, "message": "not found"}}', "Not Found", "Access denied", "null", "[]", "\x00")
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{0:064x}\nsize {1}\n"
MAGICS = (
    b"%PDF-1.7\n%\xe2\xe3\xcf\xd3",
    b"Rar!\x1a\x07\x01\x00",
    b"7z\xbc\xaf\x27\x1c",
    b"\x89HDF\r\n\x1a\n",
    b"\x7fELF",
    b"SQLite format 3\x00",
    b"OggS",
    b"\x00\x00\x00\x18ftypmp42",
    b"ID3\x04",
    b"BZh9",
    b"\xca\xfe\xba\xbe",
    b"\xd0\xcf\x11\xe0",
)


def _zipped(name, data):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return file.getvalue()


def _overwritten(random, good, count, first, last):
    data = bytearray(good)
    for place in random.integers(first, max(last, first + 1), count):
        data[place % len(data)] ^= int(random.integers(1, 256))
    return bytes(data)


def _without(good, at, count, filled=b""):
    return good[:at] + filled * len(good[at : at + count]) + good[at + count :]


SURE: dict[str, Callable[[np.random.Generator, bytes], bytes]] = {  # no file of any format is this
    "an empty file": lambda random, good: b"",
    "a web page": lambda random, good: PAGES[random.integers(len(PAGES))].encode(),
    "a server's answer": lambda random, good: ANSWERS[random.integers(len(ANSWERS))].encode(),
    "a Git LFS pointer": lambda random, good: POINTER.format(int(random.integers(1 << 60)), len(good)).encode(),
    "NUL bytes": lambda random, good: bytes(len(good)),
    "0xff bytes": lambda random, good: b"\xff" * len(good),
    "noise": lambda random, good: b"\x01" + random.bytes(len(good)),
    "compressed with gzip": lambda random, good: gzip.compress(good),
    "compressed with bzip2": lambda random, good: bz2.compress(good),
    "a zip of the file": lambda random, good: _zipped("file", good),
    "a zip that grows": lambda random, good: _zipped("file", bytes(5_000_000)),
    "a pickle of a list": lambda random, good: pickle.dumps([1, "a"]),
    "another magic": lambda random, good: MAGICS[random.integers(len(MAGICS))] + good[16:],
    "the first byte missing": lambda random, good: good[1:],
    "bytes in front": lambda random, good: random.bytes(16).replace(b"\x00", b"\x01") + good,
    "UTF-16 of the bytes": lambda random, good: good.decode("latin-1").encode("utf-16"),
    "hexadecimal digits": lambda random, good: good.hex().encode(),
    "cut off": lambda random, good: good[: max(1, int(len(good) * random.uniform(0.02, 0.7)))],
    "one byte": lambda random, good: good[:1],
}
PERHAPS: dict[str, Callable[[np.random.Generator, bytes], bytes]] = {  # the file may be usable all the same
    "a byte changed": lambda random, good: _overwritten(random, good, 1, 0, len(good)),
    "bytes changed": lambda random, good: _overwritten(random, good, 20, 0, len(good)),
    "a byte of the start changed": lambda random, good: _overwritten(random, good, 1, 0, 64),
    "the end missing": lambda random, good: good[: -int(random.integers(1, max(2, len(good) // 20)))],
    "a byte missing": lambda random, good: _without(good, int(random.integers(len(good))), 1),
    "line ends of Windows": lambda random, good: good.replace(b"\n", b"\r\n"),
    "zeros behind": lambda random, good: good + bytes(1000),
    "a block missing": lambda random, good: _without(good, int(random.integers(len(good))), 512),
    "a block of zeros": lambda random, good: _without(good, int(random.integers(len(good))), 512, b"\0"),
}
PLACES = ("a folder in its place", "a link to nothing", "a link to itself", "no file")


def damage(random: np.random.Generator, path: pathlib.Path, good: bytes, *, perhaps: float = 0.2) -> tuple[str, bool]:
    """Writes a damaged file; returns the fault, and whether the file is certainly unusable."""
    if random.random() < 0.12:
        fault = PLACES[random.integers(len(PLACES))]
        _misplace(path, fault)
        return fault, True
    sure = bool(random.random() >= perhaps)
    faults = SURE if sure else PERHAPS
    fault = [*faults][random.integers(len(faults))]
    path.write_bytes(faults[fault](random, good))
    return fault, sure


def _misplace(path, fault):
    if fault == "a folder in its place":
        path.mkdir()
    elif fault == "a link to nothing":
        path.symlink_to(path.parent / "gone")
    elif fault == "a link to itself":
        os.symlink(path.name, path)
