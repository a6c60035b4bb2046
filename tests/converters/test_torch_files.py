"""What stands in the way of reading a file is named; only a damaged one should be downloaded again."""

import argparse
import sys
import types

import numpy as np
import pytest
import torch

from converters import torch_files
from tests import torch_twin

TINY = {"width": 4, "image_size": 16, "embedding_size": 8}


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: torch.nn.Conv2d(3, 4, 3), r"a pickled module \(torch.nn.modules.conv.Conv2d\).*state_dict\(\)"),
        (lambda: torch_twin.IResNet((1, 1, 1, 1), **TINY), r"a pickled module.*\(t"),
        (lambda: {"args": argparse.Namespace(lr=0.1)}, r"an argparse.Namespace.*state_dict\(\)"),
        (lambda: {"best": np.float64(0.9)}, r"a NumPy scalar.*state_dict\(\)"),
        (lambda: {"mean": np.zeros(3)}, "a NumPy array"),
        (lambda: {"config": types.SimpleNamespace(lr=0.1)}, r"another Python object \(types.SimpleNamespace\)"),
    ],
    ids=["module", "own module", "Namespace", "NumPy scalar", "NumPy array", "other object"],
)
@pytest.mark.parametrize("archive", [True, False], ids=["archive", "before PyTorch 1.6"])
def test_what_is_pickled_beside_weights_is_named(tmp_path, made, said, archive):
    torch.save(made(), tmp_path / "a.pth", _use_new_zipfile_serialization=archive)
    with pytest.raises(ValueError, match=f"more than plain weights: .*{said}") as error:
        torch_files.read(tmp_path / "a.pth")
    assert "download" not in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")
def test_torchscript_is_named(tmp_path):
    torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2)), str(tmp_path / "a.pt"))
    with pytest.raises(ValueError, match=r"is a TorchScript archive.*torch.jit.load\(FILE\).state_dict\(\)"):
        torch_files.read(tmp_path / "a.pt")


@pytest.mark.parametrize("archive", [True, False], ids=["archive", "before PyTorch 1.6"])
def test_a_file_that_is_cut_off_should_be_downloaded_again(tmp_path, archive):
    file = tmp_path / "a.pth"
    torch.save({"conv1.weight": torch.zeros(1000)}, file, _use_new_zipfile_serialization=archive)
    file.write_bytes(file.read_bytes()[:-2000])
    with pytest.raises(ValueError, match="is damaged, cut off.*download it again"):
        torch_files.read(file)


def test_objects_of_lightning_beside_the_weights_are_not_run_and_not_in_the_way(tmp_path, monkeypatch):
    module = types.ModuleType("pytorch_lightning.callbacks")
    monkeypatch.setitem(sys.modules, "pytorch_lightning", types.ModuleType("pytorch_lightning"))
    monkeypatch.setitem(sys.modules, "pytorch_lightning.callbacks", module)
    module.ModelCheckpoint = type("ModelCheckpoint", (), {"__module__": module.__name__})
    checkpoint = {"callbacks": {module.ModelCheckpoint: {"best": 0.9}}, "state_dict": {"conv1.weight": torch.ones(2)}}
    torch.save(checkpoint, tmp_path / "a.ckpt")
    monkeypatch.undo()
    loaded = torch_files.read(tmp_path / "a.ckpt")
    assert (loaded["state_dict"]["conv1.weight"] == 1).all()
