"""A model as an ONNX graph, for ONNX Runtime and what reads ONNX.

The graph takes uint8 RGB pictures `images` `[batch, s, s, 3]` and returns `embeddings` `[batch, d]` of length 1 and
`lengths` `[batch, 1]`; their product is the embedding as `IResNet` gives it. Colors, range and layout that the weights
expect are nodes of the graph, and so are the norms, which runtimes fold as they load it. Tensors have the names of
arcface_torch; `arcface_onnx` reads the graph back.

The graph is written node by node, since the network has few kinds of them. The general converter jax2onnx gives four to
five times as many, which `arcface_onnx` could not read back, and needs older packages (docs/export.md).
"""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from perface_jax import extras
from perface_jax._version import __version__
from perface_jax.network.input_contract import INPUT_RANGE
from perface_jax.network.model import IResNet

from . import statements
from .to_torch import to_state_dict

OPSET, IR = 17, 8  # of 2022: ONNX Runtime 1.12 and newer
SHORTEST = 1e-12  # lengths below it are not divided by
BATCH = "batch"


def to_onnx(model: IResNet, variables: Mapping, *, record: Mapping[str, Any] | None = None) -> Any:
    """The `onnx.ModelProto` of a model and its weights.

    Args:
      model: the module, in float32.
      variables: its `params`, `batch_stats` and `constants`.
      record: of `model_json.describe`, for the metadata of the file.

    Raises:
      ValueError: the model computes in another dtype; its variables are not its own, or hold NaN or Inf.
    """
    if {jnp.dtype(model.dtype), jnp.dtype(model.param_dtype)} != {jnp.dtype(jnp.float32)}:
        raise ValueError(
            f"this model computes in {jnp.dtype(model.dtype)} with {jnp.dtype(model.param_dtype)} weights, and ONNX"
            " Runtime convolves float32 alone on CPUs; export it in float32: --dtype=float32, in Python"
            " model.clone(dtype=jax.numpy.float32)"
        )
    with extras.explained():
        from onnx import TensorProto, checker, helper
    graph = _Graph(model, to_state_dict(model, variables))
    graph.embed()
    size = model.image_size
    images = helper.make_tensor_value_info("images", TensorProto.UINT8, [BATCH, size, size, 3])
    shapes = {"embeddings": [BATCH, model.embedding_size], "lengths": [BATCH, 1]}
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    proto = helper.make_model(
        helper.make_graph(graph.nodes, "IResNet", [images], outputs, graph.initializers),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR,
        producer_name="perface_jax",
        producer_version=__version__,
    )
    if record is not None:
        helper.set_model_props(proto, statements.write(record))
    checker.check_model(proto, full_check=True)
    return proto


class _Graph:
    """The nodes and initializers so far. Methods take and return names of tensors."""

    def __init__(self, model, tensors):
        self.model, self.tensors = model, tensors
        self.nodes, self.initializers = [], []

    def embed(self):
        x = self.layer(self.pictures("images"), "conv1", "bn1", size=3)
        x = self.prelu(x, "prelu")
        for name, _, stride in self.model.blocks:
            x = self.block(x, name.replace("_", "."), stride)
        x = self.node("Flatten", self.norm(x, "bn2"), axis=1)
        x = self.node("Gemm", x, *self.weights("fc.weight", "fc.bias"), transB=1)
        x = self.norm(x, "features")
        length = self.node("ReduceL2", x, axes=[1], keepdims=1, to="lengths")
        self.node("Div", x, self.node("Max", length, self.constant("shortest", SHORTEST)), to="embeddings")

    def pictures(self, x):
        """Pixels as the weights expect them, channels first."""
        x = self.node("Cast", x, to_dtype=np.float32)
        if self.model.color_order == "bgr":
            x = self.node("Gather", x, self.constant("bgr", [2, 1, 0], np.int64), axis=3)
        x = self.node("Transpose", x, perm=[0, 3, 1, 2])
        middle = self.constant("middle", 127.5)
        x = self.node("Div", self.node("Sub", x, middle), middle)
        low, high = self.model.input_range
        if (low, high) == INPUT_RANGE:
            return x
        x = self.node("Mul", x, self.constant("half_range", (high - low) / 2))
        return self.node("Add", x, self.constant("mean_range", (high + low) / 2))

    def block(self, x, name, stride):
        y = self.layer(self.norm(x, f"{name}.bn1"), f"{name}.conv1", f"{name}.bn2", size=3)
        y = self.prelu(y, f"{name}.prelu")
        y = self.layer(y, f"{name}.conv2", f"{name}.bn3", size=3, stride=stride)
        if f"{name}.downsample.0.weight" in self.tensors:
            x = self.layer(x, f"{name}.downsample.0", f"{name}.downsample.1", size=1, stride=stride)
        return self.node("Add", y, x)

    def layer(self, x, conv, norm, *, size, stride=1):
        """A convolution and its norm. A norm that had been folded is left out, and its bias is the convolution's."""
        options = {"kernel_shape": [size] * 2, "strides": [stride] * 2, "pads": [size // 2] * 4}
        if self.is_folded(norm):
            return self.node("Conv", x, *self.weights(f"{conv}.weight", f"{norm}.bias"), **options)
        return self.norm(self.node("Conv", x, *self.weights(f"{conv}.weight"), **options), norm)

    def is_folded(self, norm):
        """Whether the model has an identity in the place of this norm, up to a bias."""
        mean, scale, var = (self.tensors[f"{norm}.{leaf}"] for leaf in ("running_mean", "weight", "running_var"))
        rest = np.float32(1) - np.float32(self.model.epsilon)
        return self.model.folded_norms and not mean.any() and (scale == 1).all() and (var == rest).all()

    def norm(self, x, name):
        leaves = ("weight", "bias", "running_mean", "running_var")
        weights = self.weights(*(f"{name}.{leaf}" for leaf in leaves))
        return self.node("BatchNormalization", x, *weights, epsilon=self.model.epsilon)

    def prelu(self, x, name):
        return self.node("PRelu", x, self.constant(f"{name}.weight", self.tensors[f"{name}.weight"][:, None, None]))

    def weights(self, *names):
        return [self.constant(name, self.tensors[name]) for name in names]

    def constant(self, name, value, dtype: Any = np.float32):
        """An initializer; the second time, the first one."""
        from onnx import numpy_helper

        if all(tensor.name != name for tensor in self.initializers):
            self.initializers.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def node(self, op, *inputs, to=None, to_dtype=None, **attributes):
        from onnx import helper

        output = to or f"{op}_{len(self.nodes)}"
        if to_dtype is not None:
            attributes["to"] = helper.np_dtype_to_tensor_dtype(np.dtype(to_dtype))
        self.nodes.append(helper.make_node(op, inputs, [output], output, **attributes))
        return output
