"""Any depth of basic blocks converts; what does not is told in a few lines."""

import numpy as np
import pytest
import torch

import converters
from converters import state_dicts
from perface_jax.images import normalize
from tests import family_twins, torch_twin

TINY = {"width": 4, "image_size": 16, "embedding_size": 8}
PUBLISHED = {"r120": (3, 16, 37, 3), "IR_152 of face.evoLVe": (3, 8, 36, 3), "r2060": (3, 128, 1024, 3)}


def names_alone(layers):
    """A state dict of one small tensor a block: enough for its depth."""
    blocks = {
        f"layer{stage}.{i}.prelu.weight": np.ones(1) for stage, depth in enumerate(layers, 1) for i in range(depth)
    }
    return {"bn1.weight": np.zeros(4), "fc.bias": np.zeros(8), "fc.weight": np.zeros((8, 32)), **blocks}


@pytest.mark.parametrize("layers", PUBLISHED.values(), ids=PUBLISHED)
def test_other_published_depths_are_recognized(layers):
    source = state_dicts.open_checkpoint(names_alone(layers))
    model = state_dicts.recognize(source)
    assert model.layers == layers
    assert state_dicts.title(model) == f"IR-ResNet with blocks {layers}"
    assert state_dicts.recognize(source, arch=",".join(map(str, layers))) == model


def test_a_difference_has_twelve_lines_and_a_count():
    with pytest.raises(ValueError, match="missing") as error:
        converters.from_state_dict(names_alone((2, 2, 2, 2)), family="arcface_torch")
    lines = str(error.value).splitlines()
    assert len(lines) == 14
    assert lines[-1].startswith("and ")
    assert lines[-1].endswith(" more")


def test_another_depth_than_the_one_confirmed_is_refused_by_its_blocks():
    state_dict = torch_twin.IResNet((1, 2, 1, 1), **TINY).state_dict()
    with pytest.raises(ValueError, match=r"weights of an IR-ResNet with blocks \(1, 2, 1, 1\), not of r50"):
        converters.from_state_dict(state_dict, family="arcface_torch", arch="r50")
    with pytest.raises(ValueError, match="unknown architecture 'r51'; wanted one of r18, .*3,16,37,3"):
        converters.from_state_dict(state_dict, family="arcface_torch", arch="r51")


def test_one_block_less_than_a_published_network_must_be_meant():
    state_dict = torch_twin.golden((2, 2, 1, 2), **TINY).state_dict()
    with pytest.raises(ValueError, match=r"lacks one block of r18.*\n- layer3\.1\.conv1\.weight.*\n.*--arch=2,2,1,2"):
        converters.from_state_dict(state_dict)
    assert converters.from_state_dict(state_dict, arch="2,2,1,2")[0].layers == (2, 2, 1, 2)


def test_a_block_of_a_wild_number_does_not_build_a_wild_network():
    wild = {**names_alone((2, 2, 2, 2)), "layer1.999999999.bn1.weight": np.ones(1)}
    with pytest.raises(ValueError, match="9 blocks of an IR-ResNet with blocks .1000000000, 2, 2, 2.: most .* missing"):
        converters.from_state_dict(wild, family="arcface_torch")


def test_ir_with_another_number_of_stages_is_refused():
    state_dict = family_twins.Ir((1, 1, 1, 1), **TINY).state_dict()
    state_dict |= {f"body.4.{name}": torch.zeros(1) for name in ("shortcut_layer.0.weight", "res_layer.0.weight")}
    with pytest.raises(ValueError, match="has 5 stages; an IR-ResNet has four"):
        converters.from_state_dict(state_dict, family="adaface")


def test_norms_that_a_family_lacks_change_nothing_and_are_not_trained():
    network = family_twins.with_weights(family_twins.Ir((1, 1, 1, 1), **TINY, norm_before_prelu=False))
    model, variables = converters.from_state_dict(network.state_dict())
    norm, statistics = variables["params"]["layer1_0"]["bn2"], variables["batch_stats"]["layer1_0"]["bn2"]
    assert (statistics["var"] + np.float32(model.epsilon) == 1).all()
    assert (norm["scale"] == 1).all()
    assert not statistics["mean"].any()
    images = normalize(np.zeros((1, 16, 16, 3), np.uint8))
    with pytest.raises(ValueError, match="a network without some of these norms"):
        model.apply(variables, images, train=True, mutable=["batch_stats"])


def test_names_of_two_layouts_in_one_network_are_refused():
    state_dict = family_twins.Ir((1, 1, 1, 1), **TINY).state_dict()
    with pytest.raises(ValueError, match=r"two names stand for one tensor .*conv1\.weight|input_layer\.0\.weight"):
        converters.from_state_dict({**state_dict, "conv1.weight": torch.zeros(2)}, family="adaface")


def test_the_same_function_has_both_names():
    import perface_jax.converters

    assert perface_jax.converters.from_state_dict.__name__ == converters.from_state_dict.__name__
