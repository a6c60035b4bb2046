"""Landmarks as pictures that a convolution can read, and the part of a picture that is a face."""

import enum

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Float32, Num

from perface_jax import fidelity, landmarks
from perface_jax.arrays import AnyArray, Array


class Points(enum.Enum):
    """The landmarks that a generator sees."""

    DENSE = "dense"  # the 59 points of the outline
    FIVE = "five"  # eyes, nose tip and corners of the mouth

    @property
    def channels(self) -> int:
        """How many maps: one for each of the five points, and one for each other part of the outline."""
        return 5 + len(_PARTS) * (self is Points.DENSE)


_PARTS = tuple(place for name, place in landmarks.PARTS.items() if name != "five")


def heat_maps(
    points: Num[AnyArray, "*batch p 2"], *, size: int, which: Points, width: float = 1.5
) -> Float32[Array, "*batch {size} {size} k"]:
    """`exp(-|u - p|^2 / (2 width^2))` at pixel u: a channel for each point p of the five, and one for each other part
    of the outline, with the largest value of its points.

    Args:
      points: landmarks in any layout of `perface_jax.landmarks`, in pixels of a picture of side `size`.
      size: side of the maps in pixels.
      which: the points that are drawn.
      width: standard deviation, > 0, in pixels of a picture of 64; it grows with `size`.

    Source: heat maps of landmarks as in Celona et al. (arXiv 2603.17567); width and channels are ours.
    """
    shown = landmarks.outline(points).astype(jnp.float32)
    pixels = jnp.arange(size, dtype=jnp.float32).reshape(*(1,) * shown.ndim, size)
    near = jnp.exp(-0.5 * jnp.square((pixels - shown[..., None]) / (width * size / 64)))  # [..., p, xy, size]

    def drawn(first, end):
        return near[..., first:end, 1, :, None] * near[..., first:end, 0, None, :]

    parts = [drawn(*place).max(-3, keepdims=True) for place in _PARTS] if which is Points.DENSE else []
    return jnp.moveaxis(jnp.concatenate([drawn(0, 5), *parts], axis=-3), -3, -1)


def face_mask(points: Num[AnyArray, "*batch p 2"], *, size: int) -> Float[Array, "*batch {size} {size}"]:
    """1 in the face that is painted anew, softly 0 outside: `fidelity.face_region`, grown by its soft edge.

    Arguments as for `heat_maps`. The whole region is 1 in it, so nothing of the face is seen.
    """
    region = fidelity.face_region(points, size)
    return jnp.clip(2 * region, 0, 1)


def mirrored(points: Float[AnyArray, "*batch 59 2"], *, size: int) -> Float[np.ndarray, "*batch 59 2"]:
    """The outline of the mirrored picture, in its own order: left is left in the picture. On the host."""
    turned = np.asarray(points)[..., _MIRRORED, :]
    return np.stack([size - 1 - turned[..., 0], turned[..., 1]], axis=-1)


def _mirrored_order():
    """For each point of the outline, the one that takes its place in a mirror; the generic face is symmetric."""
    five, rest = landmarks.GENERIC[:5, :2], landmarks.GENERIC[5:, :2]  # corners of the mouth are in both

    def nearest(part):
        return np.square(part[:, None] * (-1, 1) - part).sum(-1).argmin(1)

    return np.concatenate([nearest(five), 5 + nearest(rest)])


_MIRRORED = _mirrored_order()
