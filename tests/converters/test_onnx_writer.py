"""The ONNX graph that is written: what ONNX Runtime computes from it, and that it comes back as it was."""

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import onnxruntime
import pytest

from converters import arcface_onnx, state_dicts
from converters.onnx_writer import to_onnx
from perface_jax.network.model import iresnet
from tests.converters import test_families
from tests.converters.test_stablehlo import of_twin
from tests.golden import formula

SMALL = {"width": 8, "image_size": 32, "embedding_size": 16}
MAGFACE = {"color_order": "bgr", "input_range": (0.0, 1.0), "epsilon": 2e-5}
TOLERANCE = 1e-5  # of the largest value


def run(proto, pictures):
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(["embeddings", "lengths"], {"images": pictures})


def error(proto, model, pictures):
    wanted = of_twin(model, pictures)
    directions, lengths = run(proto, pictures)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1, atol=1e-6)
    return np.abs(directions * lengths - wanted).max() / np.abs(wanted).max()


@pytest.mark.parametrize(
    ("arch", "contract"),
    [("r18", {}), *(pytest.param(arch, MAGFACE, marks=pytest.mark.slow) for arch in ("r34", "r50", "r100", "r200"))],
)
def test_onnx_runtime_computes_the_network_for_any_number_of_pictures(arch, contract):
    model = iresnet(arch, **SMALL, **contract)
    proto = to_onnx(model, formula.variables(model))
    for count in (1, 3):
        assert error(proto, model, formula.pictures(count)[:, :32, :32]) < TOLERANCE


@pytest.mark.parametrize("family", test_families.TWINS)
def test_a_network_of_any_family_goes_out_with_its_contract_and_comes_back(family):
    state_dict, wanted = test_families.twin(family)
    model, variables = state_dicts.from_state_dict(state_dict, family=family)
    proto = to_onnx(model, variables)
    directions, lengths = run(proto, test_families.PICTURES)
    assert test_families.relative_error(directions * lengths, wanted) < TOLERANCE
    back, same = arcface_onnx.convert(proto)
    assert back == model.clone(epsilon=1e-5)  # another one moves into the variances
    if model.epsilon == 1e-5:
        jax.tree.map(np.testing.assert_array_equal, dict(variables), same)


def test_a_collapsed_embedding_has_no_direction_and_is_no_nan():
    model = iresnet("r18", **SMALL)
    variables = formula.variables(model)
    for name in ("scale", "bias"):
        kind = "constants" if name == "scale" else "params"
        variables[kind]["features"][name] = np.zeros_like(variables[kind]["features"][name])
    directions, lengths = run(to_onnx(model, variables), formula.pictures(2)[:, :32, :32])
    assert not directions.any()
    assert not lengths.any()


def test_folded_norms_are_left_out_and_come_back_as_folded():
    model = iresnet("r18", **SMALL)
    there = formula.variables(model)
    for name in ("layer1_0", "layer3_1"):
        norm, mean = there["params"][name]["bn2"], there["batch_stats"][name]["bn2"]
        norm["scale"], mean["mean"] = np.ones_like(norm["scale"]), np.zeros_like(mean["mean"])
        mean["var"] = np.full_like(mean["var"], np.float32(1) - np.float32(1e-5))
    whole, folded = to_onnx(model, there), to_onnx(model.clone(folded_norms=True), there)
    count = [sum(node.op_type == "BatchNormalization" for node in proto.graph.node) for proto in (whole, folded)]
    assert count[1] == count[0] - 2
    pictures = formula.pictures(2)[:, :32, :32]
    np.testing.assert_allclose(run(folded, pictures)[0], run(whole, pictures)[0], atol=1e-6)
    back, variables = arcface_onnx.convert(folded)
    assert back == model.clone(folded_norms=True)
    jax.tree.map(np.testing.assert_array_equal, there, variables)


@pytest.mark.parametrize("dtypes", [{"dtype": jnp.bfloat16}, {"dtype": jnp.float64, "param_dtype": jnp.float64}])
def test_what_onnx_runtime_cannot_compute_is_refused_with_the_way_out(dtypes):
    model = iresnet("r18", **SMALL, **dtypes)
    with pytest.raises(ValueError, match=r"convolves float32 alone on CPUs; .* --dtype=float32"):
        to_onnx(model, {})


def test_the_graph_states_its_contract_so_there_is_nothing_to_choose_when_it_is_read():
    model = iresnet("r18", **SMALL)
    proto = to_onnx(model, formula.variables(model))
    with pytest.raises(ValueError, match=r"shows its contract, RGB in \[-1, 1\].*nothing to choose"):
        arcface_onnx.convert(proto, family="magface")
    gather = onnx.helper.make_node("Gather", ["Cast_0", "middle"], ["Cast_1"], axis=3)
    proto.graph.node.insert(1, gather)
    proto.graph.node[2].input[0] = "Cast_1"
    with pytest.raises(ValueError, match="puts the colors before rows and columns, or reverses them|no valid ONNX"):
        arcface_onnx.convert(proto)
