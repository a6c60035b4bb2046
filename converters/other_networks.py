"""Other face recognizers than IR-ResNets, recognized by the names in their state dicts, for the error message."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

# (what it is, names of which one is enough), the first that matches. The names are those of the public code bases.
NETWORKS = (
    ("a quantized network: its weights were rounded to integers", r"(^|\.)(zero_point|_packed_params)(\.|$)"),
    (
        "a vision transformer (ViT): patches and attention instead of convolutions",
        r"(^|\.)(patch_embed|pos_embed|cls_token|patch_embedding)(\.|$)|\.attn\.|\.attention\.|\.self_attention\.",
    ),
    (
        "an Inception-ResNet (FaceNet): branches of several convolutions",
        r"(^|\.)(conv2d_1a|mixed_[5-7][ab]|repeat_[123]|block8|last_linear)\.",
    ),
    (
        "a MobileFaceNet: depthwise convolutions",
        r"(^|\.)(conv2_dw|conv_?23|conv_3|conv_34|conv_45|conv_5|conv_6_sep|conv_6_dw|conv_sep|dw_conv1?|linear7)\.",
    ),
    (
        "SimSwap's own ArcFace (also InsightFace-v2): an unpadded stem, other blocks, one slope for all channels",
        r"(^|\.)(bn4|bn5|layer[1-4]\.\d+\.bn0)\.",
    ),
    (
        "an IR-SE network: squeeze-and-excitation gates in its blocks",
        r"(^|\.)(se|se_block|se_module|se_layer|res_layer\.\d+)\.(fc[12]?|conv[12]|excitation|squeeze)\.",
    ),
    (
        "a network of bottleneck blocks (three convolutions each, as AdaFace's IR_152 and IR_200)",
        r"(^|\.)(layer[1-4]\.\d+\.conv3|res_layer\.[678])\.",
    ),
)
PATTERNS = tuple((name, re.compile(pattern)) for name, pattern in NETWORKS)
RESNET_BLOCK = re.compile(r"layer[1-4]\.\d+\.conv2\.weight$")


def name_of(tensors: Mapping[str, Any]) -> str | None:
    """The network that these tensors belong to, if it is a known one other than an IR-ResNet."""
    names = [str(name) for name in tensors]
    for name, pattern in PATTERNS:
        if any(map(pattern.search, names)):
            return name
    if _is_bottleneck(tensors):
        return next(name for name, _ in PATTERNS if "bottleneck" in name)
    if any(map(RESNET_BLOCK.search, names)) and not any("prelu" in name or ".bn3." in name for name in names):
        return "a plain ResNet (as torchvision's): ReLU, and no norm before the first convolution of a block"
    return None


def refusal(name: str) -> str:
    """The error message."""
    return (
        f"this is {name}. It computes something else than the IR-ResNet of this library and cannot be converted; look"
        " for IR-ResNet weights of the same authors (often called r50, r100, ir_50 or ir_101)"
    )


def _is_bottleneck(tensors):
    """Whether a block begins with a 1x1 convolution, where an IR-ResNet has its first 3x3."""
    first = (value for name, value in tensors.items() if re.search(r"body\.0\.res_layer\.1\.weight$", str(name)))
    return any(len(shape := np.shape(value)) == 4 and shape[2:] == (1, 1) for value in first)
