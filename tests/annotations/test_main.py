"""`python -m perface_jax.annotations` as a user runs it."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from perface_jax.annotations import GridOrder, Kind
from perface_jax.annotations.__main__ import main
from tests.simulated_votes import in_order, simulated_cells

ROOT = pathlib.Path(__file__).resolve().parents[2]


def command(*arguments) -> list[str]:
    return [sys.executable, "-m", "perface_jax.annotations", *map(str, arguments)]


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> pathlib.Path:
    """12 sources on 10 targets, and the third column in another order."""
    groups, by_target = GridOrder(Kind.GROUP_MAJOR, 12, 10, 4), GridOrder(Kind.TARGET_MAJOR, 12, 10)
    votes = in_order(simulated_cells(np.random.default_rng(0), 12, 10), groups, groups, by_target)
    rows = [f"t{i:04d}," + ",".join("ab"[v] for v in row) for i, row in enumerate(votes)]
    path = tmp_path_factory.mktemp("door") / "answers.csv"
    path.write_text("\n".join(["tripletId,ans1,ans2,ans3", *rows]))
    return path


def refused(capsys, *arguments) -> str:
    """The last line on stderr of a call that must end with exit code 2 and print nothing else."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()[-1]


def test_the_audit_is_printed(file):
    done = subprocess.run(
        command(file, "--sources", 12, "--targets", 10), capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.startswith(f"Audit of {file}: 120 triplets")


@pytest.mark.parametrize("arguments", [("--sources", "12"), ("--targets", "10")])
def test_one_size_gives_the_other(file, capsys, arguments):
    main([str(file), *arguments])
    assert "12 sources x 10 targets" in capsys.readouterr().out


def test_a_square_grid_is_the_default_and_can_be_switched_off(tmp_path, capsys):
    (tmp_path / "four.csv").write_text("tripletId,ans1,ans2\nt0000,a,b\nt0001,a,b\nt0002,b,b\nt0003,a,a\n")
    main([str(tmp_path / "four.csv")])
    assert "2 sources x 2 targets" in capsys.readouterr().out
    main([str(tmp_path / "four.csv"), "--no-grid"])
    assert "no grid" in capsys.readouterr().out


def test_a_part_of_a_grid_with_missing_votes_is_audited_without_its_grid(tmp_path, capsys):
    (tmp_path / "part.csv").write_text("tripletId,ans1,ans2,ans3\nt0003,a,,a\nt0007,b,b,b\nt0001,a,b,\nt0020,b,,\n")
    said = refused(capsys, tmp_path / "part.csv")
    assert "saw 4 triplets up to t0020, wanted every id from t0000 on; missing: t0000, t0002" in said
    assert "Row orders and image-blind baselines need the whole grid: give None (--no-grid)" in said
    main([str(tmp_path / "part.csv"), "--no-grid"])
    said = capsys.readouterr().out
    assert "4 triplets, 8 votes" in said
    assert "ROW ORDER: not searched, no grid was given" in said
    (tmp_path / "own.csv").write_text("tripletId,ans1\nsmile,a\nfrown,b\n")
    main([str(tmp_path / "own.csv"), "--no-grid"])
    assert "2 triplets" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "120 triplets are not a square grid; give the numbers of sources and targets, with --sources"),
        (("--sources", 80, "--targets", 80), "120 triplets do not fit a grid of 80 sources x 80 targets = 6400"),
        (("--sources", 0), "argument --sources: saw '0', wanted a whole number, at least 1"),
        (("--targets", -4), "argument --targets: saw '-4', wanted a whole number, at least 1"),
        (("--no-grid", "--sources", 12), "--no-grid contradicts --sources and --targets"),
        (("--sources", 7), "120 triplets do not fit a grid of 7 sources x 17 targets"),
    ],
)
def test_a_grid_that_does_not_fit_is_one_line_and_exit_code_2(file, capsys, arguments, words):
    assert words in refused(capsys, file, *arguments)


def test_a_bad_or_missing_file_is_one_line_and_exit_code_2(tmp_path, capsys):
    (tmp_path / "bad.csv").write_text("tripletId,ans1\nt0000,x\n")
    assert "bad.csv, line 2: saw 'x'" in refused(capsys, tmp_path / "bad.csv")
    assert "none.csv" in refused(capsys, tmp_path / "none.csv")


def test_a_closed_pipe_is_not_an_error(file):
    """`... | head -1`, where head is gone before the audit is printed."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        command(file, "--sources", 12), stdout=write, stderr=subprocess.PIPE, text=True, cwd=ROOT, check=False
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")
