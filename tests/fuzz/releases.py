"""Damaged folders of triplets and portraits: `sim_celeba.build`, `celeba_hq.build`; no data set is left that loads."""

import pathlib
import shutil
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from perface_jax.datasets import celeba_hq, identities, sim_celeba
from tests import releases
from tests.fuzz import byte_faults, table_faults, tables
from tests.fuzz.case import Case, Expect
from tests.fuzz.world import SIZE, World, encoded, pixels

Fault = Callable[[np.random.Generator, pathlib.Path], Any]
SOURCES = TARGETS = 4


def case(random: np.random.Generator, folder: pathlib.Path, world: World) -> Case:
    """One damaged folder."""
    doors = (_release, _release, _release, _listed, _portraits, _people)
    return doors[random.integers(len(doors))](random, folder, world)


def controls(folder: pathlib.Path, world: World) -> list[Case]:
    """Whole folders."""
    release, portraits = _copy(world, folder), _portraits_of(folder / "celeba")
    return [
        Case("a release", (), call=lambda: _build(release, folder), expect=Expect.ACCEPTED),
        Case("portraits", (), call=lambda: _build_portraits(portraits, folder), expect=Expect.ACCEPTED),
    ]


def _copy(world, folder):
    if not (whole := world.folder / "release").exists():
        releases.write_release(whole, sources=SOURCES, targets=TARGETS)
    shutil.copytree(whole, folder / "the release")
    return folder / "the release"


def _build(release, folder, **options):
    sim_celeba.build(release, folder / "built", image_size=16, grid=(SOURCES, TARGETS), **options)


def _release(random, folder, world):
    release = _copy(world, folder)
    fault = [*FAULTS][random.integers(len(FAULTS))]
    said = FAULTS[fault](random, release)
    what = f"sim_celeba.build: {fault}{f', {said}' if isinstance(said, str) else ''}"
    return Case(
        what,
        ("the release",),
        call=lambda: _quiet(lambda: _build(release, folder)),
        writes=("built/incomplete", "built/sim_celeba"),
    )


def _quiet(call):
    """Our own warnings list what was left out; a set that loads must not be there after a refusal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        call()


def _answers(random, release):
    file = release / "triplet_answers.csv"
    table = tables.KINDS["votes"].table()
    fault, data = table_faults.damage(random, table)
    file.write_bytes(data)
    return fault


def _picture(random, release):
    files = sorted((release / "triplet").iterdir())
    return files[random.integers(len(files))]


def _all(release):
    for path in (release / "triplet").iterdir():
        path.write_bytes(b"")


def _oblong(random, release):
    Image.fromarray(np.ascontiguousarray(pixels(1)[:, :20])).save(_picture(random, release), "JPEG")


FAULTS: dict[str, Fault] = {
    "the answers": _answers,
    "no answers": lambda random, release: (release / "triplet_answers.csv").unlink(),
    "the answers are a folder": lambda random, release: (
        (release / "triplet_answers.csv").unlink(),
        (release / "triplet_answers.csv").mkdir(),
    ),
    "no pictures": lambda random, release: shutil.rmtree(release / "triplet"),
    "an empty folder of pictures": lambda random, release: (
        shutil.rmtree(release / "triplet"),
        (release / "triplet").mkdir(),
    ),
    "pictures in a file": lambda random, release: (
        shutil.rmtree(release / "triplet"),
        (release / "triplet").write_text("x"),
    ),
    "a picture is missing": lambda random, release: _picture(random, release).unlink(),
    "a picture has another suffix": lambda random, release: (path := _picture(random, release)).rename(
        path.with_suffix(".jpeg")
    ),
    "a picture is no square": _oblong,
    "every picture is empty": lambda random, release: _all(release),
    "a triplet too few": lambda random, release: _drop(release),
    "one level too deep": lambda random, release: _deeper(release),
    "an empty folder": lambda random, release: (shutil.rmtree(release), release.mkdir()),
    "a file": lambda random, release: (shutil.rmtree(release), release.write_text("x")),
    "nothing": lambda random, release: shutil.rmtree(release),
}


def _drop(release):
    lines = (release / "triplet_answers.csv").read_text().splitlines()
    (release / "triplet_answers.csv").write_text("\n".join(lines[:5]) + "\n")
    for path in sorted((release / "triplet").iterdir())[12:]:
        path.unlink()


def _deeper(release):
    inside = release.parent / "inside"
    release.rename(inside)
    release.mkdir()
    inside.rename(release / "SimCelebA")


def _listed(random, folder, world):
    """One picture cannot be read: its triplet is left out and listed."""
    release = _copy(world, folder)
    path = _picture(random, release)
    good = path.read_bytes()
    path.unlink()
    fault, sure = byte_faults.damage(random, path, good, perhaps=0)
    while not path.is_file():
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
        fault, sure = byte_faults.damage(random, path, good, perhaps=0)

    def call():
        _quiet(lambda: _build(release, folder, repair="none"))
        built = sim_celeba.build(release, folder / "built", image_size=16, grid=(SOURCES, TARGETS))
        print(sim_celeba.load(built).metadata["skipped"])

    return Case(f"sim_celeba.build: {path.name}, {fault}", (path.name,), call=call, expect=Expect.LISTED)


def _portraits_of(folder):
    """Eight faces, two of each group."""
    (folder / "CelebA-HQ-img").mkdir(parents=True)
    lines = ["8", "Male Young"]
    for number in range(8):
        (folder / f"CelebA-HQ-img/{number}.jpg").write_bytes(encoded("JPEG", number))
        lines.append(f"{number}.jpg {(-1) ** number} {(-1) ** (number // 2)}")
    (folder / "CelebAMask-HQ-attribute-anno.txt").write_text("\n".join(lines) + "\n")
    return folder


def _build_portraits(folder, place, **options):
    celeba_hq.build(folder, place / "built", image_size=16, gallery=1, queries=1, **options)


def _portraits(random, folder, world):
    made = _portraits_of(folder / "celeba")
    file = made / "CelebAMask-HQ-attribute-anno.txt"
    good = file.read_text()
    fault = [*ATTRIBUTES][random.integers(len(ATTRIBUTES))]
    if random.random() < 0.4:
        file.unlink()
        fault, sure = byte_faults.damage(random, file, good.encode(), perhaps=0)
    else:
        sure = True
        file.write_text(ATTRIBUTES[fault](good))
    expect = Expect.REFUSED if sure else Expect.EITHER
    return Case(
        f"celeba_hq.build: {fault}",
        ("celeba",),
        call=lambda: _quiet(lambda: _build_portraits(made, folder)),
        expect=expect,
        writes=("built/",),
    )


ATTRIBUTES: dict[str, Callable[[str], str]] = {
    "another count": lambda text: text.replace("8", "9", 1),
    "no count": lambda text: text.split("\n", 1)[1],
    "a count in words": lambda text: text.replace("8", "eight", 1),
    "no names": lambda text: text.replace("Male Young\n", ""),
    "no Male": lambda text: text.replace("Male", "Female"),
    "Male twice": lambda text: text.replace("Young", "Male"),
    "a value too few": lambda text: text.replace("3.jpg -1 -1", "3.jpg -1"),
    "another value": lambda text: text.replace("3.jpg -1", "3.jpg 0"),
    "a name twice": lambda text: text.replace("3.jpg", "2.jpg"),
    "commas": lambda text: text.replace(" ", ","),
    "too few of a group": lambda text: text.replace("1.jpg -1 1", "1.jpg 1 1"),
    "a picture that is not there": lambda text: text.replace("3.jpg", "33.jpg"),
}


def _people(random, folder, world):
    """A folder of identities in which too few can be used."""
    made = folder / "people"
    made.mkdir()
    faults = {
        "nobody": lambda: None,
        "one person": lambda: _person(made / "anna"),
        "pictures without folders": lambda: (made / "a.jpg").write_bytes(encoded("JPEG")),
        "a person too deep": lambda: (_person(made / "anna/2020"), _person(made / "bert/2021")),
        "a file": lambda: (made.rmdir(), made.write_text("x")),
        "nothing": lambda: made.rmdir(),
        "empty pictures": lambda: [(_person(made / name) / "a.jpg").write_bytes(b"") for name in ("anna", "bert")],
    }
    fault = [*faults][random.integers(len(faults))]
    faults[fault]()
    call = lambda: _quiet(lambda: identities.read_identities(made, image_size=SIZE, crop="arcface"))  # noqa: E731
    return Case(f"read_identities: {fault}", ("people",), call=call)


def _person(folder):
    folder.mkdir(parents=True)
    (folder / "a.jpg").write_bytes(encoded("JPEG"))
    return folder
