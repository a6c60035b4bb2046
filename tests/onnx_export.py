"""ONNX exports of the PyTorch twin, and rewritings that give the variants of real exports."""

import io
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import helper, numpy_helper

PRESERVE = torch.onnx.TrainingMode.PRESERVE  # keeps the norms that an export in evaluation mode folds


def export(network: torch.nn.Module, image_size: int, **options) -> onnx.ModelProto:
    """What `torch.onnx.export` writes, by its TorchScript exporter, for any number of pictures."""
    file = io.BytesIO()
    example = torch.zeros(2, 3, image_size, image_size)
    options = {"input_names": ["pictures"], "dynamic_axes": {"pictures": {0: "batch"}}} | options
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network, (example,), file, dynamo=False, **options)
    return onnx.load_from_string(file.getvalue())


def run(proto: onnx.ModelProto, pictures: np.ndarray) -> np.ndarray:
    """Embeddings by onnxruntime; pictures `[B, H, W, 3]` in whatever range the export wants."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    (source,) = session.get_inputs()
    return session.run(None, {source.name: np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))})[0]


def node(proto: onnx.ModelProto, op: str, index: int = 0) -> onnx.NodeProto:
    """A node of this kind, counted from the input."""
    return [x for x in proto.graph.node if x.op_type == op][index]


def value(proto: onnx.ModelProto, name: str) -> np.ndarray:
    """An initializer."""
    return numpy_helper.to_array(next(x for x in proto.graph.initializer if x.name == name))


def assign(proto: onnx.ModelProto, name: str, array: np.ndarray) -> None:
    """Give an initializer another value; a new one where there was none."""
    kept = [x for x in proto.graph.initializer if x.name != name]
    del proto.graph.initializer[:]
    proto.graph.initializer.extend([*kept, numpy_helper.from_array(np.ascontiguousarray(array), name)])


def replace(proto: onnx.ModelProto, old: onnx.NodeProto, *new: onnx.NodeProto) -> None:
    """Put nodes in the place of one."""
    nodes = [x for before in proto.graph.node for x in (new if before is old or before == old else (before,))]
    nodes = [onnx.NodeProto.FromString(x.SerializeToString()) for x in nodes]
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)


def append(proto: onnx.ModelProto, *ops: onnx.NodeProto) -> None:
    """Let nodes follow the last one; their first input and last output become `before` and the output of the graph."""
    output = proto.graph.output[0].name
    last = next(x for x in proto.graph.node if output in x.output)
    last.output[0] = "before"
    ops[-1].output[0] = output
    proto.graph.node.extend(ops)


def half_precision(proto: onnx.ModelProto) -> None:
    """Keep every tensor as float16, behind a Cast to float."""
    casts = []
    for tensor in list(proto.graph.initializer):
        assign(proto, tensor.name, numpy_helper.to_array(tensor).astype(np.float16))
        casts.append(helper.make_node("Cast", [tensor.name], [f"{tensor.name}/float"], to=onnx.TensorProto.FLOAT))
    _behind(proto, casts)


def constant_nodes(proto: onnx.ModelProto) -> None:
    """Keep every tensor in a Constant node, behind an Identity."""
    tensors = list(proto.graph.initializer)
    del proto.graph.initializer[:]
    constants = [helper.make_node("Constant", [], [x.name], value=x) for x in tensors]
    identities = [helper.make_node("Identity", [x.name], [f"{x.name}/same"]) for x in tensors]
    _behind(proto, constants + identities)


def fold(proto: onnx.ModelProto, index: int = 0) -> None:
    """Fold the norm after a convolution (or after `fc`, with index -1) into it, as exporters do."""
    norm = [x for x in proto.graph.node if x.op_type == "BatchNormalization" and _before(proto, x) is not None][index]
    layer = _before(proto, norm)
    scale, shift, mean, var = (value(proto, name) for name in norm.input[1:])
    factor = scale / np.sqrt(var + 1e-5)
    weight = value(proto, layer.input[1])
    bias = value(proto, layer.input[2]) if len(layer.input) > 2 else 0
    assign(proto, "folded_weight", (weight * factor.reshape(-1, *[1] * (weight.ndim - 1))).astype(np.float32))
    assign(proto, "folded_bias", ((bias - mean) * factor + shift).astype(np.float32))
    inputs = [layer.input[0], "folded_weight", "folded_bias"]
    folded = helper.make_node(layer.op_type, inputs, norm.output)
    folded.attribute.extend(layer.attribute)
    replace(proto, layer, folded)
    replace(proto, norm)


def _before(proto, norm):
    return next((x for x in proto.graph.node if x.op_type in ("Conv", "Gemm") and x.output[0] == norm.input[0]), None)


def _behind(proto, nodes):
    new = {x.input[0]: x.output[0] for x in nodes if x.input}
    for x in proto.graph.node:
        inputs = [new.get(name, name) for name in x.input]
        del x.input[:]
        x.input.extend(inputs)
    rest = list(proto.graph.node)
    del proto.graph.node[:]
    proto.graph.node.extend([*nodes, *rest])
