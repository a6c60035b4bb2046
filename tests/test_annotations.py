"""The public face of the package, and `python -m perface_jax.annotations` as a user runs it."""

import ast
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import perface_jax.annotations
from perface_jax.annotations import GridOrder, Kind
from tests.test_search import in_order, simulated_cells

ROOT = pathlib.Path(__file__).resolve().parent.parent


def run(*arguments) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "perface_jax.annotations", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=dict(os.environ), check=False)


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> pathlib.Path:
    """12 sources on 10 targets, and the third column in another order."""
    groups, by_target = GridOrder(Kind.GROUP_MAJOR, 12, 10, 4), GridOrder(Kind.TARGET_MAJOR, 12, 10)
    votes = in_order(simulated_cells(np.random.default_rng(0), 12, 10), groups, groups, by_target)
    rows = [f"t{i:04d}," + ",".join("ab"[v] for v in row) for i, row in enumerate(votes)]
    path = tmp_path_factory.mktemp("door") / "answers.csv"
    path.write_text("\n".join(["tripletId,ans1,ans2,ans3", *rows]))
    return path


def test_the_public_names_are_all_there():
    missing = [name for name in perface_jax.annotations.__all__ if not hasattr(perface_jax.annotations, name)]
    assert not missing
    assert perface_jax.annotations.__all__ == sorted(perface_jax.annotations.__all__)


def test_it_imports_numpy_and_nothing_else_from_outside():
    allowed = {"numpy", "perface_jax"} | sys.stdlib_module_names
    for file in (ROOT / "perface_jax" / "annotations").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.split(".")[0] in allowed, f"{file.name} imports {name}"
                assert not name.startswith("perface_jax") or name.startswith("perface_jax.annotations"), file.name


def test_the_door_prints_the_audit(file):
    done = run(file, "--sources", 12, "--targets", 10)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.startswith(f"Audit of {file}: 120 triplets")


def test_one_size_gives_the_other(file):
    assert "12 sources x 10 targets" in run(file, "--targets", 10).stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "120 triplets are no square grid; give --sources and --targets"),
        (("--sources", 80, "--targets", 80), "120 triplets do not fit a grid of 80 sources x 80 targets = 6400"),
        (("--sources", 0), "argument --sources: saw '0', wanted a whole number, at least 1"),
        (("--targets", -4), "argument --targets: saw '-4', wanted a whole number, at least 1"),
        (("--no-grid", "--sources", 12), "--no-grid says that there is no grid"),
        (("--sources", 7), "120 triplets do not fit a grid of 7 sources x 17 targets"),
    ],
)
def test_a_grid_that_does_not_fit_is_one_line_and_exit_code_2(file, arguments, words):
    done = run(file, *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bad_or_missing_file_is_one_line_and_exit_code_2(tmp_path):
    (tmp_path / "bad.csv").write_text("tripletId,ans1\nt0000,x\n")
    for path, words in ((tmp_path / "bad.csv", "bad.csv, line 2: saw 'x'"), (tmp_path / "none.csv", "none.csv")):
        done = run(path)
        assert done.returncode == 2
        assert words in done.stderr
        assert "Traceback" not in done.stderr
