"""The tensors of an ONNX graph, found from its output back: which node computes one, and what a constant one holds."""

from typing import Any

import numpy as np

from perface_jax import extras

with extras.explained():
    import onnx

    from . import onnx_graphs

from .onnx_graphs import FLOATS, attributes, op

COPIES = ("Identity", "Dropout", "Cast")
VIEWS = ("Flatten", "Reshape", "Squeeze", "Unsqueeze")
EXPANDED = (
    "; torch's newer exporter computes it: export with torch.onnx.export(..., dynamo=False), or fold constants first"
    " (onnxsim, or onnxruntime's basic optimizations)"
)


class GraphReader:
    """A graph by the names of its tensors; `unread` has the initializers that nothing asked for so far."""

    def __init__(self, graph: onnx.GraphProto):
        self.graph = graph
        self.initializers = {tensor.name: tensor for tensor in graph.initializer}
        self.inputs = [value for value in graph.input if value.name not in self.initializers]
        self.producers = {name: node for node in graph.node for name in node.output if name}
        self.unread = set(self.initializers)

    def find(self, name, wanted, *ops, through=()) -> Any:
        """The node that computes a tensor, which must be one of `ops`."""
        node = self.producer(self.behind(name, through))
        if op(node) not in ops:
            raise refusal(node, f"{wanted} ({' or '.join(ops)})")
        return node

    def producer(self, name) -> Any:
        """The node that computes a tensor, or None."""
        return self.producers.get(name)

    def behind(self, name, through=()):
        """The tensor that this one copies, or views by an operation named in `through`."""
        while op(node := self.producer(name)) in (*COPIES, *through) or onnx_graphs.subsampling(node) == 1:
            if node.op_type == "Cast" and attributes(node)["to"] not in FLOATS:
                raise refusal(node, "floating numbers")
            name = node.input[0]
        return name

    def is_constant(self, name):
        name = self.behind(name, VIEWS)
        return name in self.initializers or op(self.producer(name)) == "Constant"

    def constant(self, name):
        """A tensor of weights, float32."""
        name = self.behind(name, ("Unsqueeze", "Squeeze"))
        node = self.producer(name)
        if name in self.initializers:
            self.unread.discard(name)
            return _array(name, self.initializers[name])
        if op(node) == "Constant":
            return _array(name, *attributes(node).values())
        if op(node) == "Transpose":
            return self.constant(node.input[0]).transpose(attributes(node).get("perm"))
        if op(node) == "Expand" and (expanded := self.constant(node.input[0])).size == 1:
            return expanded.ravel()
        raise refusal(node, f"a tensor of weights{EXPANDED if op(node) == 'Expand' else ''}")

    def indices(self, name):
        self.unread.discard(name)
        return onnx.numpy_helper.to_array(self.initializers[name]).tolist() if name in self.initializers else None


def refusal(node: Any, wanted: str) -> ValueError:
    """The error of a node that no IR-ResNet has there."""
    where = f"{op(node)} {(node.name or node.output[0])!r}" if node is not None else "an input of the graph"
    return ValueError(f"{where} does not fit an IR-ResNet; wanted {wanted}")


def _array(name, value):
    if isinstance(value, onnx.TensorProto):
        if value.data_type not in FLOATS:
            kind = onnx.TensorProto.DataType.Name(value.data_type)
            raise ValueError(f"{name!r} should be a tensor of floating numbers; it is {kind}")
        value = onnx.numpy_helper.to_array(value)
    return np.asarray(value).astype(np.float32)
