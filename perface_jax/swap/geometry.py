"""The geometry of a swap: the points that it moves, their triangles, and the relative radius of each pixel.

A swap moves one of two sets of points. A dense mesh is used directly (468 points, without irises). Every other layout
becomes 70 points: the 59 of the outline, and an arc over the forehead estimated from jaw and brows. The arc is half an
ellipse over the line between the two ends of the jaw; its height is FOREHEAD times the distance from the chin to the
brows. All faces of 70 points have the same triangles.

Points are (x, y) in pixels, pixel centers at integers.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int32, Num

from perface_jax.arrays import AnyArray, Array
from perface_jax.images import similarity_transform
from perface_jax.landmarks import GENERIC, PARTS, outline

MESH = 468
FOREHEAD = 0.64  # ends a little below the hairline
LIFT = 0.14  # from the brows to mid-forehead
_ARC = 11  # points over the forehead
_MIDDLE = 1e-12  # squared distance from the middle below which a ray has no direction; rounding must not decide that
_OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149,
         150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)  # fmt: skip


def swap_points(landmarks: Num[AnyArray, "*batch p 2"]) -> Float[Array, "*batch q 2"]:
    """The points that a swap moves, linear in the landmarks.

    468 points for a mesh, otherwise 70: 59 of the outline, then the forehead from image right to image left.
    ValueError unless the number of landmarks is one of `landmarks.COUNTS`.
    """
    landmarks = jnp.asarray(landmarks)
    if landmarks.ndim > 1 and landmarks.shape[-2] >= MESH:
        outline(landmarks)  # refuses other numbers of points
        return landmarks[..., :MESH, :]
    points = outline(landmarks)
    return jnp.concatenate([points, _forehead(points)], -2)


def _forehead(points):
    """An arc over the forehead of outlines [..., 59, 2]."""
    jaw = points[..., slice(*PARTS["jaw"]), :]
    brows = points[..., PARTS["left_brow"][0] : PARTS["right_brow"][1], :].mean(-2, keepdims=True)
    chin = jaw[..., 8:10, :].mean(-2, keepdims=True)
    first, last = jaw[..., :1, :], jaw[..., -1:, :]
    turn = jnp.linspace(0.0, jnp.pi, _ARC + 2, dtype=points.dtype)[1:-1].reshape((1,) * (points.ndim - 2) + (_ARC, 1))
    return (first + last) / 2 + jnp.cos(turn) * (last - first) / 2 + jnp.sin(turn) * FOREHEAD * (brows - chin)


def outline_of(points: Float[AnyArray, "*batch q 2"]) -> Float[Array, "*batch 59 2"]:
    """The outline, from swap points."""
    return outline(points) if points.shape[-2] == MESH else points[..., :59, :]  # pyright: ignore[reportReturnType]


def face_ring(points: Float[AnyArray, "*batch q 2"]) -> Float[AnyArray, "*batch r 2"]:
    """The closed curve around a face, forehead included, from swap points."""
    return points[..., np.array(_OVAL), :] if points.shape[-2] == MESH else points[..., PARTS["jaw"][0] :, :]


def inner_ring(points: Float[AnyArray, "*batch q 2"], *, shrink: float = 0.93) -> Float[Array, "*batch r 2"]:
    """The closed curve around the part that a swap replaces, brows included.

    The jaw, and the brows lifted by LIFT times the distance from the chin to the brows; scaled by `shrink`.
    """
    points = outline_of(points)
    jaw, left, right = (points[..., slice(*PARTS[name]), :] for name in ("jaw", "left_brow", "right_brow"))
    brows = jnp.concatenate([right[..., ::-1, :], left], -2)
    chin = jaw[..., 8:10, :].mean(-2, keepdims=True)
    ring = jnp.concatenate([jaw, brows + LIFT * (brows.mean(-2, keepdims=True) - chin)], -2)
    middle = ring.mean(-2, keepdims=True)
    return middle + shrink * (ring - middle)


def pupil_distance(points: Float[AnyArray, "*batch q 2"]) -> Float[Array, "*batch"]:
    """Distance between the eyes' centers in pixels, from swap points."""
    between = outline_of(points)[..., 1, :] - outline_of(points)[..., 0, :]
    return jnp.sqrt((between**2).sum(-1))


def radius(places: Float[AnyArray, "*batch 2"], ring: Float[AnyArray, "r 2"]) -> Float[Array, "*batch"]:
    """The relative radius of places: 0 in the middle of a closed curve, 1 on it, linear along every ray.

    The curve must be star-shaped around its middle; between its points its radius is linear in the angle.
    """
    middle = ring.mean(0)
    spokes, rays = ring - middle[None], places - middle.reshape((1,) * (places.ndim - 1) + (2,))
    length = jnp.interp(_angle(rays), _angle(spokes), _length(spokes), period=2 * jnp.pi)
    return _length(rays) / jnp.maximum(length, 1e-3)


def _length(rays):
    squared = (rays**2).sum(-1)
    return jnp.where(squared > _MIDDLE, jnp.sqrt(jnp.where(squared > _MIDDLE, squared, 1)), 0)


def _angle(rays):
    is_middle = (rays**2).sum(-1, keepdims=True) <= _MIDDLE
    x, y = jnp.moveaxis(jnp.where(is_middle, 1, rays), -1, 0)
    return jnp.arctan2(y, x)


def pixels(image: Float[AnyArray, "h w 3"]) -> Float[Array, "h w 2"]:
    """The (x, y) of every pixel of a picture."""
    height, width = image.shape[:2]
    x, y = jnp.meshgrid(jnp.arange(width, dtype=image.dtype), jnp.arange(height, dtype=image.dtype))
    return jnp.stack([x, y], -1)


def broadcast(function: Callable[..., Any], signature: str) -> Callable[..., Any]:
    """`jnp.vectorize` that may broadcast leading axes even where JAX forbids rank promotion."""
    return jax.numpy_rank_promotion("allow")(jnp.vectorize(function, signature=signature))


def triangulate(points: Num[AnyArray, "q 2"] | Num[AnyArray, "n q 2"]) -> Int32[np.ndarray, "m 3"]:
    """Triangles between points, for `warp` and `swap`. On the host, with SciPy.

    The Delaunay triangulation of the mean of the faces, each aligned with the first one by a similarity.

    For `swap`, pass `swap_points(landmarks)` of meshes. Pass several faces, or a frontal one: in a turned face the nose
    hides part of a cheek, and triangles would join the two. All triangles have one orientation; coinciding points are
    in none.

    Raises:
      ValueError: points of another shape, not finite, or all on one line.
    """
    from scipy.spatial import Delaunay  # takes half a second to import

    points = np.asarray(points, np.float64)
    if points.ndim not in (2, 3) or points.shape[-1] != 2 or points.shape[-2] < 3 or not points.size:
        raise ValueError(f"saw points of shape {list(points.shape)}, wanted [Q, 2] or [N, Q, 2] with Q at least 3")
    if not np.isfinite(points).all():
        raise ValueError("saw points with NaN or infinity, wanted finite ones: leave such faces out")
    points = points.reshape(-1, *points.shape[-2:])
    matrices = np.asarray(similarity_transform(points, points[0]), np.float64)
    mean = (points @ matrices[..., :2].swapaxes(-1, -2) + matrices[..., None, :, 2]).mean(0)
    if np.linalg.matrix_rank(mean - mean[0], tol=1e-6 * np.ptp(mean)) < 2:
        raise ValueError("saw points that all lie on one line, wanted a face")
    return Delaunay(mean).simplices.astype(np.int32)


@functools.cache
def outline_triangles() -> Int32[np.ndarray, "m 3"]:
    """The triangles of the 70 points, from the generic face."""
    with jax.ensure_compile_time_eval():
        return triangulate(swap_points(GENERIC[:, :2].astype(np.float32)))
