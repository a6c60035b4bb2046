"""The three networks of MTCNN as functions of their weights, and where the weights come from.

Inputs are floating RGB [n, h, w, 3] from 0 to 255. Weights are lists of arrays in the order and layout of the PyPI
package `mtcnn`: convolutions HWIO. Products are computed in full float32 on every device.

Source: Zhang et al. 2016, "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks".
"""

import importlib.util
import pathlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Float32

from perface_jax import extras
from perface_jax.arrays import AnyArray, Array

Layers = Sequence[Float32[AnyArray, "..."]]
ARRAYS = {"pnet": 13, "rnet": 16, "onet": 21}
FIELD, STRIDE = 12, 2  # of P-Net: pixels that a cell sees, and pixels from cell to cell
REFINED, OUTPUT = 24, 48  # side in pixels of the windows that R-Net and O-Net take
_NEVER = -1e9  # loses against every value in a max-pool


class Weights(NamedTuple):
    """The weights of the three networks."""

    pnet: Layers
    rnet: Layers
    onet: Layers


def read_weights() -> Weights:
    """The weights in the installed package `mtcnn`; its code is not imported.

    Raises:
      MissingExtra: the package, joblib or lz4 is not installed.
      ValueError: a version of the package with other files.
    """
    with extras.explained():
        import joblib
        import lz4.frame  # noqa: F401  # joblib needs it for these files

        if (spec := importlib.util.find_spec("mtcnn")) is None or not spec.submodule_search_locations:
            raise ModuleNotFoundError("No module named 'mtcnn'", name="mtcnn")
    folder = pathlib.Path(spec.submodule_search_locations[0]) / "assets" / "weights"
    found = {}
    for name, count in ARRAYS.items():
        file = folder / f"{name}.lz4"
        found[name] = joblib.load(file) if file.exists() else []
        if len(found[name]) != count:
            raise ValueError(f"{file}: saw {len(found[name])} arrays, wanted {count}: pip install 'mtcnn==1.0.0'")
    return Weights(**found)


def propose(
    layers: Layers, pixels: Float[AnyArray, "n h w 3"], where: Bool[AnyArray, "n h w"]
) -> tuple[Float[Array, "n rows columns"], Float[Array, "n rows columns 4"]]:
    """P-Net: for each cell of a picture, its score as a face and the shifts of its box's edges.

    Args:
      where: which results of the first convolution count; the max-pool ignores the others. h and w must be even.
    """
    rest = iter(layers)
    x = _convolve(_scaled(pixels), rest)
    x = jnp.where(where[:, : x.shape[1], : x.shape[2], None], x, _NEVER)
    x = _convolve(_pool(x, 2, "VALID"), rest)
    x = _convolve(x, rest)
    shifts, logits = _convolve(x, rest, last=True), _convolve(x, rest, last=True)
    return jax.nn.softmax(logits)[..., 1], shifts


def refine(layers: Layers, pixels: Float[AnyArray, "n 24 24 3"]) -> tuple[Float[Array, " n"], Float[Array, "n 4"]]:
    """R-Net: the score of each window as a face, and the shifts of its edges."""
    rest = iter(layers)
    x = _pool(_convolve(_scaled(pixels), rest), 3, "SAME")
    x = _pool(_convolve(x, rest), 3, "VALID")
    x = _flat(_convolve(x, rest), rest)
    shifts, logits = _dense(x, rest), _dense(x, rest)
    return jax.nn.softmax(logits)[:, 1], shifts


def describe(
    layers: Layers, pixels: Float[AnyArray, "n 48 48 3"]
) -> tuple[Float[Array, " n"], Float[Array, "n 4"], Float[Array, "n 5 2"]]:
    """O-Net: the score of each window, the shifts of its edges, and five points as shares of its width and height."""
    rest = iter(layers)
    x = _pool(_convolve(_scaled(pixels), rest), 3, "SAME")
    x = _pool(_convolve(x, rest), 3, "VALID")
    x = _pool(_convolve(x, rest), 2, "SAME")
    x = _flat(_convolve(x, rest), rest)
    shifts, points, logits = _dense(x, rest), _dense(x, rest), _dense(x, rest)
    return jax.nn.softmax(logits)[:, 1], shifts, jnp.stack([points[:, :5], points[:, 5:]], -1)


def _scaled(pixels):
    return (pixels - 127.5) / 128.0


def _convolve(x, rest: Iterator, *, last=False):
    kernel, bias = next(rest), next(rest)
    layout = ("NHWC", "HWIO", "NHWC")
    x = jax.lax.conv_general_dilated(x, kernel, (1, 1), "VALID", dimension_numbers=layout, precision="highest")
    x = x + bias.reshape(1, 1, 1, -1)
    return x if last else _prelu(x, next(rest).reshape(1, 1, 1, -1))


def _dense(x, rest: Iterator):
    weights, bias = next(rest), next(rest)
    return jnp.dot(x, weights, precision="highest") + bias[None]


def _flat(x, rest: Iterator):
    """The first dense layer. It flattens columns before rows, because the weights were trained in Caffe."""
    x = _dense(jnp.swapaxes(x, 1, 2).reshape(len(x), -1), rest)
    return _prelu(x, next(rest)[None])


def _prelu(x, slope):
    return jnp.maximum(x, 0) + slope * jnp.minimum(x, 0)


def _pool(x, side, padding):
    return jax.lax.reduce_window(x, -np.inf, jax.lax.max, (1, side, side, 1), (1, 2, 2, 1), padding)
