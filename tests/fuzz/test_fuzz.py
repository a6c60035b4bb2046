"""Bad inputs give one line that names what is wrong, or a listed skip, and leave nothing that loads."""

import collections
import os
import shutil

import numpy as np
import pytest

from tests.fuzz import byte_faults, judging, kinds, table_faults, tables
from tests.fuzz.case import Case, Expect, Outcome
from tests.fuzz.world import World, encoded

SEED = int(os.environ.get("PERFACE_FUZZ_SEED", "0"))
QUICK = {
    "pictures": 10,
    "tables": 24,
    "vectors": 10,
    "records": 6,
    "points": 6,
    "model folders": 2,
}  # of the fast suite


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("fuzz"))


def failures(world, numbers, only=None):
    """What is wrong, by number; and how many inputs were refused, listed or accepted."""
    found, came = {}, collections.Counter()
    for number in numbers:
        tried = kinds.try_one(SEED, number, world.folder / "case", world, only=only)
        came[tried.came] += 1
        if tried.faults:
            found[number] = (tried.case.what, *tried.faults)
    shutil.rmtree(world.folder / "case", ignore_errors=True)
    return found, came


def test_a_few_bad_inputs_of_most_kinds(world):
    for kind, count in QUICK.items():
        found, _ = failures(world, range(count), only=kind)
        assert not found, f"python -m tests.fuzz --seed {SEED} --kind '{kind}' --only {next(iter(found))}: {found}"


@pytest.mark.slow
def test_a_thousand_bad_inputs(world):
    found, came = failures(world, range(1000))
    print(dict(came))
    assert not found, f"python -m tests.fuzz --seed {SEED} --only {next(iter(found))}: {found}"
    assert came["refused"] + came["accepted, as listed"] >= 950  # the rest is damaged where it does no harm


@pytest.mark.slow
@pytest.mark.parametrize("kind", kinds.KINDS)
def test_good_inputs_of_every_kind_are_accepted(kind, world, tmp_path):
    for case in kinds.KINDS[kind][0].controls(tmp_path, world):
        tried = kinds.try_case(case, tmp_path)
        assert not tried.faults, (case.what, *tried.faults)


def test_good_pictures_and_tables_are_accepted(world, tmp_path):
    files = {"a.png": encoded("PNG"), "table.csv": tables.KINDS["votes"].table().text().encode()}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    audit = Case("audit", (), ["audit", str(tmp_path / "table.csv"), "--no-grid"], expect=Expect.ACCEPTED)
    assert not kinds.try_case(audit, tmp_path).faults
    assert kinds.try_case(audit._replace(expect=Expect.REFUSED), tmp_path).faults


def outcome(**changes):
    """A good refusal, but for the changes."""
    good = Outcome(code=2, output="", errors="a.csv, line 3: saw x, wanted y\n", kind="", warned=(), left=(), seconds=0)
    return good._replace(**changes)


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (outcome(), ""),
        (outcome(errors="a.csv: no such file\nmore\n"), "2 lines"),
        (outcome(errors="a.csv: " + "x" * 400), "characters"),
        (outcome(errors="line 3: saw x\n"), "names none of a.csv"),
        (outcome(errors="a.csv: 'NoneType' object is not iterable\n"), "insides"),
        (outcome(errors="a.csv\x1b[1m: wrong\n"), "do not print"),
        (outcome(errors=""), "0 lines"),
        (outcome(code=1), "exit code 1"),
        (outcome(code=0), "accepted"),
        (outcome(kind="KeyError: 'x'"), "no refusal"),
        (outcome(left=("out/model.json",)), "left behind: out/model.json"),
        (outcome(warned=("numpy: overflow",)), "warning of another package"),
    ],
)
def test_the_judge_sees_what_is_wrong(found, word, tmp_path):
    said = judging.faults(Case("a fault", ("a.csv",), ["audit"]), found, tmp_path)
    assert bool(said) == bool(word)
    assert not word or word in " ".join(said)


def test_an_input_is_determined_by_seed_and_number(tmp_path):
    made = []
    for name in "ab":
        random = np.random.default_rng((3, 7))
        (tmp_path / name).mkdir()
        fault = byte_faults.damage(random, tmp_path / name / "x.png", encoded("PNG"))
        made.append((fault, table_faults.damage(random, tables.KINDS["ids"].table())))
    assert made[0] == made[1]
