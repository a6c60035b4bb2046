"""Baseline anonymizers to compare swaps with: blur, pixelate, black box.

All take RGB pictures from 0 to 255 and landmarks in pixels (see `perface_jax.landmarks`), and return the picture's
dtype; leading axes broadcast. Only the face changes, from jaw to forehead, or its bounding box. Hair, ears and
surroundings, which also identify people, stay unchanged.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Num

from perface_jax import images
from perface_jax.arrays import AnyArray, Array, Pixels, Scalar
from perface_jax.images.pixels import in_dtype, working_dtype
from perface_jax.swap.geometry import broadcast, face_ring, pixels, pupil_distance, radius, swap_points

Picture = Pixels[AnyArray, "*#batch h w 3"]
Points = Num[AnyArray, "*#batch p 2"]


def blur(image: Picture, landmarks: Points, *, sigma: Scalar = 0.3) -> Pixels[Array, "*batch h w 3"]:
    """The face smoothed by a Gaussian of `sigma` pupil distances, normalized over the pixels inside the picture."""

    def blurred(image, points):
        width = jnp.maximum(sigma * pupil_distance(points), 1e-3)
        rows, columns = (_gaussian(n, width) for n in image.shape[:2])
        return _on_face(jnp.einsum("hy,wx,yxc->hwc", rows, columns, image), image, points)

    return _per_face(blurred, image, landmarks)


def _gaussian(count, sigma):
    """Weights `[count, count]` of a Gaussian blur along one axis; rows sum to 1."""
    place = jnp.arange(count, dtype=sigma.dtype)
    return jax.nn.softmax(-(((place[:, None] - place[None]) / sigma) ** 2) / 2, -1)


def pixelate(image: Picture, landmarks: Points, *, blocks: Scalar = 8) -> Pixels[Array, "*batch h w 3"]:
    """The face in squares of uniform mean color, `blocks` of them across the face."""

    def coarse(image, points):
        ring = face_ring(points)
        left, top = ring.min(0)
        side = (ring[:, 0].max() - left) / blocks
        rows, columns = _same_block(image.shape[0], top, side), _same_block(image.shape[1], left, side)
        return _on_face(jnp.einsum("hy,wx,yxc->hwc", rows, columns, image), image, points)

    return _per_face(coarse, image, landmarks)


def _same_block(count, start, side):
    """Weights `[count, count]` that replace all pixels of a block by their mean."""
    block = jnp.floor((jnp.arange(count, dtype=side.dtype) - start) / side)
    same = (block[:, None] == block[None]).astype(side.dtype)
    return same / same.sum(-1, keepdims=True)


def black_box(image: Picture, landmarks: Points) -> Pixels[Array, "*batch h w 3"]:
    """The picture with the bounding box of the face in black."""

    def covered(image, points):
        place, ring = pixels(image), face_ring(points)
        is_covered = ((place >= ring.min(0)) & (place <= ring.max(0))).all(-1)
        return jnp.where(is_covered[..., None], 0, image)

    return _per_face(covered, image, landmarks)


def _on_face(changed, image, points):
    is_face = radius(pixels(image), face_ring(points)) < 1
    return jnp.where(is_face[..., None], changed, image)


def _per_face(change, image, landmarks):
    """Apply `change` to every picture, in floating point, and its swap points; restore the dtype of the pictures."""
    images.check(image, floating=True)
    image = jnp.asarray(image)
    dtype = working_dtype(image.dtype)
    points = swap_points(jnp.asarray(landmarks, dtype))
    changed = broadcast(change, "(h,w,c),(q,k)->(h,w,c)")(image.astype(dtype), points)
    return in_dtype(changed, image.dtype)
