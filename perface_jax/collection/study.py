"""The folder of a study, as `perface collect new` writes it.

    study/plan.yaml       the plan (`plan_file`)
    study/triplets.csv    triplet,kind,reference,a,b,source,target,expected; kind is vote, dummy or practice
    study/pictures/       one file for each picture, named by an id that says nothing, all of the same number of bytes
    study/originals.csv   picture,file,sha256: where each came from; no page may show it
    study/secret.txt      for links and tokens; whoever has it can forge both
    study/adaptive/       0.csv, 1.csv, ...: the uncertain triplets of a wave, where there is an adaptive share

A study does not change once it is written, but for `adaptive/`, which gets a file before its wave begins. The server
keeps its votes in files of its own.
"""

import dataclasses
import functools
import os
import pathlib
import re

from perface_jax.annotations import tables
from perface_jax.collection.plan_file import Plan, read_plan
from perface_jax.collection.trials import Choice, Kind

PLAN, TRIPLETS, ORIGINALS, SECRET = "plan.yaml", "triplets.csv", "originals.csv", "secret.txt"
PICTURES, ADAPTIVE = "pictures", "adaptive"
COLUMNS = ("triplet", "kind", "reference", "a", "b", "source", "target", "expected")
ORIGINAL_COLUMNS = ("picture", "file", "sha256")
SUFFIX = ".jpg"  # of pictures
PICTURE_ID = re.compile(r"[0-9a-f]{32}")


@dataclasses.dataclass(frozen=True)
class Triplet:
    """Three pictures that can be judged, by their ids; `expected`: the right answer, of dummies and practice alone."""

    name: str
    kind: Kind
    reference: str
    a: str
    b: str
    source: str
    target: str
    expected: Choice | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Study:
    """A study that was opened.

    Attributes:
      triplets: those to be judged, then dummies and practice (`of_kind`).
      secret: for links and tokens.
    """

    folder: pathlib.Path
    plan: Plan
    triplets: tuple[Triplet, ...]
    secret: str = dataclasses.field(repr=False)

    def of_kind(self, kind: Kind) -> tuple[Triplet, ...]:
        """The triplets of a kind, in the order of the file."""
        return tuple(triplet for triplet in self.triplets if triplet.kind is kind)

    @functools.cached_property
    def pictures(self) -> frozenset[str]:
        """The ids of all pictures of the study."""
        return frozenset(picture for one in self.triplets for picture in (one.reference, one.a, one.b))

    def picture_path(self, picture: str) -> pathlib.Path:
        """The file of a picture, a JPEG. ValueError unless the id is one of `pictures`."""
        if picture not in self.pictures:
            raise ValueError("no picture of this study has this id")
        return self.folder / PICTURES / f"{picture}{SUFFIX}"

    def wave(self, annotator: int) -> int:
        """Which wave an annotator is of; both are numbered from 0."""
        return annotator // self.plan.annotators

    def adaptive_path(self, wave: int) -> pathlib.Path:
        """The file of the uncertain triplets of a wave, whether it is there or not."""
        return self.folder / ADAPTIVE / f"{wave}.csv"


def open_study(folder: str | os.PathLike) -> Study:
    """Open a study.

    Raises:
      FileNotFoundError: the folder is not a study.
      ValueError: a file of it is damaged, or a picture is missing.
    """
    folder = pathlib.Path(folder)
    for name in (PLAN, TRIPLETS, SECRET):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder / name} is missing: wanted a study, made by `perface collect new`")
    rows = tables.read(folder / TRIPLETS, COLUMNS)
    if sorted(rows.header) != sorted(COLUMNS):
        seen = f"the header '{','.join(rows.header)}'"
        raise tables.wrong(folder / TRIPLETS, rows.line, seen, ",".join(COLUMNS))
    tables.require_rows(folder / TRIPLETS, rows, "triplet")
    triplets = tuple(_triplet(folder / TRIPLETS, *row) for row in rows.cells())
    study = Study(folder.absolute(), read_plan(folder / PLAN), triplets, (folder / SECRET).read_text().strip())
    _refuse_missing(study)
    return study


def _triplet(path: pathlib.Path, line: int, cells: dict[str, str]) -> Triplet:
    for role in ("reference", "a", "b"):
        if not PICTURE_ID.fullmatch(cells[role]):
            raise tables.wrong(path, line, f"'{cells[role]}' in column {role}", "the id of a picture")
    try:
        kind, expected = Kind(cells["kind"]), Choice(cells["expected"]) if cells["expected"] else None
    except ValueError as error:
        raise tables.wrong(path, line, str(error), "kind vote, dummy or practice; expected a, b or empty") from error
    names = {name: cells[name] for name in ("reference", "a", "b", "source", "target")}
    return Triplet(cells["triplet"], kind, **names, expected=expected)


def _refuse_missing(study: Study) -> None:
    there = {path.name for path in (study.folder / PICTURES).glob(f"*{SUFFIX}")}
    if missing := sorted(f"{picture}{SUFFIX}" for picture in study.pictures if f"{picture}{SUFFIX}" not in there):
        raise ValueError(
            f"{study.folder / PICTURES} lacks {len(missing)} pictures of the study: {tables.listed(missing)}"
        )
