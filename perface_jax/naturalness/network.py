"""The network, its crops and its scores.

Four convolutions over a face of 64 pixels, its fine detail and the places of its pixels. Then the mean and the largest
response of each channel, since faults are local and one is enough, and a layer over all of them, since a face has its
parts in their places.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Num, UInt8

from perface_jax import images
from perface_jax.arrays import AnyArray
from perface_jax.landmarks import outline
from perface_jax.statistics.estimates import Estimate

SIZE = 64  # pixels of a crop
CROP = "simswap"  # the whole face, from chin to forehead
BATCH = 64


class Network(nn.Module):
    """Crops, values 0 to 255 -> one number each; higher is more natural."""

    widths: tuple[int, ...] = (16, 24, 32, 48)

    @nn.compact
    def __call__(self, crops):
        x = crops.astype(jnp.float32) / 127.5 - 1
        smooth = jax.image.resize(jax.image.resize(x, (len(x), SIZE // 4, SIZE // 4, 3), "linear"), x.shape, "linear")
        place = jnp.broadcast_to(_places()[None], (len(x), SIZE, SIZE, 2))
        x = jnp.concatenate([x, 4 * (x - smooth), place], axis=-1)
        for i, width in enumerate(self.widths):
            x = nn.relu(nn.GroupNorm(8)(nn.Conv(width, (3, 3), strides=1 if i == 1 else 2)(x)))
        whole = nn.relu(nn.Dense(32)(x.reshape(len(x), -1)))
        x = jnp.concatenate([x.mean((1, 2)), x.max((1, 2)), whole], axis=-1)
        return nn.Dense(1)(nn.relu(nn.Dense(32)(x)))[:, 0]


def _places():
    """How far every pixel is from the middle line, and how far down: a dark spot is a brow, or a fault."""
    along = jnp.linspace(-1, 1, SIZE, dtype=jnp.float32)
    return jnp.stack(jnp.meshgrid(jnp.abs(along), along), axis=-1)


class HeldOut(NamedTuple):
    """What a model finds of a kind of fault that it was not trained on, on people that it was not trained on."""

    auc: Estimate  # how often an untouched face scores higher than a faulty one
    below: float  # share of the faulty faces that are less natural than 95% of the untouched ones


class NaturalnessModel(NamedTuple):
    """Weights, and what is known of them.

    Attributes:
      untouched: the scores of untouched faces of people that training left out, in ascending order.
      held_out: by kind of fault, what a model finds that was trained without it; empty if that was not measured.
    """

    variables: Mapping[str, Any]
    untouched: Float[np.ndarray, " n"]
    held_out: Mapping[str, HeldOut] = {}


def crops(pictures: UInt8[AnyArray, "n h w 3"], landmarks: Num[AnyArray, "n p 2"]) -> UInt8[np.ndarray, "n 64 64 3"]:
    """The faces as the network takes them; landmarks of any layout of `perface_jax.landmarks`, in pixels."""
    five = np.asarray(outline(np.asarray(landmarks, np.float32)))[:, :5]
    cut = [
        images.fit(np.asarray(one), crop=CROP, size=SIZE, landmarks=points)
        for one, points in zip(pictures, five, strict=True)
    ]
    return np.stack(cut) if cut else np.zeros((0, SIZE, SIZE, 3), np.uint8)


def score(model: NaturalnessModel, faces: UInt8[AnyArray, "n 64 64 3"]) -> Float[np.ndarray, " n"]:
    """The naturalness of crops: log odds of being untouched, as the network estimates them."""
    faces, found = np.asarray(faces), []
    for start in range(0, len(faces), BATCH):
        rows = np.minimum(np.arange(start, start + BATCH), len(faces) - 1)  # one program for any number
        found.append(np.asarray(_apply(model.variables, faces[rows]))[: len(faces) - start])
    return np.concatenate(found) if found else np.zeros(0, np.float32)


def floor(model: NaturalnessModel, *, share: float) -> float:
    """The score below which this share of untouched faces lies; 0 = no face is too unnatural: -inf."""
    if not 0 <= share < 1:
        raise ValueError(f"share is {share}; wanted 0 or more and less than 1, for instance 0.05")
    return float(np.quantile(model.untouched, share)) if share else -np.inf


@jax.jit
def _apply(variables, faces):
    return Network().apply(variables, faces)
