"""The PyTorch twin is arcface_torch's network: same names in the same order, same embeddings."""

import json

import numpy as np
import pytest
import torch

from tests import torch_twin
from tests.golden import formula


@pytest.mark.parametrize("arch", ["r18", "r34", "r50", "r100"])
def test_the_state_dict_has_the_golden_names_shapes_and_types_in_order(arch):
    with torch.device("meta"):
        network = torch_twin.IResNet(torch_twin.LAYERS[arch])
    seen = [[key, list(x.shape), str(x.dtype).removeprefix("torch.")] for key, x in network.state_dict().items()]
    assert seen == json.loads((formula.FOLDER / f"keys_{arch}.json").read_text())


def test_the_scale_of_the_last_norm_is_not_trained():
    network = torch_twin.IResNet((1, 1, 1, 1), width=4, image_size=16, embedding_size=8)
    assert [name for name, x in network.named_parameters() if not x.requires_grad] == ["features.weight"]


def test_r18_reproduces_the_golden_embeddings():
    with torch.no_grad():
        seen = torch_twin.golden("r18")(torch_twin.planes(formula.pictures())).numpy()
    with np.load(formula.FOLDER / "embeddings.npz") as golden:
        wanted = golden["r18_float64"]
    assert np.abs(seen - wanted).max() / np.abs(wanted).max() < 1e-6


def test_small_variants_take_other_sizes():
    network = torch_twin.golden("r18", width=8, image_size=48, embedding_size=16)
    assert network.fc.weight.shape == (16, 64 * 3 * 3)
    with torch.no_grad():
        assert network(torch.zeros(2, 3, 48, 48)).shape == (2, 16)
