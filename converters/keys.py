"""One table between the names of PyTorch and of Flax, used in both directions.

A leaf of the Flax variables is `(collection, path)` like `("params", "layer1_0/conv1/kernel")`; its twin in an
arcface_torch state dict is one key like `layer1.0.conv1.weight`. Layouts differ for two kinds of tensor: convolutions
(height, width, in, out against out, in, height, width) and `fc`, whose inputs PyTorch orders channel, row, column and
NHWC orders row, column, channel. Everything else is copied as it is, so a round trip is bit-identical.
"""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

import jax
import numpy as np

from perface_jax.network.model import IResNet
from perface_jax.network.model_folder import abstract_variables

LEAVES = {
    ("params", "kernel"): "weight",
    ("params", "scale"): "weight",
    ("params", "slope"): "weight",
    ("params", "bias"): "bias",
    ("constants", "scale"): "weight",
    ("batch_stats", "mean"): "running_mean",
    ("batch_stats", "var"): "running_var",
}
# The order in which arcface_torch registers what stands in a block, in the network and in a norm.
ORDER = ("conv1", "bn1", "prelu", "layer", "bn2", "fc", "features")
BLOCK_ORDER = ("bn1", "conv1", "bn2", "prelu", "conv2", "bn3", "downsample.0", "downsample.1")
COUNTER = "num_batches_tracked"
LEAF_ORDER = ("weight", "bias", "running_mean", "running_var", COUNTER)


class Twin(NamedTuple):
    """A tensor in both worlds: where it stands, its shapes, and the copies there and back."""

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
