"""The shapes of a network's variables, from its fields alone: tracing `init` takes most of a second for r50."""

from collections.abc import Iterator

import jax
import numpy as np
from flax import traverse_util

from perface_jax.network.model import IResNet

Leaf = tuple[tuple[str, ...], tuple[int, ...]]  # collection and names, shape


def abstract_variables(model: IResNet) -> dict:
    """Shapes and dtypes of the model's variables, those of `model.init`.

    Raises:
      ValueError: no network can have the model's fields.
    """
    size = model.image_size
    model.check(np.broadcast_to(np.zeros((), model.dtype), (1, size, size, 3)))
    leaves = {path: jax.ShapeDtypeStruct(shape, model.param_dtype) for path, shape in _network(model)}
    return traverse_util.unflatten_dict(leaves)


def _network(model: IResNet) -> Iterator[Leaf]:
    yield _convolution("conv1", side=3, channels=(3, model.width))
    yield from _norm("bn1", channels=model.width)
    yield _slope("prelu", channels=model.width)
    channels, side = model.width, model.image_size
    for name, features, stride in model.blocks:
        yield from _block(name, channels, features, stride)
        channels, side = features, side // stride
    yield from _norm("bn2", channels=channels)
    yield ("params", "fc", "kernel"), (side**2 * channels, model.embedding_size)
    yield ("params", "fc", "bias"), (model.embedding_size,)
    yield from _norm("features", channels=model.embedding_size, scale="constants")


def _block(name: str, channels: int, features: int, stride: int) -> Iterator[Leaf]:
    yield from _norm(name, "bn1", channels=channels)
    yield _convolution(name, "conv1", side=3, channels=(channels, features))
    yield from _norm(name, "bn2", channels=features)
    yield _slope(name, "prelu", channels=features)
    yield _convolution(name, "conv2", side=3, channels=(features, features))
    yield from _norm(name, "bn3", channels=features)
    if stride != 1 or channels != features:
        yield _convolution(name, "downsample_conv", side=1, channels=(channels, features))
        yield from _norm(name, "downsample_bn", channels=features)


def _norm(*names: str, channels: int, scale: str = "params") -> Iterator[Leaf]:
    leaves = ((scale, "scale"), ("params", "bias"), ("batch_stats", "mean"), ("batch_stats", "var"))
    return (((collection, *names, leaf), (channels,)) for collection, leaf in leaves)


def _convolution(*names: str, side: int, channels: tuple[int, int]) -> Leaf:
    return ("params", *names, "kernel"), (side, side, *channels)


def _slope(*names: str, channels: int) -> Leaf:
    return ("params", *names, "slope"), (channels,)
