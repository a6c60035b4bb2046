"""Damaged CSVs: votes, persons, attributes, landmarks, splits, ids, and tables of votes."""

import pathlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from perface_jax import annotations
from perface_jax.datasets import celeba_files, portrait_files
from perface_jax.evaluation import vote_tables
from perface_jax.landmarks import GENERIC
from tests.fuzz import byte_faults, table_faults
from tests.fuzz.case import Case, Expect
from tests.fuzz.table_faults import Table
from tests.fuzz.world import World, encoded, five_points

PEOPLE = 6
TRIPLETS = [f"t{number:04d}" for number in range(16)]
PICTURES = [f"p{number}.png" for number in range(PEOPLE)]


def _wide():
    rows = [[name, *("ab"[(number * k) % 2] for k in (1, 2, 3))] for number, name in enumerate(TRIPLETS)]
    header = ["tripletId", "ans1", "ans2", "ans3"]
    return Table(header, rows, header[:1], header[:1], header[:1], header[1:])


def _long():
    header = ["triplet", "annotator", "choice", "is_dummy", "expected"]
    rows = [[name, f"w{k}", "ab"[number % 2], "0", ""] for number, name in enumerate(TRIPLETS) for k in range(3)]
    return Table(header, rows, header[:3], header[:4], header[:2], ["choice", "is_dummy"])


def _two_alternative():
    header = ["reference", "a", "b", "votes_a", "votes_b"]
    rows = [
        [PICTURES[n], PICTURES[(n + 1) % PEOPLE], PICTURES[(n + 2) % PEOPLE], str(n % 4), str(3 - n % 4)]
        for n in range(PEOPLE)
    ]
    return Table(header, rows, header, header, header[:3], header[3:])


def _people():
    rows = [[name, f"person {number // 2}"] for number, name in enumerate(PICTURES)]
    return Table(["picture", "person"], rows, ["picture", "person"], ["picture", "person"], ["picture"])


def _persons():
    rows = [[name, f"person {number // 2}", str(number % 2)] for number, name in enumerate(PICTURES)]
    return Table(["name", "person", "male"], rows, ["name"], ["name", "person"], ["name"])


def _corrections():
    rows = [[name, "1", "-1"] for name in PICTURES]
    return Table(["name", "Male", "Young"], rows, ["name"], ["name"], ["name"], ["Male", "Young"])


def _five():
    header = ["name", *celeba_files.LANDMARKS]
    rows = [[name, *(f"{x:.2f}" for x in (five_points() + number / 9).ravel())] for number, name in enumerate(PICTURES)]
    return Table(header, rows, header, header, ["name"], header[1:])


def _dense():
    points = GENERIC[:, :2] * 12 + 16
    header = ["name", *(f"{axis}{i}" for i in range(len(points)) for axis in "xy")]
    rows = [[name, *(f"{x:.2f}" for x in (points + number / 9).ravel())] for number, name in enumerate(PICTURES)]
    return Table(header, rows, header, header, ["name"], header[1:])


def _split():
    rows = [[name, ["train", "validation", "i", "ii"][number % 4]] for number, name in enumerate(TRIPLETS)]
    return Table(
        ["tripletId", "setting"],
        rows,
        ["tripletId", "setting"],
        ["tripletId", "setting"],
        ["tripletId"],
        ["tripletId", "setting"],
    )


def _ids():
    rows = [[name, str(number % 4), str(number // 4)] for number, name in enumerate(TRIPLETS)]
    header = ["tripletId", "source", "target"]
    return Table(header, rows, header, header, header[:1], header[:1])


def _votes_table():
    header = list(vote_tables.COLUMNS)
    rows = [[name, str(number % 4), str(number // 4), f"w{k}", "ab"[(number + k) % 2], f"{0.3 + 0.01 * number}", "0.4"]
            for number, name in enumerate(TRIPLETS) for k in range(3)]  # fmt: skip
    return Table(header, rows, header, [*header[:1], *header[4:]], [], [*header[1:3], header[4]])


class Kind(NamedTuple):
    """A table, and the call that reads it."""

    table: Callable[[], Table]
    read: Callable[[pathlib.Path], Any]
    command: Callable[[pathlib.Path, World], Sequence[str]] | None = None


def _audit(file, world):
    return ["audit", str(file), "--no-grid"]


def _scale(option):
    def argv(file, world):
        folder = file.parent
        (folder / "set").mkdir()
        for number, name in enumerate(PICTURES):
            (folder / "set" / name).write_bytes(encoded("PNG", number))
        model = world.copy_model(folder / "model")
        people = folder / "the people.csv" if option == "--answers" else file
        if option == "--answers":
            people.write_text(_people().text())
        answers = ["--answers", str(file)] * (option == "--answers")
        return [
            "scale",
            str(model),
            "--pictures",
            str(folder / "set"),
            "--people",
            str(people),
            "--detector",
            "none",
            *answers,
        ]

    return argv


def _compare(file, world):
    for number, name in enumerate(PICTURES[:2]):
        (file.parent / name).write_bytes(encoded("PNG", number))
    both = [str(file.parent / name) for name in PICTURES[:2]]
    return ["compare", *both, "--model", str(world.model_folder), "--landmarks", str(file)]


def _pilot(file, world):
    other = file.parent / "other.csv"
    other.write_text(_votes_table().text())
    return ["plan", "--pilot", str(file), str(other), "--sources", "8", "--targets", "4", "--simulations", "5"]


def _attributes_of(names):
    return celeba_files.Attributes(
        tuple(name for name in names), np.zeros(len(names), bool), np.zeros(len(names), bool)
    )


KINDS = {
    "votes": Kind(_wide, annotations.read_answers, _audit),
    "votes, one a line": Kind(_long, annotations.read_answers, _audit),
    "votes for a and b": Kind(_two_alternative, annotations.read_answers, _audit),
    "people of a scale": Kind(_people, lambda path: None, _scale("--people")),
    "answers of a scale": Kind(_two_alternative, lambda path: None, _scale("--answers")),
    "persons": Kind(
        _persons, lambda path: portrait_files.read_persons(str(path), [n.removesuffix(".png") for n in PICTURES])
    ),
    "corrections": Kind(_corrections, lambda path: celeba_files.correct(_attributes_of(PICTURES), path)),
    "five points": Kind(_five, lambda path: portrait_files.read_landmarks(str(path)), _compare),
    "dense points": Kind(_dense, lambda path: portrait_files.read_landmarks(str(path)), _compare),
    "points of CelebA-HQ": Kind(_five, celeba_files.read_landmarks),
    "a split": Kind(_split, lambda path: annotations.read_split(path, TRIPLETS)),
    "ids": Kind(_ids, lambda path: annotations.read_ids(path, TRIPLETS)),
    "a table of votes": Kind(_votes_table, vote_tables.read_votes_table, _pilot),
}
COMMANDS_ALONE = ("people of a scale", "answers of a scale")


def case(random: np.random.Generator, folder: pathlib.Path, world: World) -> Case:
    """One damaged table."""
    name = [*KINDS][random.integers(len(KINDS))]
    kind, file, sure = KINDS[name], folder / "table.csv", True
    if random.random() < 0.3:
        fault, sure = byte_faults.damage(random, file, kind.table().text().encode())
        # Of a text, the start may be a whole table, and what is in a name is nobody's fault.
        sure = sure and fault not in ("cut off", "a zip that grows")
    else:
        fault, data = table_faults.damage(random, kind.table())
        file.write_bytes(data)
    command = kind.command and (name in COMMANDS_ALONE or random.random() < 0.4)
    return _case(kind, f"{name}: {fault}", file, world, Expect.REFUSED if sure else Expect.EITHER, command)


def _case(kind, what, file, world, expect, command):
    if command:
        return Case(what, (file.name,), kind.command(file, world), expect=expect)
    return Case(what, (file.name,), call=lambda: kind.read(file), expect=expect)


def controls(folder: pathlib.Path, world: World) -> list[Case]:
    """Every table as it should be, and with what is no fault."""
    made = []
    for name, kind in KINDS.items():
        for number, (harmless, encode) in enumerate({"nothing": str.encode, **table_faults.HARMLESS}.items()):
            below = folder / f"{name} {number}"
            below.mkdir()
            file = below / "table.csv"
            file.write_bytes(encode(kind.table().text()))
            command = kind.command and (name in COMMANDS_ALONE or number == 0)
            if not (name in COMMANDS_ALONE and number > 1):
                made.append(_case(kind, f"{name}, {harmless}", file, world, Expect.ACCEPTED, command))
    return made
