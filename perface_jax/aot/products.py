"""Floating-point operations of convolutions and matrix products, from the text of a compiled program.

Two for each multiplication, as everywhere. Only taps within the image count: neither the zeros around it nor those that
a strided convolution's derivative is spread out with. Elementwise operations are not counted.

Source: XLA's HloCostAnalysis counts convolutions so; the conventions of labels are those of
https://openxla.org/xla/operation_semantics#conv_convolution.
"""

import math
import re
from collections.abc import Mapping
from typing import NamedTuple

from perface_jax.aot.hlo import Operation, Shape

_CUDNN = {  # which of (operand 0, operand 1, result) is image, kernel and output of the convolution it belongs to
    "__cudnn$convForward": (0, 1, 2),
    "__cudnn$convBiasActivationForward": (0, 1, 2),
    "__cudnn$convBackwardInput": (2, 1, 0),
    "__cudnn$convBackwardFilter": (0, 2, 1),
}
_PRODUCTS = ("__cublas$gemm", "__cublas$lt$matmul")


class Product(NamedTuple):
    """A convolution or a matrix product."""

    flops: int
    dtype: str  # of what is multiplied
    precision: str  # "default", "high" or "highest"
    text: str  # what is multiplied, and the result
    layer: str  # where it stands in the network, or what JAX calls it


def product(operation: Operation, computation: Mapping[str, Operation]) -> Product | None:
    """What an operation multiplies; None if it is neither a convolution nor a matrix product."""
    target = re.search(r'custom_call_target="([^"]+)"', operation.attributes)
    kind = target[1] if target else operation.opcode
    if kind not in ("convolution", "dot", *_CUDNN, *_PRODUCTS):
        return None
    left, right = (computation[name].shapes[0] for name in operation.operands[:2])
    result = operation.shapes[0]
    if kind in ("dot", *_PRODUCTS):
        flops = 2 * math.prod(result.sides) * math.prod(left.sides[axis] for axis in _contracted(operation))
    else:
        order = _CUDNN.get(kind, (0, 1, 2))
        image, kernel, output = ((left, right, result)[place] for place in order)
        flops = _convolved(image, kernel, output, operation.attributes)
    precision = re.search(r'operand_precision(?:=\{|":\["?)(\w+)', operation.attributes)
    text = f"{left} x {right} -> {result}"
    return Product(flops, left.dtype, precision[1].lower() if precision else "default", text, layer(operation))


def layer(operation: Operation) -> str:
    """Where an operation stands in the network, `layer3_0/conv1`; gradients say so. Elsewhere its name in JAX."""
    found = re.search(r'op_name="([^"]*)"', operation.attributes)
    path = found[1] if found else ""
    names = re.findall(r"(?:stem|layer\d_\d+|conv\d|downsample_conv|bn\d|downsample_bn|features|fc)(?=[/)])", path)
    backwards = " gradient" if "transpose(" in path else ""
    return ("/".join(dict.fromkeys(names)) or path.rpartition("/")[2]) + backwards


def _contracted(operation: Operation) -> list[int]:
    found = re.search(r'lhs_contracting_dim(?:s=\{|ensions":\[)([\d,"]*)', operation.attributes.replace(" ", ""))
    return [int(axis) for axis in re.findall(r"\d+", found[1])] if found else []


def _convolved(image: Shape, kernel: Shape, output: Shape, attributes: str) -> int:
    labels = re.search(r"dim_labels=(\w+)_(\w+)->(\w+)", attributes)
    if labels is None:
        raise ValueError(f"saw a convolution without dim_labels: {attributes[:80]}")
    of_image, of_kernel, of_output = labels.groups()
    window = _window(attributes)
    taps = math.prod(
        _taps(
            image.sides[of_image.index(axis)],
            kernel.sides[of_kernel.index(axis)],
            output.sides[of_output.index(axis)],
            **{name: values[int(axis)] for name, values in window.items()},
        )
        for axis in of_image
        if axis.isdigit()
    )
    groups = int(_number("feature_group_count", attributes)), int(_number("batch_group_count", attributes))
    channels = image.sides[of_image.index("f")] // groups[0]
    images = image.sides[of_image.index("b")] // groups[1]
    return 2 * taps * images * channels * output.sides[of_output.index("f")]


def _number(name: str, attributes: str) -> str:
    found = re.search(rf"{name}=(\d+)", attributes)
    return found[1] if found else "1"


def _window(attributes: str) -> dict[str, list[int]]:
    """Of each spatial axis: stride, zeros before, spreading of the image and of the kernel."""
    text = re.search(r"window=\{([^}]*)\}", attributes)
    fields = dict(re.findall(r"(\w+)=([\w\-]+)", text[1])) if text else {}
    count = len(fields["size"].split("x")) if "size" in fields else 0

    def each(name):
        return [int(value.split("_")[0]) for value in fields[name].split("x")] if name in fields else [1] * count

    pads = each("pad") if "pad" in fields else [0] * count
    return {"stride": each("stride"), "pad": pads, "spread": each("lhs_dilate"), "kernel_spread": each("rhs_dilate")}


def _taps(image: int, kernel: int, output: int, *, stride: int, pad: int, spread: int, kernel_spread: int) -> int:
    """Along one axis, the pairs of an output and a tap that meet a pixel of the image."""
    places = (o * stride + k * kernel_spread - pad for o in range(output) for k in range(kernel))
    return sum(0 <= place <= (image - 1) * spread and place % spread == 0 for place in places)
