"""The names of PyTorch and of Flax, in tables for both directions.

A leaf of the Flax variables is `(collection, path)` like `("params", "layer1_0/conv1/kernel")`; its twin in an
arcface_torch state dict is one key like `layer1.0.conv1.weight`. Layouts differ for two kinds of tensor: convolutions
(height, width, in, out against out, in, height, width) and `fc`, whose inputs PyTorch orders channel, row, column and
NHWC orders row, column, channel. Everything else is copied unchanged, so a round trip is bit-identical.

Other families give the modules of arcface_torch other names: `LAYOUTS` has a table for each. `IR` counts the blocks
through all stages: its `body.N` is the block `i` of stage `k` here, `layerk.i`.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import jax
import numpy as np

from perface_jax.network.model import IResNet
from perface_jax.network.variable_shapes import abstract_variables

LEAVES = {
    ("params", "kernel"): "weight",
    ("params", "scale"): "weight",
    ("params", "slope"): "weight",
    ("params", "bias"): "bias",
    ("constants", "scale"): "weight",
    ("batch_stats", "mean"): "running_mean",
    ("batch_stats", "var"): "running_var",
}
# The order in which arcface_torch registers the parts of a block, of the network and of a norm.
ORDER = ("conv1", "bn1", "prelu", "layer", "bn2", "fc", "features")
BLOCK_ORDER = ("bn1", "conv1", "bn2", "prelu", "conv2", "bn3", "downsample.0", "downsample.1")
COUNTER = "num_batches_tracked"
_IR_NETWORK = {
    "conv1": "input_layer.0", "bn1": "input_layer.1", "prelu": "input_layer.2",
    "bn2": "output_layer.0", "fc": "output_layer.3", "features": "output_layer.4",
}  # fmt: skip
_IR_BLOCK = {
    "bn1": "res_layer.0", "conv1": "res_layer.1", "bn2": "res_layer.2", "prelu": "res_layer.3", "conv2": "res_layer.4",
    "bn3": "res_layer.5", "downsample.0": "shortcut_layer.0", "downsample.1": "shortcut_layer.1",
}  # fmt: skip
# Without a norm between the first convolution of a block and its PReLU, what follows moves up by one.
_IR_PLAIN_BLOCK = {
    "bn1": "res_layer.0", "conv1": "res_layer.1", "prelu": "res_layer.2", "conv2": "res_layer.3", "bn3": "res_layer.4",
    "downsample.0": "shortcut_layer.0", "downsample.1": "shortcut_layer.1",
}  # fmt: skip
ARCFACE, IR, IR_PLAIN = "arcface", "ir", "ir_plain"
# Layout: modules outside the blocks, modules of a block; arcface_torch's names to the family's.
LAYOUTS = {IR: (_IR_NETWORK, _IR_BLOCK), IR_PLAIN: (_IR_NETWORK, _IR_PLAIN_BLOCK)}
ARCFACE_BLOCK = re.compile(r"layer(\d+)\.(\d+)\.(.+)")
IR_BLOCK = re.compile(r"body\.(\d+)\.(.+)")
LEAF_ORDER = ("weight", "bias", "running_mean", "running_var", COUNTER)


class Twin(NamedTuple):
    """A tensor in both libraries: its names, its shapes, and the copies in both directions."""

    collection: str
    path: tuple[str, ...]
    key: str
    torch_shape: tuple[int, ...]
    to_flax: Callable[[np.ndarray], np.ndarray]
    to_torch: Callable[[np.ndarray], np.ndarray]


def twins(model: IResNet) -> list[Twin]:
    """Every tensor of the model, in the order of the PyTorch state dict (counters excepted)."""
    rows = [_twin(model, leaf_path, leaf) for leaf_path, leaf in jax.tree.leaves_with_path(abstract_variables(model))]
    return sorted(rows, key=lambda twin: _rank(twin.key))


def counters(model: IResNet) -> list[str]:
    """Keys of the counters that PyTorch keeps for each norm and Flax does not have."""
    return [t.key.removesuffix("running_mean") + COUNTER for t in twins(model) if t.key.endswith("running_mean")]


def layout(keys: Iterable[str]) -> str:
    """The layout that has names like these: `arcface`, `ir` or `ir_plain`."""
    blocks = [match[2] for match in map(IR_BLOCK.match, keys) if match]
    if not blocks:
        return ARCFACE
    return IR if any(name.startswith("res_layer.5.") for name in blocks) else IR_PLAIN


def to_arcface(keys: Iterable[str], layout: str) -> dict[str, str]:
    """Keys of a family to the keys of arcface_torch; unknown names are unchanged."""
    keys = list(keys)
    if layout == ARCFACE:
        return {key: key for key in keys}
    network, block = ({there: here for here, there in names.items()} for names in LAYOUTS[layout])
    starts = _stage_starts(keys)
    return {key: _here(key, network, block, starts) for key in keys}


def from_arcface(key: str, layout: str, layers: Sequence[int]) -> str:
    """The family's key for a key of arcface_torch, given the blocks of each stage; unchanged if there is none."""
    if layout == ARCFACE:
        return key
    network, block = LAYOUTS[layout]
    if match := ARCFACE_BLOCK.match(key):
        number = sum(layers[: int(match[1]) - 1]) + int(match[2])
        return f"body.{number}.{renamed}" if (renamed := _renamed(match[3], block)) else key
    return _renamed(key, network) or key


def _here(key, network, block, starts):
    if match := IR_BLOCK.match(key):
        stage = sum(start <= int(match[1]) for start in starts)
        renamed = _renamed(match[2], block)
        return f"layer{stage}.{int(match[1]) - starts[stage - 1]}.{renamed}" if renamed else key
    return _renamed(key, network) or key


def _stage_starts(keys):
    """Numbers of the blocks that open a stage: the first one, and those with a projection."""
    blocks = [match for match in map(IR_BLOCK.match, keys) if match]
    return sorted({0, *(int(match[1]) for match in blocks if match[2].startswith("shortcut_layer."))})


def _renamed(key, names):
    module, _, leaf = key.rpartition(".")
    return f"{names[module]}.{leaf}" if module in names else None


def ordered(keys: Iterable[str]) -> list[str]:
    """Keys in the order of arcface_torch's `state_dict()`."""
    return sorted(keys, key=_rank)


def _twin(model, leaf_path, leaf):
    collection, *path = (entry.key for entry in leaf_path)
    module = ".".join(_torch_module(name) for name in path[:-1])
    key = f"{module}.{LEAVES[collection, path[-1]]}"
    if len(leaf.shape) == 4:
        shape = tuple(leaf.shape[i] for i in (3, 2, 0, 1))
        there, back = (lambda x: x.transpose(2, 3, 1, 0)), (lambda x: x.transpose(3, 2, 0, 1))
    elif len(leaf.shape) == 2:
        shape = leaf.shape[::-1]
        there, back = _fc_layouts(model, shape)
    else:
        shape, there, back = leaf.shape, (lambda x: x), (lambda x: x)
    return Twin(collection, tuple(path), key, shape, there, back)


def _fc_layouts(model, torch_shape):
    outputs, inputs = torch_shape
    side = model.image_size >> sum(depth > 0 for depth in model.layers)  # each stage with blocks halves it
    channels = inputs // side**2

    def to_flax(weight):
        return weight.reshape(outputs, channels, side, side).transpose(2, 3, 1, 0).reshape(inputs, outputs)

    def to_torch(kernel):
        return kernel.reshape(side, side, channels, outputs).transpose(3, 2, 0, 1).reshape(outputs, inputs)

    return to_flax, to_torch


def _torch_module(name):
    name = re.sub(r"^(layer\d)_(\d+)$", r"\1.\2", name)
    return {"downsample_conv": "downsample.0", "downsample_bn": "downsample.1"}.get(name, name)


def _rank(key):
    module, leaf = key.rsplit(".", 1)
    if match := re.match(r"layer(\d)\.(\d+)\.(.*)", module):
        place = (ORDER.index("layer"), int(match[1]), int(match[2]), BLOCK_ORDER.index(match[3]))
    else:
        place = (ORDER.index(module), 0, 0, 0)
    return place, LEAF_ORDER.index(leaf)
