"""The network is found wherever it stands; of two, none is taken without a word."""

import numpy as np
import pytest

import converters
from converters import arcface_torch, checkpoints
from perface_jax import load_model
from tests import torch_twin

TINY = {"width": 4, "image_size": 16, "embedding_size": 8}


@pytest.fixture(scope="module")
def state_dict():
    return torch_twin.golden((1, 1, 1, 1), **TINY).state_dict()


@pytest.fixture(scope="module")
def other(state_dict):
    return {name: 2 * tensor if name == "conv1.weight" else tensor for name, tensor in state_dict.items()}


def prefixed(prefix, tensors):
    return {prefix + name: tensor for name, tensor in tensors.items()}


def kernel(checkpoint, **options):
    return np.asarray(converters.from_state_dict(checkpoint, **options)[1]["params"]["conv1"]["kernel"])


PREFIXES = (
    "module.", "model.", "net.", "encoder.", "netArc.", "_orig_mod.", "backbone.", "features.module.",
    "module.features.", "_orig_mod.module.model.", "a.b.c.",
)  # fmt: skip


@pytest.mark.parametrize("prefix", PREFIXES)
def test_any_common_prefix_is_removed(state_dict, prefix):
    inside = {**prefixed(prefix, state_dict), "head.kernel": np.zeros((8, 3)), "fc.weight": np.zeros((3, 8))}
    np.testing.assert_array_equal(kernel({"state_dict": inside}), kernel(state_dict))


def test_names_of_wrappers_are_removed_inside_too(state_dict):
    wrapped = {name.replace("layer1.0.", "layer1.0._orig_mod."): tensor for name, tensor in state_dict.items()}
    np.testing.assert_array_equal(kernel(wrapped), kernel(state_dict))


def test_one_name_that_stands_twice_is_refused(state_dict):
    with pytest.raises(ValueError, match=r"conv1\.weight occurs twice .* as module\.conv1\.weight"):
        kernel({**state_dict, "module.conv1.weight": state_dict["conv1.weight"]})


def _pairs(one, two):
    return {
        "state_dict_ema": {"state_dict": one, "state_dict_ema": prefixed("module.", two)},
        "ema": {"epoch": 3, "model": one, "ema": two},
        "student": {"teacher": one, "student": two},
        "encoder_k": {"state_dict": {**prefixed("encoder_q.", one), **prefixed("encoder_k.", two)}},
        "netArc2": {**one, **prefixed("netArc2.", two)},
    }


@pytest.mark.parametrize("second", ["state_dict_ema", "ema", "student", "encoder_k", "netArc2"])
def test_two_networks_are_refused_until_one_is_chosen(state_dict, other, second):
    checkpoint = _pairs(state_dict, other)[second]
    with pytest.raises(ValueError, match=f"2 networks in one file: .*{second}.* Choose one with --key"):
        kernel(checkpoint)
    np.testing.assert_array_equal(kernel(checkpoint, key=second), kernel(other))
    with pytest.raises(ValueError, match=f"no network at mine; there is one at .*{second}"):
        kernel(checkpoint, key="mine")


def test_the_very_place_comes_before_what_is_below_it(state_dict, other):
    checkpoint = {"state_dict": {**state_dict, **prefixed("ema.", other)}}
    np.testing.assert_array_equal(kernel(checkpoint, key="state_dict"), kernel(state_dict))
    np.testing.assert_array_equal(kernel(checkpoint, key="ema"), kernel(other))


def test_the_network_of_the_checkpoint_itself_is_a_dot(state_dict, other):
    checkpoint = _pairs(state_dict, other)["netArc2"]
    np.testing.assert_array_equal(kernel(checkpoint, key="."), kernel(state_dict))


def test_a_network_of_another_kind_beside_it_is_no_choice(state_dict):
    generator = {f"generator.layer1.0.{name}": np.zeros((2, 2, 3, 3)) for name in ("conv1.weight", "conv2.weight")}
    found = checkpoints.find({**prefixed("netArc.", state_dict), **generator})
    assert found.path == "netArc"
    assert found.beside == list(generator)


def test_the_command_takes_the_network_of_its_key_and_names_what_it_leaves(state_dict, other, tmp_path, capsys):
    import torch

    inside = {"ema": {**prefixed("backbone.", other), "head.kernel": torch.zeros(2)}, "model": state_dict}
    torch.save(inside, tmp_path / "a.pth")
    arcface_torch.main([str(tmp_path / "a.pth"), "--key=ema", "--out", str(tmp_path / "model")])
    printed = capsys.readouterr().out
    assert "IR-ResNet with blocks (1, 1, 1, 1)" in printed
    assert "at ema.backbone" in printed
    assert "not of the network: head.kernel" in printed
    seen = load_model(tmp_path / "model")[1]["params"]["conv1"]["kernel"]
    np.testing.assert_array_equal(seen, kernel(other))


def test_names_are_listed_up_to_twelve():
    assert checkpoints.listed([str(i) for i in range(40)]).endswith("10, 11 and 28 more")
