"""Networks that are no IR-ResNet are named as what they are, by the names of their public code."""

import numpy as np
import pytest
import torch

import converters
from converters import other_networks
from tests import family_twins, torch_twin

TINY = {"width": 4, "image_size": 16, "embedding_size": 8}


def names(*keys):
    return {key: np.zeros(2, np.float32) for key in keys}


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        (names("layer1.0.bn0.weight", "layer1.0.se.fc.0.weight", "bn4.weight", "bn5.weight"), "SimSwap's own ArcFace"),
        (names("conv1.conv.weight", "conv2_dw.conv.weight", "conv_6_sep.conv.weight"), "a MobileFaceNet"),
        (names("layers.0.layers.0.weight", "conv_sep.layers.0.weight"), "a MobileFaceNet"),
        (names("patch_embed.proj.weight", "blocks.0.attn.qkv.weight"), r"a vision transformer \(ViT\)"),
        (names("backbone.net.pos_embed", "backbone.net.blocks.0.mlp.fc1.weight"), r"a vision transformer \(ViT\)"),
        (names("conv2d_1a.conv.weight", "repeat_1.0.branch0.conv.weight"), "an Inception-ResNet"),
        (names("layer1.0.conv1.weight", "layer1.0.conv2.weight", "layer1.0.bn1.weight"), "a plain ResNet"),
        (
            names("layer1.0.conv1.weight", "layer1.0.conv3.weight", "layer1.0.bn3.weight"),
            "a network of bottleneck blocks",
        ),
        (names("body.0.res_layer.0.weight", "body.0.res_layer.8.weight"), "a network of bottleneck blocks"),
        (names("layer1.0.conv1.weight", "layer1.0.conv1.zero_point", "fc._packed_params.dtype"), "a quantized network"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_network_is_named(tensors, said, prefix):
    checkpoint = {"epoch": 3, "state_dict": {prefix + name: array for name, array in tensors.items()}}
    with pytest.raises(ValueError, match=f"^this is {said}.* cannot be converted"):
        converters.from_state_dict(checkpoint)


@pytest.mark.parametrize("plain", [True, False])
def test_the_gates_of_ir_se_are_named(plain):
    network = family_twins.Ir((1, 1, 1, 1), **TINY, norm_before_prelu=not plain, gates=True)
    with pytest.raises(ValueError, match="this is an IR-SE network: squeeze-and-excitation gates"):
        converters.from_state_dict(network.state_dict())


def test_a_first_convolution_of_size_one_is_a_bottleneck():
    state_dict = family_twins.Ir((1, 1, 1, 1), **TINY).state_dict()
    state_dict["body.0.res_layer.1.weight"] = torch.zeros(4, 4, 1, 1)
    with pytest.raises(ValueError, match="bottleneck blocks"):
        converters.from_state_dict(state_dict)


@pytest.mark.parametrize(
    "network", [torch_twin.IResNet((1, 1, 1, 1), **TINY), family_twins.Ir((1, 1, 1, 1), **TINY)], ids=["arcface", "ir"]
)
def test_an_ir_resnet_is_none_of_them(network):
    assert other_networks.name_of(network.state_dict()) is None
