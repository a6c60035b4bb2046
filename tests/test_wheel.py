"""The wheel contains only `perface_jax`, and works without a clone."""

import os
import shutil
import subprocess
import sys
import zipfile

import pytest

import perface_jax
from perface_jax.commands import COMMANDS
from tests.conftest import ROOT

SOURCES = ("perface_jax", "converters", "configs", "pyproject.toml", "README.md", "LICENSE")


def run(*command, cwd, expect=0, **environment):
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "XLA_FLAGS")}
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=kept | environment, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout if expect == 0 else done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy, so that nothing is left in the clone, by the setuptools of this environment."""
    copy = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        copied = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copied(ROOT / name, copy / name)
    out = tmp_path_factory.mktemp("wheel")
    build = f"from setuptools import build_meta; build_meta.build_wheel({str(out)!r})"
    run(sys.executable, "-c", build, cwd=copy)
    return next(out.glob("*.whl"))


def test_all_that_it_brings_is_perface_jax(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        folders = {name.split("/")[0] for name in names}
        assert folders == {"perface_jax", next(name for name in folders if name.endswith(".dist-info"))}
        for folder in ("configs", "converters"):
            for path in (ROOT / folder).glob("*.py"):
                assert archive.read(f"perface_jax/{folder}/{path.name}") == path.read_bytes()
        assert {"perface_jax/py.typed", "perface_jax/report/style.css", "perface_jax/report/tables.js"} <= set(names)


def test_it_imports_outside_of_the_clone(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = (
        "import perface_jax; from perface_jax.converters import to_torch; from perface_jax.configs import synthetic;"
        "print(perface_jax.__file__, to_torch.__file__, synthetic.get_config('demo').task)"
    )
    seen = run(sys.executable, "-c", code, cwd=tmp_path, PYTHONPATH=str(tmp_path / "site"))
    assert seen.count(str(tmp_path / "site" / "perface_jax")) == 2
    assert "triplets" in seen


HELP = """
import contextlib, io, sys
from perface_jax import commands
print(commands.__file__)
for name in commands.COMMANDS:
    sys.argv, text = ["perface", name, "--help"], io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
        commands.main()
    lines = text.getvalue().splitlines()
    print(name, len(lines) <= 40 and max(map(len, lines)) <= 80 and lines[0] == "For example:" and len(lines) > 8)
"""


def test_every_command_of_it_shows_a_screen_of_help_outside_of_the_clone(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    kept = {"PYTHONPATH": str(tmp_path / "site"), "COLUMNS": "200"}
    where, *seen = run(sys.executable, "-c", HELP, cwd=tmp_path, **kept).splitlines()
    assert where.startswith(str(tmp_path))
    assert seen == [f"{name} True" for name in COMMANDS]


FLAGS = [
    "--config=perface_r50:smoke", "--config.data.release=world/release", "--config.data.data_dir=tfds",
    "--config.data.sources=10", "--config.data.targets=10", "--config.split.sources=(6,2,2)",
    "--config.split.targets=(6,2,2)", "--config.init=", "--workdir=run",
]  # fmt: skip


@pytest.mark.slow  # fills a new environment from the package index
def test_a_new_environment_embeds_with_the_core_and_trains_with_the_extra(wheel, tmp_path):
    run(sys.executable, "-m", "venv", "new", cwd=tmp_path)
    bin = tmp_path / "new" / "bin"
    versions = ROOT / "tests" / f"constraints-{sys.version_info[0]}.{sys.version_info[1]}.txt"
    install = [bin / "python", "-m", "pip", "install", "--quiet"] + ["--constraint", versions] * versions.exists()
    run(*install, wheel, cwd=tmp_path)
    shutil.copy(ROOT / "tests" / "smoke.py", tmp_path)
    printed = run(bin / "python", "smoke.py", cwd=tmp_path)
    assert printed == f"perface_jax {perface_jax.__version__}: similarity 1.0000\n"

    refused = run(bin / "perface", "train", *FLAGS, cwd=tmp_path, expect=2)
    assert refused.endswith('is not installed; run: python -m pip install "perface_jax[train]"\n')
    assert "Traceback" not in refused
    run(*install, "perface_jax[train]", cwd=tmp_path)  # the command that it named
    world = "--out=world", "--targets=10", "--sources=10", "--size=48"
    run(bin / "perface", "synthetic", *world, cwd=tmp_path)
    assert "step 2/2" in run(bin / "perface", "train", *FLAGS, cwd=tmp_path)
    assert 'perface_jax[report]"' in run(bin / "perface", "evaluate", *FLAGS, cwd=tmp_path, expect=2)

    run(*install, "perface_jax[report]", cwd=tmp_path)
    crops = "world/release/triplet"
    model = "--model", "run/model", "--detector", "none"
    for command, said in (
        (("evaluate", "--workdir=run"), "All numbers: run/evaluation.json"),
        (("audit", "world/release/triplet_answers.csv"), "100 triplets"),
        (("benchmark", "--model", "run/model", "--embed", "1", "--train", "2", "--seconds", "0"), "It trains on "),
        (("doctor", "--model", "run/model"), "known answer    right"),
        (("selftest", "run/model"), "right"),
        (("plan", "--simulations", "20", "--sources", "20", "--targets", "6"), "sources"),
        (("config", "identities"), "margin = 0.3"),
        (("compare", f"{crops}/t0000_a.jpg", f"{crops}/t0000_b.jpg", *model), "cosine"),
        (("rank", f"{crops}/t0000_a.jpg", crops, *model), "t0000_a"),
        (("embed", crops, *model, "--out", "faces.npz"), "300 of 300 pictures"),
        (("identities", "--out", "people", "--identities", "4", "--pictures", "2", "--size", "48"), "is written"),
    ):
        assert said in run(bin / "perface", *command, cwd=tmp_path), command
