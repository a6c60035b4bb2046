"""Where a face lies in its picture: the points a swap moves, their triangles, and how far out a pixel is.

A swap moves one of two sets of points. A dense mesh moves as it is (468 points, without irises). Every other marking is
brought to the 59 points of the outline, and to them an arc over the forehead that this library guesses from jaw and
brows: half an ellipse over the line between the two ends of the jaw, as high as FOREHEAD times the way from the chin
to the brows. Such faces, 70 points, all have the same triangles.

Points are (x, y) in pixels, pixel centers at integers.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from perface_jax.images import similarity_transform
from perface_jax.landmarks import GENERIC, PARTS, outline

MESH = 468
FOREHEAD = 0.64  # ends a little below the hairline
LIFT = 0.14  # mid-forehead, from the brows on
_ARC = 11  # points over the forehead
_MIDDLE = 1e-12  # square of how near to the middle a ray has no direction; rounding must not decide that
_OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149,
         150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)  # fmt: skip


def swap_points(landmarks: jax.Array) -> jax.Array:
    """The points that a swap moves.

    Args:
      landmarks: floating `[..., P, 2]`, pixels; P one of `landmarks.COUNTS`.

    Returns:
      `[..., 468, 2]` of a mesh, `[..., 70, 2]` of anything else: 59 of the outline, then the forehead from image right
      to image left. Linear in the landmarks.

    Raises:
      ValueError: another number of points.
    """
    landmarks = jnp.asarray(landmarks)
    if landmarks.ndim > 1 and landmarks.shape[-2] >= MESH:
        outline(landmarks)  # refuses what is no mesh
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


def outline_of(points: jax.Array) -> jax.Array:
    """Back from swap points to the outline, [..., 59, 2]."""
    return outline(points) if points.shape[-2] == MESH else points[..., :59, :]


def face_ring(points: jax.Array) -> jax.Array:
    """The closed curve round a face, forehead included, [..., R, 2] of swap points."""
    return points[..., np.array(_OVAL), :] if points.shape[-2] == MESH else points[..., PARTS["jaw"][0] :, :]


def inner_ring(points: jax.Array, *, shrink: float = 0.93) -> jax.Array:
    """The closed curve round what a swap replaces, brows included.

    The jaw, and the brows lifted by LIFT times the way from the chin to the brows; all of it drawn in by `shrink`.
    """
    points = outline_of(points)
    jaw, left, right = (points[..., slice(*PARTS[name]), :] for name in ("jaw", "left_brow", "right_brow"))
    brows = jnp.concatenate([right[..., ::-1, :], left], -2)
    chin = jaw[..., 8:10, :].mean(-2, keepdims=True)
    ring = jnp.concatenate([jaw, brows + LIFT * (brows.mean(-2, keepdims=True) - chin)], -2)
    middle = ring.mean(-2, keepdims=True)
    return middle + shrink * (ring - middle)


def pupil_distance(points: jax.Array) -> jax.Array:
    """Distance of the eyes' centers, [...] pixels, of swap points."""
    between = outline_of(points)[..., 1, :] - outline_of(points)[..., 0, :]
    return jnp.sqrt((between**2).sum(-1))


def radius(places: jax.Array, ring: jax.Array) -> jax.Array:
    """How far out places lie: 0 in the middle of a ring, 1 on it, growing evenly along every ray.

    The ring has to be seen whole from its middle; between its points it runs evenly in angle.

    Args:
      places: floating [..., 2].
      ring: [R, 2], a closed curve.

    Returns:
      [...].
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


def pixels(height: int, width: int, dtype) -> jax.Array:
    """The place of every pixel, [height, width, 2]."""
    x, y = jnp.meshgrid(jnp.arange(width, dtype=dtype), jnp.arange(height, dtype=dtype))
    return jnp.stack([x, y], -1)


def triangulate(points) -> np.ndarray:
    """Triangles between points, for `warp` and `swap`. On the host, with SciPy.

    The Delaunay triangulation of the points' mean, after every face was brought to the first one by a similarity.

    Args:
      points: [Q, 2] or [N, Q, 2]; for `swap`, of meshes: `swap_points(landmarks)`. Give several faces, or one that
        looks into the camera: in a turned face the nose hides part of a cheek, and the triangles mix up the two.

    Returns:
      int32 [M, 3], indices of points, all turning one way. Points that coincide with another one are in no triangle.

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
def outline_triangles() -> np.ndarray:
    """The triangles of the 70 points, those of the generic face."""
    with jax.ensure_compile_time_eval():
        return triangulate(swap_points(GENERIC[:, :2].astype(np.float32)))
