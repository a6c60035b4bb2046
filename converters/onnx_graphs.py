"""An ONNX graph as it was exported -> one that can be walked: whole, in order, and with floating weights."""

import pathlib
from typing import Any

from perface_jax import extras, formatting

from . import files

with extras.explained():
    import onnx
    from google.protobuf.message import DecodeError

FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16, onnx.TensorProto.DOUBLE)
QUANTIZED = ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "ConvInteger", "MatMulInteger", "QGemm")


def read(path: str | pathlib.Path) -> onnx.ModelProto:
    """The export in an .onnx file, with weights that it keeps in files beside it.

    Raises:
      FileNotFoundError, ValueError: no file, no whole ONNX file, or a file beside it is missing.
    """
    path = files.check_file(path)
    try:
        return onnx.load(path)
    except DecodeError as error:
        raise ValueError(
            f"{path} is not a whole ONNX file ({error}); download it again. "
            f"A PyTorch checkpoint goes through `python -m perface_jax.converters.arcface_torch {path} --out DIR`"
        ) from error
    except (onnx.checker.ValidationError, FileNotFoundError) as error:
        raise ValueError(f"{path} keeps weights in another file, which must be beside it: {error}") from error


def files_beside(path: str | pathlib.Path) -> list[pathlib.Path]:
    """The files beside an export in which it keeps weights, by name."""
    graph = onnx.load(path, load_external_data=False).graph
    external = [tensor for tensor in graph.initializer if tensor.data_location == onnx.TensorProto.EXTERNAL]
    names = {entry.value for tensor in external for entry in tensor.external_data if entry.key == "location"}
    return [pathlib.Path(path).parent / name for name in sorted(names)]


def checked(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The model with its nodes in an order in which they can be computed.

    Raises:
      ValueError: a quantized model, or no valid ONNX model.
    """
    _refuse_quantized(proto.graph)
    proto = _sorted(proto)
    try:
        onnx.checker.check_model(proto)
    except (onnx.checker.ValidationError, ValueError) as error:
        why = formatting.shown(" ".join(str(error).split()), 160)
        raise ValueError(f"this is no valid ONNX model: {why}") from error
    return proto


def _refuse_quantized(graph):
    for node in graph.node:
        if node.op_type in QUANTIZED or node.op_type.startswith("QLinear"):
            raise ValueError(
                f"this is a quantized model ({node.op_type} {node.name or node.output[0]!r}): its weights were rounded"
                " to integers. Convert the floating export that it was made from"
            )


def _sorted(proto):
    """Nodes after those whose outputs they read; as they are where that is so already, or cannot be."""
    written = {name for node in proto.graph.node for name in node.output if name}
    done, waiting, order = set(), list(proto.graph.node), []
    while ready := [node for node in waiting if not {*node.input} & written - done]:
        order += ready
        done |= {name for node in ready for name in node.output}
        waiting = [node for node in waiting if not any(node is other for other in ready)]
    if waiting or order == list(proto.graph.node):
        return proto
    copy = onnx.ModelProto.FromString(proto.SerializeToString())
    del copy.graph.node[:]
    copy.graph.node.extend(order)
    return copy


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """Its attributes as Python values."""
    return {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}


def op(node: onnx.NodeProto | None) -> str:
    """What a node computes; `input` where there is none."""
    if node is None:
        return "input"
    return node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"


def subsampling(node: onnx.NodeProto | None) -> int | None:
    """The stride of a pooling of size 1, which takes single pixels as they are; None for any other node."""
    if node is None or op(node) not in ("MaxPool", "AveragePool"):
        return None
    seen = {"pads": [0, 0, 0, 0], "strides": [1, 1]} | attributes(node)
    single = seen["kernel_shape"] == [1, 1] and not any(seen["pads"]) and len({*seen["strides"]}) == 1
    return seen["strides"][0] if single else None
