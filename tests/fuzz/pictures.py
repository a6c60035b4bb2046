"""Damaged pictures, alone and in folders: `compare`, `rank`, `embed`, and the readers behind them."""

import pathlib
import struct
import warnings
import zlib

import numpy as np
from PIL import Image

from perface_jax import evaluation, images
from perface_jax.datasets import identities, portraits
from tests.fuzz import byte_faults
from tests.fuzz.case import Case, Expect
from tests.fuzz.world import SUFFIXES, World, encoded, pixels

NAMES = (
    "a",
    "A B",
    "a.b",
    "émile",
    "e\u0301mile",
    "顔",
    "🙂",
    "a'b",
    "a,b",
    "a=b",
    "~a",
    "-a",
    "$HOME",
    "a%20b",
    "\u202ea",
    "x" * 120,
)


def case(random: np.random.Generator, folder: pathlib.Path, world: World) -> Case:
    """One damaged picture, or a folder of good and damaged ones."""
    doors = (_read, _read, _read, _compare, _rank_query, _embed_some, _embed_some, _embed_none, _identities, _portraits)
    return doors[random.integers(len(doors))](random, folder, world)


def controls(folder: pathlib.Path, world: World) -> list[Case]:
    """Good pictures, through the same doors."""
    for kind, suffix in SUFFIXES.items():
        (folder / f"good{suffix}").write_bytes(encoded(kind, 1))
    good = [folder / f"good{suffix}" for suffix in (".jpg", ".png")]
    (folder / "set").mkdir()
    (folder / "set/one.png").write_bytes(encoded("PNG", 2))
    compare = ["compare", *map(str, good), "--model", str(world.model_folder), "--detector", "none"]
    read = [Case(kind, (), call=lambda suffix=suffix: images.read(folder / f"good{suffix}"), expect=Expect.ACCEPTED)
            for kind, suffix in SUFFIXES.items()]  # fmt: skip
    rank = ["rank", str(good[0]), str(folder / "set"), *compare[3:]]
    embed = ["embed", str(folder / "set"), *compare[3:], "--out", str(folder / "e.npz")]
    return [*read, *(Case(argv[0], (), argv, expect=Expect.ACCEPTED) for argv in (compare, rank, embed))]


def _bad(random, folder, *, name=""):
    """A damaged picture: its path, the fault, and whether it is certainly unusable."""
    kind = [*SUFFIXES][random.integers(len(SUFFIXES))]
    suffix = SUFFIXES[kind] if random.random() < 0.7 else [*SUFFIXES.values()][random.integers(len(SUFFIXES))]
    suffix = suffix.upper() if random.random() < 0.2 else suffix
    path = folder / f"{name or NAMES[random.integers(len(NAMES))]}{suffix}"
    if random.random() < 0.25:
        fault = [*OWN][random.integers(len(OWN))]
        OWN[fault](random, path)
        return path, fault, True
    fault, sure = byte_faults.damage(random, path, encoded(kind, int(random.integers(8))))
    # Of what Pillow reads from the start, the end may be missing, and GIF and BMP have no sums that must be right.
    return path, f"{kind}, {fault}", sure and not (fault == "cut off" and kind in ("GIF", "WEBP", "TIFF"))


def _expect(sure):
    return Expect.REFUSED if sure else Expect.EITHER


def _read(random, folder, world):
    path, fault, sure = _bad(random, folder)
    return Case(f"images.read: {fault}", (path.name,), call=lambda: images.read(path), expect=_expect(sure))


def _compare(random, folder, world):
    path, fault, sure = _bad(random, folder)
    good = folder / "good picture.png"
    good.write_bytes(encoded("PNG", 1))
    both = [str(path), str(good)] if random.random() < 0.5 else [str(good), str(path)]
    more = [[], ["--json"], ["--html", str(folder / "card.html")]][random.integers(3)]
    argv = ["compare", *both, "--model", str(world.model_folder), "--detector", "none", *more]
    return Case(f"compare: {fault}", (path.name,), argv, expect=_expect(sure))


def _rank_query(random, folder, world):
    path, fault, sure = _bad(random, folder)
    (folder / "set").mkdir()
    (folder / "set/good.png").write_bytes(encoded("PNG", 1))
    more = [[], ["--csv", str(folder / "all.csv")], ["--html", str(folder / "page.html")]][random.integers(3)]
    argv = ["rank", str(path), str(folder / "set"), "--model", str(world.model_folder), "--detector", "none", *more]
    return Case(f"rank: {fault}", (path.name,), argv, expect=_expect(sure))


def _some(random, folder, good):
    """Damaged pictures in a folder, beside good ones: the names of those that must be listed, and the faults."""
    folder.mkdir()
    for number in range(good):
        (folder / f"good{number}.png").write_bytes(encoded("PNG", number))
    named, faults = [], []
    for number in range(int(random.integers(1, 4))):
        path, fault, sure = _bad(random, folder, name=f"bad{number}")
        # A folder is searched for pictures, and what is not there is no picture: neither is a fault.
        if sure and not path.is_dir() and path.name in {entry.name for entry in folder.iterdir()}:
            named.append(path.name)
        faults.append(fault)
    return named, "; ".join(faults)


def _embed_some(random, folder, world):
    named, faults = _some(random, folder / "set", 2)
    if random.random() < 0.5:
        out = str(folder / "e.npz")
        argv = ["embed", str(folder / "set"), "--model", str(world.model_folder), "--detector", "none", "--out", out]
        return Case(f"embed: {faults}", named, argv, expect=Expect.LISTED)
    return Case(f"embed_folder: {faults}", named, call=lambda: _embed(folder, world, named), expect=Expect.LISTED)


def _embed(folder, world, named):
    names, vectors, skipped = evaluation.embed_folder(*world.model, folder / "set", crop="arcface", batch_size=16)
    if not {"good0.png", "good1.png"} <= {*names} or not np.isfinite(vectors).all() or len(names) != len(vectors):
        raise AssertionError(f"the good pictures are not embedded: {names}")
    for name, why in skipped:
        print(f"left out: {name}: {why}")


def _embed_none(random, folder, world):
    named, faults = _some(random, folder / "set", 0)
    if not named:
        return _read(random, folder, world)
    out = str(folder / "e.npz")
    argv = ["embed", str(folder / "set"), "--model", str(world.model_folder), "--detector", "none", "--out", out]
    sure = len(named) == len(faults.split("; "))
    return Case(f"embed, no good one: {faults}", (str(folder / "set"), "set"), argv, expect=_expect(sure))


def _identities(random, folder, world):
    named, faults = _some(random, folder / "anna", 2)
    (folder / "bert").mkdir()
    (folder / "bert/good.png").write_bytes(encoded("PNG", 5))

    def call():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it lists the pictures as well
            found = identities.read_identities(folder, image_size=SIZE_OF_IDENTITIES, crop="arcface")
        print("\n".join(found.skipped))

    return Case(f"read_identities: {faults}", named, call=call, expect=Expect.LISTED)


SIZE_OF_IDENTITIES = 16


def _portraits(random, folder, world):
    named, faults = _some(random, folder / "set", 2)
    named = [name for name in named if (folder / "set" / name).is_file()]  # it is given names, not a folder to search

    def call():
        names = images.picture_names(folder / "set")
        found = portraits.read_portraits(str(folder / "set"), names, size=24, landmarks=None, crop="arcface")
        print("\n".join(f"left out: {name}: {why}" for name, why in found.skipped))

    return Case(f"read_portraits: {faults}", named, call=call, expect=Expect.LISTED)


def _png(width, height, data=b"", kind=6):
    """A PNG whose header says what it likes."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def _write(data):
    return lambda random, path: path.write_bytes(data(random) if callable(data) else data)


def _float_tiff(random, path):
    Image.fromarray(pixels(0)[..., 0].astype(np.float32)).save(path, "TIFF")


def _oblong(random, path):
    Image.fromarray(np.ascontiguousarray(pixels(1)[:, : int(random.integers(4, 28))])).save(path, "PNG")


SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>'
HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(200)
JP2 = b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(200)
OWN = {  # faults of pictures alone; every one makes it unusable
    "a picture of 60,000 x 60,000": _write(_png(60_000, 60_000)),
    "a picture of no width": _write(_png(0, 10)),
    "a header of 2^31 pixels": _write(_png(2**31 - 1, 2**31 - 1)),
    "a kind of PNG that does not exist": _write(_png(8, 8, kind=5)),
    "fewer pixels than the header says": _write(lambda random: _png(64, 64, random.bytes(100))),
    "32-bit gray": _float_tiff,
    "an SVG": _write(SVG),
    "an HEIC": _write(HEIC),
    "a JPEG 2000": _write(JP2),
    "a NumPy file": lambda random, path: np.save(path.open("wb"), pixels(0)),
    "the size of its BMP negative": _write(
        lambda random: encoded("BMP")[:18] + struct.pack("<ii", -5, -5) + encoded("BMP")[26:]
    ),
}
