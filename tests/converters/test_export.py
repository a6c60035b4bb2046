"""The command: a file, its known answer and its record, all or none; slow: a full network in all three formats."""

import hashlib
import json
import pathlib

import numpy as np
import onnxruntime
import pytest
import torch
from etils import epath

from converters import arcface_onnx, arcface_torch, export, formats
from perface_jax.network.known_answer import read_known_answer
from perface_jax.network.model import iresnet
from perface_jax.network.model_folder import load_model, save_model
from tests import torch_twin
from tests.converters.test_stablehlo import run_alone
from tests.golden import formula

TINY = {"layers": (1, 1, 1, 1), "width": 4, "image_size": 16, "embedding_size": 8}
MODEL = iresnet(**TINY, crop="simswap", color_order="bgr", input_range=(0.0, 1.0), folded_norms=True)
BESIDE = (".known_answer.npz", ".json")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of a tiny model."""
    path = tmp_path_factory.mktemp("exported") / "model"
    save_model(path, MODEL, formula.variables(MODEL), license="CC0", source={"file": "theirs.pth"})
    return path


def run(folder, out, *options):
    export.main([str(folder), "--out", str(out), *options])


@pytest.mark.parametrize("name", ["onnx", "stablehlo", "safetensors"])
def test_a_file_stands_beside_its_answer_and_its_record(folder, tmp_path, capsys, name):
    out = tmp_path / "new" / f"a.{name}"
    run(folder, out)
    assert {file.name for file in out.parent.iterdir()} == {out.name, *(out.name + end for end in BESIDE)}
    record = json.loads(out.with_name(out.name + ".json").read_text())
    assert record["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert (record["model"]["crop"], record["model"]["license"]) == ("simswap", "CC0")
    assert record["error_when_written"] < record["tolerance"] == 1e-5
    wanted = [3, 16, 16] if name == "safetensors" else [16, 16, 3]
    assert record["inputs"]["images"]["shape"] == ["batch", *wanted]
    with np.load(out.with_name(out.name + BESIDE[0])) as answer:
        np.testing.assert_allclose(np.linalg.norm(answer["embeddings"], axis=1), 1, atol=1e-6)
        assert answer["lengths"].shape == (4, 1)
        assert answer["images"].shape == (4, 16, 16, 3)
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 80 + len(str(tmp_path))  # a path is not broken
    assert "IR-ResNet with blocks (1, 1, 1, 1)" in said
    assert "license: CC0" in said


@pytest.mark.parametrize(("name", "main"), [("onnx", arcface_onnx.main), ("safetensors", arcface_torch.main)])
def test_convert_reads_it_back_without_an_option(folder, tmp_path, name, main):
    run(folder, tmp_path / f"a.{name}")
    main([str(tmp_path / f"a.{name}"), "--out", str(tmp_path / "back")])
    (model, variables), (_, wanted) = load_model(tmp_path / "back"), load_model(folder)
    # The formula has no norm that is an identity, so nothing in the graph shows that norms had been folded.
    assert model == (MODEL if name == "safetensors" else MODEL.clone(folded_norms=False))
    for kind in wanted:
        assert str(variables[kind]) == str(wanted[kind])
    assert json.loads((tmp_path / "back/model.json").read_text())["license"] == "CC0"


def test_what_is_given_replaces_what_a_file_states(folder, tmp_path):
    run(folder, tmp_path / "a.safetensors")
    options = ["--color_order=rgb", "--crop=arcface", "--license=mine"]
    arcface_torch.main([str(tmp_path / "a.safetensors"), "--out", str(tmp_path / "b"), *options])
    arcface_torch.main([str(tmp_path / "a.safetensors"), "--out", str(tmp_path / "c"), "--family=arcface_torch"])
    model = load_model(tmp_path / "b")[0]
    assert (model.color_order, model.input_range, model.crop) == ("rgb", (0.0, 1.0), "arcface")
    model = load_model(tmp_path / "c")[0]
    assert (model.color_order, model.input_range, model.crop) == ("rgb", (-1.0, 1.0), "simswap")


def test_pytorch_loads_the_file_strictly(folder, tmp_path):
    from safetensors.torch import load_file

    run(folder, tmp_path / "a.safetensors")
    network = torch_twin.IResNet(TINY["layers"], width=4, image_size=16, embedding_size=8)
    network.load_state_dict(load_file(tmp_path / "a.safetensors"), strict=True)


@pytest.mark.parametrize("end", ["", *BESIDE])
def test_nothing_is_overwritten(tmp_path, capsys, end):
    (tmp_path / f"a.onnx{end}").write_text("mine")
    with pytest.raises(SystemExit, match="2"):
        run("no folder is opened", tmp_path / "a.onnx")
    assert (
        capsys.readouterr().err
        == f"{tmp_path}/a.onnx{end} exists, and nothing is overwritten: remove it or name another\n"
    )
    assert [file.read_text() for file in tmp_path.iterdir()] == ["mine"]


def test_a_file_that_computes_something_else_is_not_written(folder, tmp_path, capsys, monkeypatch):
    wrong = formats.FORMATS["onnx"]._replace(error=lambda *_: float("nan"))
    monkeypatch.setitem(export.FORMATS, "onnx", wrong)
    with pytest.raises(SystemExit, match="2"):
        run(folder, tmp_path / "a.onnx")
    assert "the exported file is nan of the largest value from the model" in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


def test_the_error_is_that_of_what_a_file_computes(folder):
    model, variables = load_model(folder)
    answer = read_known_answer(folder)
    other = formula.variables(model)
    other["params"]["fc"]["bias"] = other["params"]["fc"]["bias"] + np.float32(1e-3)
    for name in ("onnx", "safetensors"):
        data = formats.FORMATS[name].write(model, other, {})
        assert formats.FORMATS[name].error(data, model, variables, answer) > 1e-5


def test_where_one_part_cannot_be_named_none_stays(folder, tmp_path, monkeypatch):
    rename = pathlib.Path.rename

    def full(path, target):
        if path.name == "a.onnx":
            raise OSError(28, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(pathlib.Path, "rename", full)
    with pytest.raises(SystemExit, match="2"):
        run(folder, tmp_path / "a.onnx")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("out", "options", "said"),
    [
        ("a.bin", [], "wanted a file that ends in .stablehlo, .onnx, .safetensors, or --format\n"),
        ("a.pth", [], "or --format; perface convert FOLDER --out a.pth\n"),
        ("a.onnx", ["--format=stablehlo"], "--format stablehlo and a file that ends in .onnx contradict each other\n"),
        ("a.onnx", [], "nowhere is not a model folder"),
    ],
)
def test_wrong_arguments_are_one_line(tmp_path, monkeypatch, capsys, out, options, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="2"):
        run("nowhere", out, *options)
    assert said in capsys.readouterr().err


def test_another_ending_takes_a_format_and_another_dtype_is_recorded(folder, tmp_path):
    record = export.export(folder, tmp_path / "a.bin", format="stablehlo", dtype="bfloat16")
    assert (record["file_format"], record["model"]["dtype"], record["tolerance"]) == ("stablehlo", "bfloat16", 5e-2)
    assert 1e-4 < record["error_when_written"] < 5e-2
    with pytest.raises(ValueError, match=r"computes in bfloat16 .* --dtype=float32"):
        export.export(folder, tmp_path / "a.onnx", dtype="bfloat16")


def test_a_model_of_the_hub_goes_out_as_any_other(folder, tmp_path, monkeypatch):
    found = {"hf://org/name": epath.Path(folder)}
    monkeypatch.setattr(export, "local_folder", found.__getitem__)
    assert export.export("hf://org/name", tmp_path / "a.safetensors")["model"]["license"] == "CC0"


@pytest.mark.slow
def test_a_full_network_in_all_three_formats(tmp_path):
    model = iresnet("r50", crop="arcface")
    save_model(tmp_path / "model", model, formula.variables(model))
    records = {name: export.export(tmp_path / "model", tmp_path / f"r50.{name}") for name in formats.FORMATS}
    assert all(record["error_when_written"] < 1e-5 for record in records.values())
    assert all(174e6 < record["bytes"] < 190e6 for record in records.values())
    assert max(run_alone(tmp_path / "r50.stablehlo")) < 1e-5
    with np.load(tmp_path / f"r50.onnx{BESIDE[0]}") as answer:
        images, wanted = answer["images"], answer["embeddings"] * answer["lengths"]
    session = onnxruntime.InferenceSession(tmp_path / "r50.onnx")
    (found,) = session.run(["embeddings"], {"images": images[:1]})
    (lengths,) = session.run(["lengths"], {"images": images[:1]})
    assert np.abs(found * lengths - wanted[:1]).max() / np.abs(wanted).max() < 1e-5
    from safetensors.torch import load_file

    network = torch_twin.golden("r50")
    network.load_state_dict(load_file(tmp_path / "r50.safetensors"), strict=True)
    with torch.no_grad():
        found = network.eval()(torch_twin.planes(images)).numpy()
    assert np.abs(found - wanted).max() / np.abs(wanted).max() < 1e-5
