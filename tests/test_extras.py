"""A missing optional package is named in one line, with the command that installs it."""

import subprocess
import sys
import tomllib

import pytest

from converters import arcface_torch, to_torch
from perface_jax import commands, extras
from tests.conftest import ROOT

DISTRIBUTIONS = {  # where the name of the import is another one than that of the project
    "absl": "absl-py",
    "crowdkit": "crowd-kit",
    "cv2": "opencv-python-headless",
    "jax_cuda12_plugin": "jax[cuda12-local,tpu]",
    "libtpu": "jax[cuda12-local,tpu]",
}


def test_every_package_of_the_table_is_in_its_extra():
    with open(ROOT / "pyproject.toml", "rb") as file:
        listed = tomllib.load(file)["project"]["optional-dependencies"]
    for package, extra in extras.EXTRAS.items():
        name = DISTRIBUTIONS.get(package, package).replace("_", "-")
        assert any(line.replace("_", "-").startswith(name) for line in listed[extra]), package


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "grain", None)
    wanted = r'^grain is not installed; run: python -m pip install "perface_jax\[train\]"$'
    with pytest.raises(extras.MissingExtra, match=wanted), extras.explained():
        import grain  # noqa: F401
    with pytest.raises(SystemExit, match=wanted), extras.explained(program=True):
        import grain.experimental  # noqa: F401


def test_other_missing_modules_stay_what_they_are():
    with pytest.raises(ModuleNotFoundError, match="No module named 'grian'") as error, extras.explained():
        import grian  # noqa: F401
    assert not isinstance(error.value, extras.MissingExtra)


def test_a_command_ends_with_the_line(monkeypatch, capsys):
    for loaded in [name for name in sys.modules if name.startswith("perface_jax.commands.")]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, "ml_collections", None)
    with pytest.raises(SystemExit, match="^2$"):
        commands.call("train")
    assert (
        capsys.readouterr().err == 'ml_collections is not installed; run: python -m pip install "perface_jax[train]"\n'
    )


@pytest.mark.parametrize(
    ("name", "package", "extra"), [("a.pth", "torch", "torch"), ("a.safetensors", "safetensors", "convert")]
)
def test_a_converter_ends_with_the_line(monkeypatch, capsys, tmp_path, name, package, extra):
    (tmp_path / name).write_text("weights")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SystemExit) as stop:
        arcface_torch.main([str(tmp_path / name), "--out", str(tmp_path / "out")])
    assert stop.value.code == 2
    assert capsys.readouterr().err == f'{package} is not installed; run: python -m pip install "perface_jax[{extra}]"\n'


def test_writing_for_pytorch_without_it_ends_with_the_line(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(SystemExit):
        to_torch.main([str(tmp_path), "--out", str(tmp_path / "a.pth")])
    assert 'pip install "perface_jax[torch]"' in capsys.readouterr().err


BROUGHT_BY_FLAX_AND_ORBAX = {"absl", "rich"}
LIGHT = """
import sys
sys.modules.update(dict.fromkeys({absent}))
import perface_jax.folding, perface_jax.compilation, perface_jax.anonymize
assert perface_jax.folding is sys.modules["perface_jax.network.folding"]
from perface_jax import commands, landmarks, selftest
from perface_jax.commands import compare, convert, doctor, embed, rank
from perface_jax.datasets import identities, synthetic, synthetic_identities
from perface_jax.converters import arcface_torch, to_torch
"""


def test_the_core_and_the_converters_import_without_any_extra():
    code = LIGHT.format(absent=sorted(set(extras.EXTRAS) - BROUGHT_BY_FLAX_AND_ORBAX))
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
