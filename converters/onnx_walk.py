"""One walk through the ONNX graph of an IR-ResNet, from its embeddings back to its pictures."""

from typing import Any

import numpy as np

from perface_jax import extras
from perface_jax.network.batch_norm import EPSILON

from . import families, state_dicts

with extras.explained():
    import onnx

    from . import onnx_graphs, onnx_outputs

from .onnx_graphs import attributes, op
from .onnx_reader import VIEWS, GraphReader, refusal

CONVOLUTION = {"strides": [1, 1], "pads": [0, 0, 0, 0], "dilations": [1, 1], "group": 1, "auto_pad": b"NOTSET"}


class Walk(GraphReader):
    """`folded` counts missing norms, `depths` are the blocks of each stage."""

    def __init__(self, graph: onnx.GraphProto):
        super().__init__(graph)
        self.folded, self.dropped = 0, []
        self.depths, self.normalizes, self.rows_first = (), False, False
        self.shown: families.Contract | None = None  # by nodes that prepare uint8 pictures

    def state_dict(self):
        """The weights, float32, under the names of arcface_torch."""
        outputs = [value.name for value in self.graph.output]
        if len(self.inputs) != 1:
            seen = [value.name for value in self.inputs]
            raise ValueError(f"wanted one input and one output (pictures, embeddings); seen {seen} and {outputs}")
        output, dropped = onnx_outputs.embedding(outputs, self.producer)
        self.dropped += dropped
        tensors, x = self.head(output)
        blocks = []
        while (node := self.find(x, "the end of a block, or prelu of the stem", "Add", "PRelu")).op_type == "Add":
            block, x = self.block(node)
            blocks.append(block)
        self.depths, numbered = _number(blocks[::-1])
        return tensors | numbered | self.stem(node)

    def picture_shape(self):
        """`[3, H, W]` of the input, 0 for any size; empty if the export does not say."""
        shape = [dimension.dim_value for dimension in self.inputs[0].type.tensor_type.shape.dim][1:]
        return [shape[-1], *shape[:-1]] if self.rows_first else shape

    def notes(self):
        advice = ", so train with frozen statistics" if self.folded else ""
        idle = f"dropped, no weights of the network: {', '.join(sorted(self.unread))}"
        return [f"{self.folded} norms folded{advice}", *self.dropped, *([idle] if self.unread else [])]

    def head(self, output):
        """`bn2`, `fc` and `features`, and the tensor before them."""
        features, fc = self.find_with_norm(output, "features", "fc", "Gemm", "MatMul", "Add", through=VIEWS)
        tensors, x = self.linear(fc)
        tensors |= self.norm(features, "features", np.zeros_like(tensors["fc.bias"]))
        bn2 = self.find(x, "bn2", "BatchNormalization", through=VIEWS)
        return tensors | self.norm(bn2, "bn2"), bn2.input[0]

    def linear(self, node):
        """`fc`, from Gemm, MatMul, or MatMul and Add, and the tensor before it."""
        bias = None
        if node.op_type == "Add":
            product, bias = sorted(node.input, key=self.is_constant)
            node = self.find(product, "the product of fc", "MatMul")
        options = {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 0} | attributes(node)
        weight = self.constant(node.input[1])
        if options["transA"] or weight.ndim != 2:
            raise refusal(node, f"fc with a matrix [in, out] or [out, in]; seen {list(weight.shape)} and {options}")
        weight = np.float32(options["alpha"]) * (weight if options["transB"] else weight.T)
        bias = bias or next(filter(None, node.input[2:]), None)
        bias = np.float32(options["beta"]) * self.constant(bias).ravel() if bias else np.zeros_like(weight[:, 0])
        return {"fc.weight": weight, "fc.bias": bias}, node.input[0]

    def block(self, node):
        """Tensors of the block that this Add ends, and the tensor before it."""
        branch, shortcut = sorted(node.input, key=lambda name: self.kernel_size(name) != 3)
        projected, pooled = self.kernel_size(shortcut) is not None, self.is_pooled(shortcut)
        tensors, y = self.convolution(branch, 3, 2 if projected or pooled else 1, "conv2", "bn3")
        prelu = self.find(y, "prelu of a block", "PRelu")
        first, y = self.convolution(prelu.input[0], 3, 1, "conv1", "bn2")
        bn1 = self.find(y, "bn1 of a block", "BatchNormalization")
        tensors |= first | self.norm(bn1, "bn1") | {"prelu.weight": self.slope(prelu)}
        if projected:
            projection, shortcut = self.convolution(shortcut, 1, 2, "downsample.0", "downsample.1")
            tensors |= projection
        elif pooled:
            shortcut = self.producer(self.behind(shortcut)).input[0]
            identity = state_dicts.identity_shortcut("", len(tensors["bn1.weight"]), EPSILON)
            tensors |= {name.removeprefix("."): array for name, array in identity.items()}
            self.folded += 1
        if self.behind(shortcut) != self.behind(bn1.input[0]):
            raise refusal(node, "the end of a block, where what went into its bn1 is added again")
        return tensors, shortcut

    def stem(self, prelu):
        """`conv1`, `bn1` and `prelu`, the first layers of the network."""
        tensors, x = self.convolution(prelu.input[0], 3, 1, "conv1", "bn1")
        tensors["conv1.weight"] = tensors["conv1.weight"] * np.float32(self.picture_scale(x))
        return tensors | {"prelu.weight": self.slope(prelu)}

    def convolution(self, name, size, stride, conv, norm):
        """A convolution and the norm after it, present or folded, and the tensor before them."""
        after, node = self.find_with_norm(name, norm, conv, "Conv")
        weight = self.constant(node.input[1])
        seen = CONVOLUTION | {"kernel_shape": list(weight.shape[2:])} | attributes(node)
        wanted = CONVOLUTION | {"kernel_shape": [size] * 2, "strides": [stride] * 2, "pads": [size // 2] * 4}
        if seen != wanted:
            raise refusal(node, f"{conv} with {wanted}; seen {seen}")
        bias = self.constant(node.input[2]) if any(node.input[2:]) else np.zeros_like(weight[:, 0, 0, 0])
        return {f"{conv}.weight": weight} | self.norm(after, norm, bias), node.input[0]

    def norm(self, node, name, bias: Any = 0.0):
        """The norm at this node, or the identity in place of a folded one; `bias` is that of the layer before it."""
        if node is None:
            self.folded += 1
            return state_dicts.identity_norm(name, len(bias), EPSILON) | {f"{name}.bias": bias}
        options = {"epsilon": EPSILON, "training_mode": 0} | attributes(node)
        if options["training_mode"] or any(node.output[1:]):
            raise refusal(node, f"{name} in evaluation mode; export again after model.eval()")
        scale, shift, mean, var = map(self.constant, node.input[1:])
        if np.shape(bias) not in ((), mean.shape):
            raise refusal(node, f"{name} of {bias.size} channels; seen {mean.size}")
        scale, shift = (np.broadcast_to(x, mean.shape) if x.size == 1 else x for x in (scale, shift))
        mean, var = mean - bias, var + (np.float32(options["epsilon"]) - np.float32(EPSILON))
        leaves = {"weight": scale, "bias": shift, "running_mean": mean, "running_var": var}
        return {f"{name}.{leaf}": array for leaf, array in leaves.items()}

    def slope(self, node):
        slope = self.constant(node.input[1])
        if slope.ndim > 1 and slope.shape[-2:] != (1, 1):
            raise refusal(node, f"one slope a channel, [C] or [C, 1, 1]; seen {list(slope.shape)}")
        return slope.ravel()

    def picture_scale(self, name):
        """The factor that turns pictures in [-1, 1] into the graph's own normalized pictures."""
        scale, shift, order = 1.0, 0.0, "rgb"
        while (name := self.behind(name)) != self.inputs[0].name:
            node = self.find(name, "the input, or its normalization", "Add", "Sub", "Mul", "Div", "Transpose", "Gather")
            if node.op_type in ("Transpose", "Gather"):
                order, name = self.colors(node, order), node.input[0]
                continue
            op, values = node.op_type, node.input
            name, number = values if op in ("Sub", "Div") else sorted(values, key=self.is_constant)
            number = np.unique(self.constant(number).astype(float))
            if number.size != 1 or (op == "Div" and number == 0):
                raise refusal(node, f"one number for all channels; seen {number}")
            shift += scale * number.item() * {"Add": 1, "Sub": -1}.get(op, 0)
            scale *= number.item() ** {"Mul": 1, "Div": -1}.get(op, 0)
        if self.inputs[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8:
            low, high = (float(str(np.float32(scale * pixel + shift))) for pixel in (0, 255))
            self.shown = families.Contract(order, (low, high))
            return 1.0
        if (scale, shift) == (1, 0):
            return 1.0
        self.normalizes = True
        formula = f"x * {scale:.8g} + {shift:.8g}"
        if not any(np.isclose(scale * middle, -shift, rtol=1e-6, atol=0) for middle in (127.5, 0.5)):
            raise ValueError(f"the graph normalizes by {formula}; wanted 0 in the middle of 0..255 or 0..1, or nothing")
        rest = 1.0 if np.isclose(-shift, 1, rtol=1e-6) else -shift
        moved = "" if rest == 1 else f", but for a factor {rest:.8g}, which moved into conv1"
        self.dropped.append(f"normalization of the pictures {formula} dropped{moved}")
        return rest

    def colors(self, node, order):
        """The order of colors behind a node that puts them before rows and columns, or reverses them."""
        options = attributes(node)
        if node.op_type == "Transpose" and options.get("perm") == [0, 3, 1, 2]:
            self.rows_first = True
            return order
        is_last = node.op_type == "Gather" and options.get("axis") in (3, -1) and self.rows_first
        if is_last and self.indices(node.input[1]) == [2, 1, 0] and order == "rgb":
            return "bgr"
        raise refusal(node, "one that puts the colors before rows and columns, or reverses them")

    def is_pooled(self, name):
        """Whether a tensor is every second pixel of another: a max-pool of size 1 and stride 2."""
        return onnx_graphs.subsampling(self.producer(self.behind(name))) == 2

    def kernel_size(self, name):
        """Side of the convolution that computes a tensor, with or without a norm after it; None for anything else."""
        node = self.producer(self.behind(name))
        if op(node) == "BatchNormalization":
            node = self.producer(self.behind(node.input[0]))
        return self.constant(node.input[1]).shape[-1] if op(node) == "Conv" else None

    def find_with_norm(self, name, norm, layer, *ops, through=()) -> tuple[Any, Any]:
        """The norm that computes a tensor (None if folded), and the layer before it."""
        node = self.find(name, f"{norm} or {layer}", "BatchNormalization", *ops, through=through)
        if node.op_type == "BatchNormalization":
            return node, self.find(node.input[0], layer, *ops, through=through)
        return None, node


def _number(blocks):
    """The blocks of each stage, and their tensors under their full names; a block with a projection opens a stage."""
    depths, tensors = [], {}
    for block in blocks:
        depths += [0] if "downsample.0.weight" in block or not depths else []
        tensors |= {f"layer{len(depths)}.{depths[-1]}.{name}": array for name, array in block.items()}
        depths[-1] += 1
    if len(depths) != 4:
        raise ValueError(f"this network has stages of {depths} blocks; an IR-ResNet has four stages")
    return tuple(depths), tensors
