"""ONNX exports of one network, in all their shapes, become that network; graphs of another network are refused."""

import copy
import functools
import hashlib
import json

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import pytest
import torch
from onnx import helper

from converters import arcface_onnx, arcface_torch
from perface_jax.images import normalize
from perface_jax.network.model_folder import load_model
from tests import family_twins, onnx_export, torch_twin
from tests.golden import formula

SIZE = 32
SMALL = {"width": 8, "image_size": SIZE, "embedding_size": 16}
TOLERANCE = 1e-5  # of the largest absolute value
PICTURES = formula.pictures(2)
UNFOLDED = {"training": onnx_export.PRESERVE}


class Wrapped(torch.nn.Module):
    """The network with something before it and something after it."""

    def __init__(self, network, *, before=lambda x: x, after=lambda x: x):
        super().__init__()
        self.network, self.before, self.after = network, before, after

    def forward(self, x):
        return self.after(self.network(self.before(x)))


@pytest.fixture(scope="module")
def network():
    return torch_twin.golden("r18", **SMALL)


@pytest.fixture(scope="module")
def from_torch(network):
    """The variables that the PyTorch converter makes of the same network."""
    return arcface_torch.convert(network.state_dict())


@pytest.fixture(scope="module")
def exports(network):
    return {True: onnx_export.export(network, SIZE), False: onnx_export.export(network, SIZE, **UNFOLDED)}


@pytest.fixture
def folded(exports):
    return copy.deepcopy(exports[True])


@pytest.fixture
def unfolded(exports):
    return copy.deepcopy(exports[False])


def share_slopes(network):
    """Equal slopes, of which an export keeps one tensor of each size and reaches the others by Identity nodes."""
    for name, tensor in network.named_parameters():
        if "prelu" in name:
            torch.nn.init.constant_(tensor, 0.2)


@functools.lru_cache
def compiled(model):
    return jax.jit(model.apply)


def embed(model, variables, pictures):
    return np.asarray(compiled(model.clone(folded_norms=False))(variables, jnp.asarray(pictures)))


def relative_difference(seen, wanted):
    assert seen.shape == wanted.shape
    return np.abs(seen - wanted).max() / np.abs(wanted).max()


def small_pictures():
    return np.asarray(normalize(np.ascontiguousarray(PICTURES[:, :SIZE, :SIZE])))


def check(proto, variables=None, *, graph_pictures=None, tolerance=TOLERANCE):
    """Convert; the embeddings must be those of onnxruntime, and those of the variables when they are given."""
    model, converted = arcface_onnx.convert(proto)
    pictures = small_pictures()
    seen = embed(model, converted, pictures)
    wanted = onnx_export.run(proto, pictures if graph_pictures is None else graph_pictures)
    assert relative_difference(seen, wanted) < tolerance
    if variables is not None:
        assert relative_difference(seen, embed(model, variables, pictures)) < tolerance
    return model


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"opset_version": 11},
        {"dynamic_axes": None},
        {"keep_initializers_as_inputs": True},
    ],
    ids=str,
)
def test_an_export_with_folded_norms_gives_the_embeddings_of_onnxruntime(network, from_torch, options):
    proto = onnx_export.export(network, SIZE, **options)
    model = check(proto, from_torch)
    assert model.folded_norms
    assert (model.layers, model.width, model.image_size, model.embedding_size) == ((2, 2, 2, 2), 8, SIZE, 16)


@pytest.mark.parametrize("options", [UNFOLDED, {"do_constant_folding": False}], ids=["preserved", "not folded"])
def test_an_export_with_all_its_norms_gives_the_very_numbers_of_the_checkpoint(network, from_torch, options):
    proto = onnx_export.export(network, SIZE, **options)
    model, variables = arcface_onnx.convert(proto)
    assert not model.folded_norms
    assert jax.tree.all(jax.tree.map(np.array_equal, variables, from_torch))


def test_a_folded_norm_becomes_exactly_the_identity_with_the_bias_of_the_convolution(folded):
    _, variables = arcface_onnx.convert(folded)
    norm, statistics = variables["params"]["bn1"], variables["batch_stats"]["bn1"]
    assert (norm["scale"] == 1).all()
    assert (statistics["mean"] == 0).all()
    assert (np.float32(1) / np.sqrt(statistics["var"] + np.float32(1e-5)) == 1).all()
    np.testing.assert_array_equal(norm["bias"], onnx_export.value(folded, onnx_export.node(folded, "Conv").input[2]))


def test_a_partly_folded_export_is_a_folded_model(unfolded, from_torch):
    onnx_export.fold(unfolded, 3)
    assert check(unfolded, from_torch).folded_norms


def test_equal_tensors_shared_through_identity_nodes_are_found(network):
    network = copy.deepcopy(network)
    share_slopes(network)
    proto = onnx_export.export(network, SIZE)
    assert onnx_export.node(proto, "Identity")
    check(proto, arcface_torch.convert(network.state_dict()))


def test_slopes_listed_as_a_vector_mean_the_same_as_slopes_of_channel_one_one(folded):
    _, wanted = arcface_onnx.convert(folded)
    for node in folded.graph.node:
        if node.op_type == "PRelu":
            slope = onnx_export.value(folded, node.input[1])
            assert slope.shape[1:] == (1, 1)
            onnx_export.assign(folded, node.input[1], slope.ravel())
    _, seen = arcface_onnx.convert(folded)
    assert jax.tree.all(jax.tree.map(np.array_equal, seen, wanted))


@pytest.mark.parametrize("rewrite", [onnx_export.half_precision, onnx_export.constant_nodes])
def test_tensors_are_found_wherever_an_export_keeps_them(folded, rewrite):
    rewrite(folded)
    check(folded)


def test_features_folded_into_the_linear_layer_become_an_identity(unfolded, from_torch):
    onnx_export.fold(unfolded, -1)
    assert check(unfolded, from_torch).folded_norms


def test_a_gemm_may_be_scaled_and_not_transposed(folded, from_torch):
    gemm = onnx_export.node(folded, "Gemm")
    weight, bias = (onnx_export.value(folded, name) for name in gemm.input[1:])
    onnx_export.assign(folded, gemm.input[1], weight.T / 4)
    onnx_export.assign(folded, gemm.input[2], bias[None] / 2)
    onnx_export.replace(folded, gemm, helper.make_node("Gemm", gemm.input, gemm.output, alpha=4.0, beta=2.0))
    check(folded, from_torch)


@pytest.mark.parametrize("bias_first", [True, False])
def test_a_linear_layer_may_be_matmul_and_add(folded, from_torch, bias_first):
    gemm = onnx_export.node(folded, "Gemm")
    terms = [gemm.input[2], "product"] if bias_first else ["product", gemm.input[2]]
    onnx_export.replace(
        folded,
        gemm,
        helper.make_node("Transpose", [gemm.input[1]], ["kernel"], perm=[1, 0]),
        helper.make_node("MatMul", [gemm.input[0], "kernel"], ["product"]),
        helper.make_node("Add", terms, gemm.output),
    )
    check(folded, from_torch)


def test_a_linear_layer_may_have_no_bias(folded):
    gemm = onnx_export.node(folded, "Gemm")
    onnx_export.replace(folded, gemm, helper.make_node("Gemm", gemm.input[:2], gemm.output, transB=1))
    check(folded)


def test_a_reshape_by_the_shape_of_the_batch_may_stand_for_flatten(folded, from_torch):
    flatten = onnx_export.node(folded, "Flatten")
    for name, number in {"zero": [0], "rest": [-1]}.items():
        onnx_export.assign(folded, name, np.array(number))
    onnx_export.replace(
        folded,
        flatten,
        helper.make_node("Shape", flatten.input, ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["batch"]),
        helper.make_node("Concat", ["batch", "rest"], ["flat"], axis=0),
        helper.make_node("Reshape", [flatten.input[0], "flat"], ["reshaped"]),
        helper.make_node("Dropout", ["reshaped"], flatten.output),
    )
    check(folded, from_torch)


def test_another_epsilon_moves_into_the_running_variance(network):
    network = copy.deepcopy(network)
    for module in network.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.eps = 1e-2
    check(onnx_export.export(network, SIZE))
    check(onnx_export.export(network, SIZE, **UNFOLDED))


def test_the_bias_of_a_convolution_before_a_norm_moves_into_its_running_mean(unfolded):
    conv = onnx_export.node(unfolded, "Conv")
    onnx_export.assign(unfolded, "bias", np.linspace(-1, 1, 8).astype(np.float32))
    conv.input.append("bias")
    assert not check(unfolded).folded_norms


@pytest.mark.parametrize(
    ("before", "graph_range"),
    [
        (lambda x: (x - 127.5) / 127.5, 255),
        (lambda x: (x - 127.5) * 0.0078125, 255),
        (lambda x: x / 127.5 + -1.0, 255),
        (lambda x: (x - 0.5) / 0.5, 1),
        (lambda x: (x - torch.full((1, 3, 1, 1), 0.5)) / torch.full((1, 3, 1, 1), 0.5), 1),
    ],
    ids=["contract", "of insightface's blobs", "other order", "0 to 1", "equal numbers a channel"],
)
def test_a_normalization_in_the_graph_is_dropped(network, before, graph_range):
    pictures = ((small_pictures() + 1) / 2 * graph_range).astype(np.float32)
    check(onnx_export.export(Wrapped(network, before=before), SIZE), graph_pictures=pictures)


def test_a_normalization_that_is_ours_changes_no_weight(network, folded):
    proto = onnx_export.export(Wrapped(network, before=lambda x: (x - 127.5) / 127.5), SIZE)
    (_, seen), (_, wanted) = arcface_onnx.convert(proto), arcface_onnx.convert(folded)
    assert jax.tree.all(jax.tree.map(np.array_equal, seen, wanted))


@pytest.mark.parametrize(
    "before",
    [
        lambda x: x / 255,
        lambda x: (x - 127.5) / torch.tensor([127.5, 127.5, 128.0]).reshape(1, 3, 1, 1),
        lambda x: 1 / x,
        lambda x: x.flip(1),
    ],
    ids=["not about the middle", "channels differ", "not linear", "BGR"],
)
def test_other_treatment_of_the_pictures_is_refused(network, before):
    proto = onnx_export.export(Wrapped(network, before=before), SIZE)
    with pytest.raises(ValueError, match="the graph normalizes by|does not fit an IR-ResNet"):
        arcface_onnx.convert(proto)


def with_op(op, **attributes):
    """Replaces the second PReLU, inside the first block."""

    def change(proto):
        prelu = onnx_export.node(proto, "PRelu", 1)
        onnx_export.replace(proto, prelu, helper.make_node(op, prelu.input[:1], prelu.output, "odd", **attributes))

    return change


def with_squeeze_and_excitation(proto):
    conv = onnx_export.node(proto, "Conv", 2)
    conv.output[0] = "branch"
    onnx_export.replace(
        proto,
        conv,
        conv,
        helper.make_node("GlobalAveragePool", ["branch"], ["average"]),
        helper.make_node("Sigmoid", ["average"], ["gate"]),
        helper.make_node("Mul", ["branch", "gate"], onnx_export.node(proto, "Add").input[:1], "odd"),
    )


def with_an_output_of_length_one_by_another_norm(proto):
    onnx_export.append(proto, helper.make_node("LpNormalization", ["before"], [""], "odd", axis=1, p=1))


def with_convolution(**attributes):
    def change(proto):
        conv = onnx_export.node(proto, "Conv", 1)
        conv.name = "odd"
        changed = {x.name: helper.get_attribute_value(x) for x in conv.attribute} | attributes
        onnx_export.replace(proto, conv, helper.make_node("Conv", conv.input, conv.output, "odd", **changed))

    return change


def with_another_shortcut(proto):
    join = onnx_export.node(proto, "Add", 1)
    join.name, join.input[1] = "odd", onnx_export.node(proto, "BatchNormalization", 1).output[0]


def with_a_norm_in_training_mode(proto):
    norm = onnx_export.node(proto, "BatchNormalization")
    changed = helper.make_node("BatchNormalization", norm.input, norm.output, "odd", training_mode=1)
    onnx_export.replace(proto, norm, changed)


def with_a_slope_for_each_column(proto):
    prelu = onnx_export.node(proto, "PRelu")
    prelu.name = "odd"
    onnx_export.assign(proto, prelu.input[1], np.ones((1, 1, SIZE), np.float32))


def with_a_computed_weight(proto):
    prelu = onnx_export.node(proto, "PRelu")
    exponential = helper.make_node("Exp", prelu.input[1:], ["computed"], "odd")
    changed = helper.make_node("PRelu", [prelu.input[0], "computed"], prelu.output)
    onnx_export.replace(proto, prelu, exponential, changed)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (with_op("Relu"), "Relu 'odd'.*wanted prelu of a block"),
        (with_op("LeakyRelu", alpha=0.1), "LeakyRelu 'odd'.*wanted prelu of a block"),
        (with_squeeze_and_excitation, "Mul 'odd'.*wanted bn3 or conv2"),
        (with_an_output_of_length_one_by_another_norm, "LpNormalization 'odd'.*wanted features or fc"),
        (with_convolution(strides=[2, 2]), "Conv 'odd'.*wanted conv1 with.*'strides': .1, 1.*seen.*'strides': .2, 2"),
        (with_convolution(group=8), "Conv 'odd'.*wanted conv1 with.*'group': 1.*seen.*'group': 8"),
        (with_another_shortcut, "Add 'odd'.*what went into its bn1"),
        (with_a_norm_in_training_mode, "BatchNormalization 'odd'.*evaluation mode"),
        (with_a_slope_for_each_column, "PRelu 'odd'.*one slope a channel.*seen .1, 1, 32"),
        (with_a_computed_weight, "Exp 'odd'.*wanted a tensor of weights"),
    ],
)
def test_another_network_is_refused_with_the_node_where_it_differs(folded, change, wanted):
    change(folded)
    with pytest.raises(ValueError, match=wanted):
        arcface_onnx.convert(folded)


def test_a_plain_convolutional_network_is_refused():
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, 2, 1),
        torch.nn.PReLU(8),
        torch.nn.Conv2d(8, 8, 8, groups=8),
        torch.nn.Flatten(),
        torch.nn.Linear(8, 16),
    )
    with pytest.raises(ValueError, match="Conv '.*'.*wanted bn2"):
        arcface_onnx.convert(onnx_export.export(network.eval(), 16))


def test_a_depth_that_was_never_published_is_converted(capsys, tmp_path):
    network = torch_twin.golden((1, 2, 2, 2), width=4, image_size=16, embedding_size=8)
    proto = onnx_export.export(network, 16)
    model, _ = arcface_onnx.convert(proto)
    assert model.layers == (1, 2, 2, 2)
    onnx.save(proto, tmp_path / "a.onnx")
    arcface_onnx.main([str(tmp_path / "a.onnx"), "--out", str(tmp_path / "model")])
    assert "IR-ResNet with blocks (1, 2, 2, 2)" in capsys.readouterr().out


def test_pictures_of_a_size_that_the_model_does_not_take_are_refused(network):
    with pytest.raises(ValueError, match=r"takes pictures \[3, 24, 24\].*\[3, 32, 32\]"):
        arcface_onnx.convert(onnx_export.export(network, 24))


def test_two_outputs_are_refused(folded):
    name, shape = folded.graph.node[0].output[0], ["batch", 8, SIZE, SIZE]
    folded.graph.output.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape))
    with pytest.raises(ValueError, match="wanted one input and one output"):
        arcface_onnx.convert(folded)


@pytest.mark.parametrize(
    ("name", "change", "wanted"),
    [
        ("layer1.0.bn1.weight", lambda x: x * np.nan, "NaN or Inf in the weights: layer1.0.bn1.weight"),
        ("bn2.running_var", lambda x: -x, "negative running variance in bn2.running_var"),
        ("bn2.bias", lambda x: x[1:], r"- bn2.bias \[64\]\n\+ bn2.bias \[63\]"),
        ("fc.bias", lambda x: x[1:], "wanted features of 15 channels; seen 16"),
        ("fc.weight", lambda x: x.astype(np.int8), "'fc.weight' should be a tensor of floating numbers; it is INT8"),
    ],
)
def test_tensors_that_do_not_fit_are_named(folded, name, change, wanted):
    onnx_export.assign(folded, name, change(onnx_export.value(folded, name)))
    with pytest.raises(ValueError, match=wanted):
        arcface_onnx.convert(folded)


def test_the_program_writes_a_model_folder_that_says_its_norms_are_folded(folded, tmp_path, capsys):
    onnx_export.assign(folded, "left_over", np.ones(3, np.float32))
    onnx.save(folded, tmp_path / "small.onnx")
    arcface_onnx.main([str(tmp_path / "small.onnx"), "--out", str(tmp_path / "model"), "--crop", "simswap"])
    printed = capsys.readouterr().out
    assert "r18" in printed
    assert "21 norms folded" in printed
    assert "no weights of the network: left_over" in printed
    record = json.loads((tmp_path / "model" / "model.json").read_text())
    assert (record["norms"], record["crop"], record["source"]["file"]) == ("folded", "simswap", "small.onnx")
    model, variables = load_model(tmp_path / "model")
    pictures = small_pictures()
    assert relative_difference(embed(model, variables, pictures), onnx_export.run(folded, pictures)) < TOLERANCE
    with pytest.raises(ValueError, match="folded into convolutions"):
        model.apply(variables, pictures, train=True, mutable=["batch_stats"])


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html>Sign in</html>", "HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"PK\x03\x04 a PyTorch checkpoint", "not a whole ONNX file.*arcface_torch"),
        (b"\x08\x07", "no valid ONNX model"),
    ],
)
def test_files_that_hold_no_export_are_refused_by_name(tmp_path, content, wanted):
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(ValueError, match=wanted):
        arcface_onnx.convert(tmp_path / "model.onnx")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.999])
def test_a_truncated_export_is_refused(folded, tmp_path, share):
    whole = folded.SerializeToString()
    (tmp_path / "model.onnx").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ValueError, match="not a whole ONNX file|no valid ONNX model"):
        arcface_onnx.convert(tmp_path / "model.onnx")


def test_weights_beside_the_file_are_read_and_missed(folded, tmp_path):
    options = {"save_as_external_data": True, "location": "weights.bin", "size_threshold": 0}
    onnx.save(copy.deepcopy(folded), tmp_path / "model.onnx", **options)
    _, seen = arcface_onnx.convert(tmp_path / "model.onnx")
    assert jax.tree.all(jax.tree.map(np.array_equal, seen, arcface_onnx.convert(folded)[1]))
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(ValueError, match="must be beside it.*weights.bin"):
        arcface_onnx.convert(tmp_path / "model.onnx")


def test_a_failed_conversion_says_why_and_leaves_nothing(folded, tmp_path, capsys):
    with_op("Relu")(folded)
    onnx.save(folded, tmp_path / "relu.onnx")
    with pytest.raises(SystemExit) as stopped:
        arcface_onnx.main([str(tmp_path / "relu.onnx"), "--out", str(tmp_path / "model")])
    assert stopped.value.code == 2
    assert "Relu 'odd'" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["relu.onnx"]


def test_nodes_may_stand_in_any_order(folded, from_torch):
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in folded.graph.node]
    order = np.random.default_rng(0).permutation(len(nodes))
    _, wanted = arcface_onnx.convert(folded)
    del folded.graph.node[:]
    folded.graph.node.extend(nodes[i] for i in order)
    _, seen = arcface_onnx.convert(folded)
    assert jax.tree.all(jax.tree.map(np.array_equal, seen, wanted))


def test_a_graph_in_a_circle_is_no_model(folded):
    conv = onnx_export.node(folded, "Conv")
    conv.input[0] = onnx_export.node(folded, "PRelu", 3).output[0]
    with pytest.raises(ValueError, match="no valid ONNX model"):
        arcface_onnx.convert(folded)


FAMILY = {"width": 4, "image_size": SIZE, "embedding_size": 8}


def divided(x):
    return x / torch.norm(x, 2, 1, True)


@pytest.mark.parametrize(
    ("after", "options"),
    [
        (divided, {}),
        (torch.nn.functional.normalize, UNFOLDED),
        (lambda x: x / x.pow(2).sum(1, keepdim=True).sqrt(), {}),
        (lambda x: x / (x * x).sum(1, keepdim=True).sqrt().clamp(min=1e-9), UNFOLDED),
        (lambda x: (divided(x), torch.norm(x, 2, 1, True)), {}),
        (lambda x: (torch.norm(x, 2, 1), x), UNFOLDED),
    ],
    ids=["norm", "normalize", "pow", "clamp", "direction and length", "length and embedding"],
)
def test_networks_of_other_families_lose_their_division_and_their_lengths(after, options):
    # The shortcut of the first stage is a max-pool of size 1; the last norm has a scale of its own.
    plain = {"norm_before_prelu": False, "affine": True} if options else {}
    network = family_twins.with_weights(family_twins.Ir((2, 1, 1, 1), **FAMILY, **plain)).float()
    pictures = PICTURES[:, :SIZE, :SIZE]
    proto = onnx_export.export(Wrapped(network, after=after).eval(), SIZE, **options)
    wanted = family_twins.embeddings(network.double(), pictures, bgr=True, black=-1, white=1)
    model, variables = arcface_onnx.convert(proto, family="adaface")
    assert (model.layers, model.color_order, model.folded_norms) == ((2, 1, 1, 1), "bgr", True)
    assert relative_difference(embed(model, variables, normalize(np.ascontiguousarray(pictures))), wanted) < TOLERANCE


def test_an_expanded_number_is_the_scale_of_a_norm(unfolded, from_torch):
    # torch's newer exporter writes the missing scale of a norm so.
    norm = onnx_export.node(unfolded, "BatchNormalization", -1)
    onnx_export.assign(unfolded, "one", np.ones((), np.float32))
    onnx_export.assign(unfolded, "shape", np.array([16]))
    norm.input[1] = "ones"
    changed = onnx.NodeProto.FromString(norm.SerializeToString())
    onnx_export.replace(unfolded, norm, helper.make_node("Expand", ["one", "shape"], ["ones"]), changed)
    check(unfolded, from_torch)


def test_an_expanded_tensor_is_refused_with_what_helps(folded):
    prelu = onnx_export.node(folded, "PRelu")
    changed = helper.make_node("PRelu", [prelu.input[0], "wide"], prelu.output)
    onnx_export.assign(folded, "shape", np.array([8, 1, SIZE]))
    onnx_export.replace(folded, prelu, helper.make_node("Expand", [prelu.input[1], "shape"], ["wide"]), changed)
    with pytest.raises(ValueError, match="Expand.*newer exporter.*dynamo=False"):
        arcface_onnx.convert(folded)


@pytest.mark.parametrize("op", ["DequantizeLinear", "QLinearConv"])
def test_a_quantized_model_is_said_to_be_one(folded, op):
    folded.graph.node[0].op_type = op
    with pytest.raises(ValueError, match=f"quantized model .{op} .*floating export"):
        arcface_onnx.convert(folded)


def test_weights_beside_the_file_count_in_its_digest(folded, tmp_path):
    options = {"save_as_external_data": True, "location": "weights.bin", "size_threshold": 0}
    onnx.save(copy.deepcopy(folded), tmp_path / "a.onnx", **options)
    arcface_onnx.main([str(tmp_path / "a.onnx"), "--out", str(tmp_path / "model"), "--color_order=bgr"])
    record = json.loads((tmp_path / "model" / "model.json").read_text())
    both = (tmp_path / "a.onnx").read_bytes() + (tmp_path / "weights.bin").read_bytes()
    digest = hashlib.sha256(both).hexdigest()
    assert record["source"] == {"file": "a.onnx", "beside": "weights.bin", "sha256": digest}
    assert record["color_order"] == "bgr"


def test_a_graph_that_normalizes_its_pictures_has_no_range_to_choose(network):
    proto = onnx_export.export(Wrapped(network, before=lambda x: (x - 127.5) / 127.5), SIZE)
    with pytest.raises(ValueError, match="normalizes its pictures itself"):
        arcface_onnx.convert(proto, input_range=(0, 1))


@pytest.mark.slow  # the same network, thin, goes through the tests above
@pytest.mark.parametrize("arch", ["r18", "r50"])
@pytest.mark.parametrize("equal_slopes", [False, True])
def test_the_published_sizes_agree_with_onnxruntime_and_with_the_checkpoint(arch, equal_slopes):
    network = torch_twin.golden(arch)
    if equal_slopes:
        share_slopes(network)
    proto = onnx_export.export(network, 112)
    assert any(node.op_type == "Identity" for node in proto.graph.node) == equal_slopes
    model, variables = arcface_onnx.convert(proto)
    pictures = np.asarray(normalize(PICTURES))
    seen = embed(model, variables, pictures)
    assert relative_difference(seen, onnx_export.run(proto, pictures)) < TOLERANCE
    checkpoint = arcface_torch.convert(network.state_dict())
    assert relative_difference(seen, embed(model, checkpoint, pictures)) < TOLERANCE
