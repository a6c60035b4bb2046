"""Conversion to PyTorch: bit-identical, and accepted with strict=True."""

import numpy as np
import pytest
import torch

from converters import arcface_torch, to_torch
from perface_jax.network.model import iresnet
from perface_jax.network.model_folder import save_model
from tests.golden import formula
from tests.torch_twin import IResNet as TorchIResNet


@pytest.mark.parametrize("arch", ["r18", pytest.param("r50", marks=pytest.mark.slow)])
def test_a_round_trip_is_bit_identical_and_keeps_the_order(arch):
    there = formula.state_dict(arch)
    back = to_torch.to_state_dict(arcface_torch.recognize(there), arcface_torch.convert(there))
    assert list(back) == list(there)
    for name, tensor in there.items():
        assert back[name].dtype == tensor.dtype
        if tensor.dtype == np.float32:
            assert back[name].tobytes() == tensor.tobytes(), name
        else:
            assert back[name] == 0


def test_the_command_writes_what_pytorch_loads_strictly(tmp_path, capsys):
    model = iresnet("r18", width=4, image_size=32, embedding_size=16)
    save_model(tmp_path / "model", model, formula.variables(model))
    to_torch.main([str(tmp_path / "model"), "--out", str(tmp_path / "back.pth")])
    loaded = torch.load(tmp_path / "back.pth", weights_only=True)
    TorchIResNet((2, 2, 2, 2), width=4, image_size=32, embedding_size=16).load_state_dict(loaded, strict=True)
    assert "187 keys" in capsys.readouterr().out


def test_another_input_contract_is_said_where_it_goes_back(tmp_path, capsys):
    model = iresnet("r18", layers=(1, 1, 1, 1), width=4, image_size=16, embedding_size=8, color_order="bgr")
    save_model(tmp_path / "model", model, formula.variables(model))
    to_torch.main([str(tmp_path / "model"), "--out", str(tmp_path / "back.pth")])
    assert "unlike arcface_torch, these weights expect BGR in [-1, 1], epsilon 1e-05" in capsys.readouterr().out


def test_a_file_that_is_there_is_not_overwritten(tmp_path, capsys):
    (tmp_path / "there.pth").write_text("mine")
    with pytest.raises(SystemExit):
        to_torch.main([str(tmp_path), "--out", str(tmp_path / "there.pth")])
    assert "exists" in capsys.readouterr().err
    assert (tmp_path / "there.pth").read_text() == "mine"


def test_a_name_that_is_no_file_of_pytorch_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        to_torch.main([str(tmp_path), "--out", str(tmp_path / "folder")])
    assert end.value.code == 2
    assert capsys.readouterr().err == f"saw --out {tmp_path / 'folder'}, wanted a file that ends in .pth or .pt\n"


def test_variables_of_another_model_are_refused():
    model = iresnet("r18", width=4, image_size=32, embedding_size=16)
    with pytest.raises(ValueError, match=r"- params/layer3_1/.*\n"):
        to_torch.to_state_dict(model.clone(layers=(2, 2, 3, 2)), formula.variables(model.clone(layers=(2, 2, 1, 2))))
