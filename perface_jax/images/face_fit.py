"""How well five points fit a face seen from any side: the geometry of `landmark_layout`, which has the rules.

The misfit of points is the share of their extent that no pose explains: sqrt(1 - r^2), where r is the best correlation
with a pose over rotation, scale and shift, as in Procrustes analysis. 0 is a perfect fit, 1 the worst. Poses are those
of the generic face of `landmarks`, seen from far away, turned by up to 90 degrees to the side and 40 up or down.
"""

import functools
import itertools

import numpy as np
from jaxtyping import Complex, Float

from perface_jax.landmarks import GENERIC, PARTS

Poses = Complex[np.ndarray, "poses 5"]  # x - iy, mean 0, sum of squares 1
_YAW, _PITCH = np.radians(np.arange(-90, 91, 10)), np.radians(np.arange(-40, 41, 10))
_MOUTH_HEIGHT, _MOUTH_WIDTH, _NOSE_DEPTH = (0.7, 0.85, 1.0, 1.15), (0.6, 1.0, 1.35), (0.4, 1.0)  # of the generic face


def misfit(points: Float[np.ndarray, "n 5 2"], poses: Poses) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """The misfit of each face, and by what angle its best pose is turned in the picture, radians from -pi to pi."""
    correlation = _standard(points) @ poses.T
    best = np.take_along_axis(correlation, abs(correlation).argmax(-1)[:, None], -1)[:, 0]
    return np.sqrt(np.maximum(0, 1 - abs(best) ** 2)), np.angle(best)


def extent(points: Float[np.ndarray, "n 5 2"]) -> Float[np.ndarray, " n"]:
    """Root of the summed squared distances of the points from their mean."""
    return np.sqrt(((points - points.mean(1, keepdims=True)) ** 2).sum((1, 2)))


@functools.cache
def generic_poses() -> Poses:
    """Five points of the generic face."""
    return _seen(GENERIC[:5])


@functools.cache
def all_poses() -> Poses:
    """The same with shorter and longer faces, narrow and wide mouths, flat noses: babies, laughter, drawings."""
    return np.concatenate([_seen(_varied(*one)) for one in itertools.product(_MOUTH_HEIGHT, _MOUTH_WIDTH, _NOSE_DEPTH)])


@functools.cache
def eye_corner_poses() -> Poses:
    """dlib's five points: the corners of one eye, those of the other, the base of the nose; either eye first."""
    left, right = (GENERIC[slice(*PARTS[eye])][[0, 4]] for eye in ("left_eye", "right_eye"))
    base = GENERIC[slice(*PARTS["nose_wings"])].mean(0, keepdims=True)
    return np.concatenate([_seen(np.concatenate([*eyes, base])) for eyes in ((right, left), (left, right[::-1]))])


@functools.cache
def jaw_poses() -> Poses:
    """The first five points of a jaw line that starts at either ear: of 17 points (of 68), and of 33 (of 98 or 106)."""
    jaw = GENERIC[slice(*PARTS["jaw"])]
    places = np.arange(9)
    sides = [(jaw[:9], 9 / 10), (jaw[:9], 9 / 20), (jaw[:8:-1], 9 / 10), (jaw[:8:-1], 9 / 20)]
    lines = [np.stack([np.interp(step * np.arange(5), places, side[:, i]) for i in range(3)], -1)
             for side, step in sides]  # fmt: skip
    return np.concatenate([_seen(line) for line in lines])


def _varied(mouth_height, mouth_width, nose_depth):
    face = GENERIC[:5].copy()
    face[2:, 1] *= mouth_height
    face[3:, 0] *= mouth_width
    face[2, 2] *= nose_depth
    return face


def _seen(shape):
    """Points [5, 3] from all sides."""
    yaw, pitch = np.meshgrid(_YAW, _PITCH)
    x, y, z = shape.T[:, :, None, None]
    across, away = x * np.cos(yaw) + z * np.sin(yaw), z * np.cos(yaw) - x * np.sin(yaw)
    seen = across + 1j * (y * np.cos(pitch) + away * np.sin(pitch))
    return _standard(np.moveaxis(seen, 0, -1).reshape(-1, 5)).conj()


def _standard(points):
    """Points [n, 5, 2], or complex [n, 5], as complex with mean 0 and sum of squares 1."""
    points = points if np.iscomplexobj(points) else points @ (1, 1j)
    points = points - points.mean(-1, keepdims=True)
    return points / np.maximum(np.linalg.norm(points, axis=-1, keepdims=True), 1e-9)
