"""PyTorch checkpoints in: every key used or dropped by name, every fault named, nothing executed."""

import collections
import os
import pickle

import jax
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from converters import arcface_torch
from perface_jax.network.model import iresnet
from perface_jax.network.model_folder import load_model
from tests.golden import formula
from tests.torch_twin import IResNet as TorchIResNet

SMALL = {"width": 4, "image_size": 32, "embedding_size": 16}


@pytest.fixture
def state_dict():
    """A small network's PyTorch state dict, with the counters PyTorch keeps."""
    torch.manual_seed(0)
    network = TorchIResNet((2, 2, 2, 2), **SMALL)
    return {
        key: torch.from_numpy(formula.tensor(key, tuple(value.shape))) for key, value in network.state_dict().items()
    }


def same(one, other):
    jax.tree.map(np.testing.assert_array_equal, one, other)


def test_the_small_network_embeds_as_pytorch_does(state_dict):
    model, variables = arcface_torch.recognize(state_dict), arcface_torch.convert(state_dict)
    assert model == iresnet("r18", **SMALL)
    network = TorchIResNet((2, 2, 2, 2), **SMALL).eval()
    network.load_state_dict(state_dict)
    images = np.random.default_rng(0).uniform(-1, 1, (3, 32, 32, 3)).astype(np.float32)
    with torch.no_grad():
        wanted = network(torch.from_numpy(images.transpose(0, 3, 1, 2))).numpy()
    embeddings = jax.jit(model.apply)(variables, images)
    np.testing.assert_allclose(embeddings, wanted, atol=5e-6 * np.abs(wanted).max())


@pytest.mark.parametrize("arch", ["r18", "r34", "r50", "r100", "r200"])
def test_the_architecture_is_recognized_from_the_keys(arch):
    model = iresnet(arch, width=4, image_size=32, embedding_size=8)
    depths = {
        f"layer{stage}.{i}.conv1.weight": np.zeros(1)
        for stage, depth in enumerate(model.layers, 1)
        for i in range(depth)
    }
    tensors = {"bn1.weight": np.zeros(4), "fc.bias": np.zeros(8), "fc.weight": np.zeros((8, 4 * 8 * 4)), **depths}
    assert arcface_torch.recognize(tensors) == model


@pytest.mark.parametrize("prefix", ["module.", "backbone.", "module.backbone."])
def test_prefixes_and_nesting_make_no_difference(state_dict, prefix):
    wrapped = {"epoch": 3, "state": {"model": {prefix + key: value for key, value in state_dict.items()}}}
    same(arcface_torch.convert(wrapped), arcface_torch.convert(state_dict))


def test_half_precision_files_become_float32_of_the_same_values(state_dict):
    half = {key: value.half() if value.is_floating_point() else value for key, value in state_dict.items()}
    variables = arcface_torch.convert(half)
    kernel = variables["params"]["conv1"]["kernel"]
    assert kernel.dtype == np.float32
    np.testing.assert_array_equal(kernel, half["conv1.weight"].numpy().astype(np.float32).transpose(2, 3, 1, 0))


def test_files_without_counters_are_whole(state_dict):
    plain = {key: value for key, value in state_dict.items() if "num_batches" not in key}
    same(arcface_torch.convert(plain), arcface_torch.convert(state_dict))


def test_missing_unexpected_and_misshapen_keys_are_all_named_and_sorted(state_dict):
    state_dict["layer1.0.se.weight"] = torch.zeros(2)
    state_dict["fc.bias"] = torch.zeros(7)
    del state_dict["layer4.1.bn3.running_mean"]
    with pytest.raises(ValueError, match="missing") as error:
        arcface_torch.convert(state_dict)
    assert str(error.value).splitlines()[1:] == [
        "- fc.bias [16]",
        "+ fc.bias [7]",
        "+ layer1.0.se.weight [2]",
        "- layer4.1.bn3.running_mean [32]",
    ]


def test_a_file_with_a_block_missing_says_which_keys_it_lacks(state_dict):
    broken = {key: value for key, value in state_dict.items() if not key.startswith("layer3.1.")}
    with pytest.raises(ValueError, match=r"- layer3\.1\.conv1\.weight"):
        arcface_torch.convert(broken)


def test_another_architecture_than_the_one_confirmed_is_refused(state_dict):
    with pytest.raises(ValueError, match="weights of r18 .* not of r50"):
        arcface_torch.convert(state_dict, arch="r50")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_named(state_dict, bad):
    state_dict["layer2.0.prelu.weight"][1] = bad
    with pytest.raises(ValueError, match=r"NaN or Inf.*layer2\.0\.prelu\.weight"):
        arcface_torch.convert(state_dict)


def test_a_negative_variance_is_named(state_dict):
    state_dict["bn2.running_var"][0] = -1
    with pytest.raises(ValueError, match=r"negative running variance in bn2\.running_var"):
        arcface_torch.convert(state_dict)


def test_another_scale_of_the_last_norm_is_refused(state_dict):
    state_dict["features.weight"][3] = 1.5
    with pytest.raises(ValueError, match=r"features\.weight must be all ones"):
        arcface_torch.convert(state_dict)


@pytest.mark.parametrize(
    ("key", "shape"), [("conv1.weight", (8, 3, 3, 3)), ("conv1.weight", ()), ("fc.weight", (16,)), ("fc.bias", (0,))]
)
def test_one_wrong_tensor_is_the_only_one_named(state_dict, key, shape):
    # Without fc.weight nothing tells the size of the pictures: then it is taken to be 112.
    wanted = [16, 7 * 7 * 32] if key == "fc.weight" else list(state_dict[key].shape)
    state_dict[key] = torch.zeros(shape)
    with pytest.raises(ValueError, match="missing") as error:
        arcface_torch.convert(state_dict)
    assert str(error.value).splitlines()[1:] == [f"- {key} {wanted}", f"+ {key} {list(shape)}"]


def test_tensors_of_other_kinds_are_refused_and_bfloat16_is_taken(state_dict):
    with pytest.raises(ValueError, match=r"fc\.bias is no tensor of floating numbers but int64"):
        arcface_torch.convert({**state_dict, "fc.bias": np.arange(16)})
    with pytest.raises(ValueError, match=r"fc\.bias is float64 with digits"):
        arcface_torch.convert({**state_dict, "fc.bias": np.full(16, 0.1)})
    with pytest.raises(ValueError, match=r"\+ 3 \[2\]"):
        arcface_torch.convert({**state_dict, 3: torch.zeros(2)})
    with pytest.raises(TypeError, match="got list"):
        arcface_torch.convert([1])
    half = np.asarray(state_dict["fc.bias"]).astype(jax.numpy.bfloat16)
    bias = arcface_torch.convert({**state_dict, "fc.bias": half})["params"]["fc"]["bias"]
    np.testing.assert_array_equal(bias, half.astype(np.float32))


def test_something_else_than_a_network_is_refused():
    with pytest.raises(ValueError, match="no IR-ResNet.*optimizer"):
        arcface_torch.convert({"optimizer": {"lr": 0.1}})
    with pytest.raises(ValueError, match=r"conv1\.weight is no tensor"):
        arcface_torch.convert({"conv1.weight": "hello", "layer1.0.x": np.zeros(1)})


@pytest.mark.parametrize("name", ["r18.pth", "r18.pt", "r18.safetensors"])
def test_the_command_writes_a_model_folder(tmp_path, capsys, state_dict, name):
    file, out = tmp_path / name, tmp_path / "models" / "small"
    if name.endswith(".safetensors"):
        save_file(state_dict, file)
    else:
        torch.save({"state_dict": state_dict}, file)
    arcface_torch.main([str(file), "--arch", "r18", "--out", str(out)])
    assert "r18" in capsys.readouterr().out
    model, variables = load_model(out)
    assert (model.layers, model.width, model.crop) == ((2, 2, 2, 2), 4, "arcface")
    same(variables, arcface_torch.convert(state_dict))


class Malicious:
    """A pickle that would leave a file behind if it were executed."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return os.system, (f"touch {self.file}",)


def _bad_file(kind, folder):
    file = folder / "weights.pth"
    if kind == "pickle":
        file.write_bytes(pickle.dumps(Malicious(folder / "executed")))
    elif kind == "pickle in a torch archive":
        torch.save({"conv1.weight": Malicious(folder / "executed")}, file)
    elif kind == "html":
        file.write_text("<!DOCTYPE html><html>Google Drive can't scan this file</html>")
    elif kind == "lfs":
        file.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 174\n")
    elif kind == "empty":
        file.touch()
    elif kind == "truncated":
        torch.save({"conv1.weight": torch.zeros(1000)}, file)
        file.write_bytes(file.read_bytes()[:600])
    elif kind == "tensor":
        torch.save(torch.zeros(3), file)
    elif kind == "folder":
        file.mkdir()
    return file


BAD_FILES = collections.OrderedDict(
    [
        ("pickle", "more than plain weights.*nothing in it was executed"),
        ("pickle in a torch archive", "more than plain weights.*nothing in it was executed"),
        ("html", "HTML page"),
        ("lfs", "Git LFS pointer"),
        ("empty", "is empty"),
        ("truncated", "damaged, cut off"),
        ("tensor", "holds a Tensor; wanted a state dict"),
        ("folder", "is a folder"),
        ("missing", "no file"),
    ]
)


@pytest.mark.parametrize("kind", BAD_FILES)
def test_bad_files_are_refused_and_leave_nothing(tmp_path, capsys, kind):
    file, out = _bad_file(kind, tmp_path), tmp_path / "out"
    with pytest.raises((ValueError, FileNotFoundError), match=f"(?s){BAD_FILES[kind]}"):
        arcface_torch.read(file)
    with pytest.raises(SystemExit) as stop:
        arcface_torch.main([str(file), "--out", str(out)])
    assert stop.value.code == 2
    assert "weights.pth" in capsys.readouterr().err
    assert not out.exists()
    assert not (tmp_path / "executed").exists()
