"""A face swap without a network: geometry, colors and gradients.

Any function `(target: Face, source: Face) -> image` is a swapper; `swap` is one. See docs/swappers.md.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Float, Integer, Num

from perface_jax import images
from perface_jax.arrays import AnyArray, Array, Pixels, Scalar
from perface_jax.images.pixels import in_dtype, working_dtype
from perface_jax.landmarks import PARTS
from perface_jax.swap.blending import clone, match_colors
from perface_jax.swap.geometry import (
    MESH,
    broadcast,
    face_ring,
    inner_ring,
    outline_of,
    outline_triangles,
    pixels,
    radius,
    swap_points,
    triangulate,
)
from perface_jax.swap.warping import check_triangles, locate, pull

FEATHER = 0.15  # of the way from the edge of the mask to its middle
SEAM = 25.0  # gray levels that blending evens out; larger steps, mostly hair on one side, would bleed into the face
FEATURES = 0.5  # share of the color change for eyes and mouth, because eyes and teeth are white on every skin


class Face(NamedTuple):
    """A picture, RGB from 0 to 255, and the landmarks of the face in it, pixels."""

    image: Pixels[AnyArray, "*batch h w 3"]
    landmarks: Num[AnyArray, "*batch p 2"]


def swap(
    target: Face,
    source: Face,
    *,
    degree: Scalar | Float[AnyArray, "*degrees"] = 1.0,
    shape: Scalar | Float[AnyArray, "*shapes"] = 0.6,
    triangles: Integer[AnyArray, "m 3"] | None = None,
) -> Pixels[Array, "*batch h w 3"]:
    """The target's picture with the source's inner face.

    1. The points of the result: t + degree shape taper (S s - t); S is the similarity that aligns the source's points s
       with the target's t, and taper falls from 1 inside to 0 on the outline of the face.
    2. Both faces are warped to these points; the source gets the target's colors, and the two are mixed:
       (1 - degree) target + degree source.
    3. The mixture is blended into the target: its gradients inside the mask, the target's values outside, a soft edge.

    Args:
      source: a mesh, if the target has one. Pictures may differ in size.
      degree: from 0 (the target, bit for bit) to 1 (the full swap).
      shape: share of the source's shape in the result, 0 to 1.
      triangles: from `triangulate(swap_points(...))`. None: those of the generic face, or of the meshes passed. The
        latter needs their values, so pass triangles for meshes under jit and vmap.

    Returns:
      A picture in the target's dtype; leading axes of faces and degree broadcast. Pixels outside the mask are the
      target's own. Differentiable in pictures, landmarks and options.

    Raises:
      ValueError: a mesh on one side only, unknown layouts of landmarks, landmarks that are not finite; options outside
        0..1; meshes under jit without triangles.
      TypeError: not a Face, or pictures of another dtype.
    """
    for name, face in (("target", target), ("source", source)):
        _check_face(name, face)
    for name, option in (("degree", degree), ("shape", shape)):
        if not isinstance(option, Tracer) and not np.all((np.asarray(option) >= 0) & (np.asarray(option) <= 1)):
            raise ValueError(f"saw {name} {option}, wanted 0 to 1")
    dtype = working_dtype(target.image.dtype)
    points, source_points = (swap_points(jnp.asarray(face.landmarks, dtype)) for face in (target, source))
    if points.shape[-2] != source_points.shape[-2]:
        raise ValueError(
            f"saw {np.shape(target.landmarks)[-2]} landmarks of the target and {np.shape(source.landmarks)[-2]} of the "
            "source, wanted a mesh for both or for none: perface_jax.landmarks.outline makes 59 points of a mesh"
        )
    triangles = _triangles(points, source_points) if triangles is None else triangles
    check_triangles(triangles, points.shape[-2])
    pictures = (jnp.asarray(face.image).astype(dtype) for face in (target, source))
    options = (jnp.asarray(option, dtype) for option in (degree, shape))
    return _swap(jnp.asarray(target.image), *pictures, points, source_points, *options, jnp.asarray(triangles))


def swap_face(
    target: Face,
    source: Face,
    *,
    degree: Scalar | Float[AnyArray, "*degrees"] = 1.0,
    shape: Scalar | Float[AnyArray, "*shapes"] = 0.6,
    triangles: Integer[AnyArray, "m 3"] | None = None,
) -> Face:
    """As `swap`, with the landmarks of the result: the 59 points of its outline."""
    image = swap(target, source, degree=degree, shape=shape, triangles=triangles)
    dtype = working_dtype(target.image.dtype)
    points = (swap_points(jnp.asarray(face.landmarks, dtype)) for face in (target, source))
    return Face(image, _outline(*points, jnp.asarray(degree, dtype) * jnp.asarray(shape, dtype)))


@jax.jit
def _outline(points, source_points, amount):
    return outline_of(broadcast(move_points, "(q,k),(q,k),()->(q,k)")(points, source_points, amount))


def _check_face(name, face):
    if not isinstance(face, Face):
        raise TypeError(f"saw a {type(face).__name__} as {name}, wanted swap.Face(image, landmarks)")
    images.check(face.image, floating=True)
    if isinstance(face.landmarks, Tracer):
        return
    points = np.asarray(face.landmarks)
    if not np.isfinite(points).all():
        raise ValueError(f"saw NaN or infinity in the landmarks of the {name}: leave out faces that were not found")
    if points.size and (np.ptp(points, axis=-2).max(-1) < 1).any():
        raise ValueError(
            f"saw all landmarks of the {name} within one pixel, wanted pixels: fractions of the picture have to be "
            "multiplied by its width and height"
        )


def _triangles(points, source_points):
    """Triangles for all these faces; their number depends on the layout of the landmarks only: one compilation."""
    if points.shape[-2] != MESH:
        return outline_triangles()
    if isinstance(points, Tracer) or isinstance(source_points, Tracer):
        raise ValueError(
            "meshes under jit or vmap need their triangles: triangles=swap.triangulate(swap.swap_points(landmarks)), "
            "from the landmarks of some faces, outside"
        )
    meshes = np.concatenate([np.asarray(mesh).reshape(-1, MESH, 2) for mesh in (points, source_points)])
    triangles = triangulate(meshes)
    return np.pad(triangles, [(0, 2 * MESH - len(triangles)), (0, 0)], mode="edge")


@jax.jit
def _swap(original, target, source, points, source_points, degree, shape, triangles):
    def one(original, target, source, points, source_points, degree, shape):
        moved = move_points(points, source_points, degree * shape)
        turns = jnp.ones(len(triangles), points.dtype)  # those of triangulate have one orientation
        place = locate(moved, triangles, turns, target)
        own, other = pull(target, target, points, place), pull(source, target, source_points, place)
        out, features = _masks(points, moved, target)
        matched = match_colors(other, own, _ramp((1 - out) / FEATHER) * (1 - features))
        other += (1 - (1 - FEATURES) * features)[..., None] * (matched - other)
        face = own + degree * (other - own)
        cloned = clone(face, face + jnp.clip(target - face, -SEAM, SEAM), out < 1)
        mixed = target + _ramp((1 - out) / FEATHER)[..., None] * (cloned - target)
        return jnp.where(degree > 0, in_dtype(mixed, original.dtype), original)

    signature = "(h,w,c),(h,w,c),(i,j,c),(q,k),(q,k),(),()->(h,w,c)"
    return broadcast(one, signature)(original, target, source, points, source_points, degree, shape)


def move_points(
    points: Float[AnyArray, "q 2"], source_points: Float[AnyArray, "q 2"], amount: Scalar
) -> Float[Array, "q 2"]:
    """The points of the result."""
    matrix = images.similarity_transform(source_points, points)
    fitted = source_points @ matrix[:, :2].T + matrix[None, :, 2]
    taper = _ramp((1 - radius(points, face_ring(points))) / 0.5)
    return points + amount * taper[:, None] * (fitted - points)  # pyright: ignore[reportReturnType]


def _masks(points, moved, target):
    """The relative radius of each pixel in the mask (1 at its edge), and its share of eyes or mouth (0 to 1)."""
    place, contours = pixels(target), outline_of(moved)
    near = [radius(place, contours[slice(*PARTS[name])]) for name in ("left_eye", "right_eye", "mouth")]
    return radius(place, inner_ring(points)), _ramp((1.6 - functools.reduce(jnp.minimum, near)) / 0.8)


def _ramp(x):
    """From 0 at 0 to 1 at 1, level at both ends."""
    x = jnp.clip(x, 0, 1)
    return x * x * (3 - 2 * x)
