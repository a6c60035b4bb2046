"""`perface convert`: which converter a file goes to, and what is said of others."""

import sys

import pytest

from converters import arcface_onnx, arcface_torch, to_torch
from perface_jax.commands import convert


@pytest.fixture
def asked(monkeypatch):
    """(converter, arguments) of each call."""
    calls = []
    for module in (arcface_onnx, arcface_torch, to_torch):
        name = module.__name__.rpartition(".")[2]
        __import__(f"perface_jax.converters.{name}")
        installed = sys.modules[f"perface_jax.converters.{name}"]
        monkeypatch.setattr(installed, "main", lambda given, name=name: calls.append((name, given)))
    return calls


@pytest.mark.parametrize(
    ("name", "converter"),
    [
        ("a.pth", "arcface_torch"),
        ("a.PT", "arcface_torch"),
        ("b.safetensors", "arcface_torch"),
        ("adaface.ckpt", "arcface_torch"),
        ("checkpoint.pth.tar", "arcface_torch"),
        ("pytorch_model.bin", "arcface_torch"),
        ("c.onnx", "arcface_onnx"),
    ],
)
def test_a_file_goes_to_its_converter_with_all_options(asked, name, converter):
    convert.main(["--crop", "simswap", name, "--out", "models/a.onnx"])
    assert asked == [(converter, ["--crop", "simswap", name, "--out", "models/a.onnx"])]


def test_a_model_folder_goes_to_pytorch(asked, tmp_path):
    (tmp_path / "model.json").touch()
    convert.main([str(tmp_path), "--out=a.pth"])
    assert asked == [("to_torch", [str(tmp_path), "--out=a.pth"])]


def test_other_files_are_refused_with_what_is_wanted(asked, tmp_path):
    with pytest.raises(SystemExit, match=r"saw 'a.h5', wanted a file that ends in .pth, .*, or a model folder"):
        convert.main(["a.h5", "--out", "models/a"])
    with pytest.raises(SystemExit, match="is a folder without model.json; wanted a file of weights, or a model folder"):
        convert.main([str(tmp_path), "--family=adaface", "--out", "models/a"])
    with pytest.raises(SystemExit, match="there is no folder 'face-anon-simple'"):
        convert.main(["face-anon-simple", "--out", "models/a"])
    assert not asked


def test_without_a_file_the_forms_are_shown_where_help_is_asked_for(capsys):
    with pytest.raises(SystemExit, match="saw no file, wanted weights or a model folder; perface convert --help"):
        convert.main(["--out", "models/a"])
    with pytest.raises(SystemExit) as end:
        convert.main(["--help"])
    assert end.value.code == 0
    page = capsys.readouterr().out
    assert "a model folder" in page
    assert max(map(len, page.splitlines())) <= 80
