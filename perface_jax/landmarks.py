"""Sets of facial landmarks, and the one outline to which all of them are converted.

Points are (x, y) in pixels, pixel centers at integers, x to the right, y down; left is left in the picture. The number
of points identifies the set:

    5     left eye, right eye, nose tip, left and right corner of the mouth: what every detector gives
    59    the outline of this library, drawn by the synthetic world; PARTS names its parts
    68    iBUG 300-W, as from dlib and face-alignment
    468   the MediaPipe face mesh; 478 with irises, which are ignored

The outline is a linear map of the points, with the same weights for all faces, so it can be jitted and differentiated.
The rest of the library uses outlines only. From five points the outline is a guess: a generic face, placed by an affine
fit.
"""

import functools

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Num

from perface_jax.arrays import AnyArray, Array
from perface_jax.precision import wide

# parts of the outline, as (first, end). Eyes run from the outer corner over the top to the inner corner and back
# below; brows from inside to outside; the mouth from its right corner over the top; the jaw from ear to ear.
PARTS = {
    "five": (0, 5),
    "left_eye": (5, 13),
    "right_eye": (13, 21),
    "left_brow": (21, 26),
    "right_brow": (26, 31),
    "nose_wings": (31, 33),
    "mouth": (33, 41),
    "jaw": (41, 59),
}
COUNTS = (5, 59, 68, 468, 478)
_LEFT_EYE = ((-0.71, -0.01, -0.12), (-0.64, -0.07, -0.06), (-0.50, -0.10, 0.02), (-0.35, -0.06, 0.05),
             (-0.28, 0.01, 0.03), (-0.35, 0.05, 0.03), (-0.50, 0.07, 0.00), (-0.64, 0.04, -0.06))  # fmt: skip
_LEFT_BROW = ((-0.22, -0.29, 0.22), (-0.37, -0.33, 0.18), (-0.54, -0.36, 0.10), (-0.70, -0.34, -0.02),
              (-0.86, -0.25, -0.15))  # fmt: skip
_MOUTH = ((0.40, 1.09, 0.05), (0.26, 1.04, 0.22), (0.00, 1.01, 0.30), (-0.26, 1.04, 0.22), (-0.40, 1.09, 0.05),
          (-0.26, 1.19, 0.19), (0.00, 1.24, 0.25), (0.26, 1.19, 0.19))  # fmt: skip
_LEFT_JAW = ((-1.10, 0.30, -0.95), (-1.08, 0.50, -0.90), (-1.05, 0.69, -0.85), (-1.00, 0.87, -0.78),
             (-0.93, 1.06, -0.70), (-0.83, 1.25, -0.58), (-0.69, 1.44, -0.42), (-0.50, 1.62, -0.22),
             (-0.18, 1.80, -0.02))  # fmt: skip


def _mirror(points):
    return [(-x, y, z) for x, y, z in points]


# The generic face, [59, 3]: x, y and z (towards the viewer) of the outline, in distances between the pupils. Rounded by
# hand from common proportions of adults, not fitted to a data set.
GENERIC = np.array([
    (-0.5, 0.0, 0.0), (0.5, 0.0, 0.0), (0.0, 0.57, 0.58), _MOUTH[4], _MOUTH[0], *_LEFT_EYE, *_mirror(_LEFT_EYE),
    *_LEFT_BROW, *_mirror(_LEFT_BROW), (-0.29, 0.64, 0.20), (0.29, 0.64, 0.20), *_MOUTH, *_LEFT_JAW,
    *_mirror(_LEFT_JAW)[::-1],
])  # fmt: skip


def outline(points: Float[AnyArray, "*batch points 2"]) -> Float[Array, "*batch 59 2"]:
    """The 59 points of the outline, in float32 or float64. ValueError if the number of points is not in COUNTS."""
    points = jnp.asarray(points)
    points = points.astype(wide(points.dtype))
    if points.ndim < 2 or points.shape[-1] != 2 or points.shape[-2] not in COUNTS:
        raise ValueError(
            f"saw landmarks of shape {list(points.shape)}, wanted [..., P, 2] with P one of "
            f"{', '.join(map(str, COUNTS))}: perface_jax.landmarks says which"
        )
    weights = jnp.asarray(_weights(points.shape[-2]), points.dtype)
    return jnp.einsum("op,...pc->...oc", weights, points, precision="highest")


def five_points(points: Num[AnyArray, "*batch points 2"]) -> Float[np.ndarray, "*batch 5 2"]:
    """The usual five points from any set of landmarks, on the host; five are returned unchanged.

    Raises:
      ValueError: a number of points that is not in COUNTS.
    """
    points = np.asarray(points, np.float64)
    if points.ndim < 2 or points.shape[-1] != 2 or points.shape[-2] not in COUNTS:
        raise ValueError(f"saw landmarks of shape {list(points.shape)}, wanted [..., P, 2] with P one of {COUNTS}")
    return points if points.shape[-2] == 5 else _weights(points.shape[-2])[:5] @ points


# How other sets give the outline, in its order from the nose tip on: points along a contour (a pair counts by its
# midpoint), and where on it the samples lie, counted in points: first, last, how many.
_IBUG = (
    ((30,), 0, 0, 1),
    ((36, 37, 38, 39), 0, 2.25, 4), ((39, 40, 41, 36), 0, 2.25, 4),
    ((45, 44, 43, 42), 0, 2.25, 4), ((42, 47, 46, 45), 0, 2.25, 4),
    ((21, 20, 19, 18, 17), 0, 4, 5), ((22, 23, 24, 25, 26), 0, 4, 5),
    ((31, 35), 0, 1, 2),
    ((54, 53, 52, 51, 50, 49, 48), 0, 4.5, 4), ((48, 59, 58, 57, 56, 55, 54), 0, 4.5, 4),
    ((0, 1, 2, 3, 4, 5, 6, 7, 8), 0, 7.2, 9), ((8, 9, 10, 11, 12, 13, 14, 15, 16), 0.8, 8, 9),
)  # fmt: skip
_MESH = (
    ((4,), 0, 0, 1),
    ((33, 246, 161, 160, 159, 158, 157, 173, 133), 0, 6, 4), ((133, 155, 154, 153, 145, 144, 163, 7, 33), 0, 6, 4),
    ((263, 466, 388, 387, 386, 385, 384, 398, 362), 0, 6, 4), ((362, 382, 381, 380, 374, 373, 390, 249, 263), 0, 6, 4),
    (((107, 55), (66, 65), (105, 52), (63, 53), (70, 46)), 0, 4, 5),
    (((336, 285), (296, 295), (334, 282), (293, 283), (300, 276)), 0, 4, 5),
    (((129, 98), (358, 327)), 0, 1, 2),
    ((291, 409, 270, 269, 267, 0, 37, 39, 40, 185, 61), 0, 7.5, 4),
    ((61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291), 0, 7.5, 4),
    ((234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152), 0, 9, 9),
    ((152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454), 1, 10, 9),
)  # fmt: skip


@functools.cache
def _weights(count: int) -> np.ndarray:
    """The outline as a linear map of the points, [59, count]."""
    if count == 59:
        return np.eye(59)
    if count == 5:
        generic = np.column_stack([GENERIC[:, :2], np.ones(59)])
        placed = generic @ np.linalg.pinv(generic[:5])
        return np.vstack([np.eye(5), placed[5:]])
    tip, *rest = np.concatenate([_along(*contour, count=count) for contour in (_IBUG if count == 68 else _MESH)])
    eyes, mouth = [np.mean(rest[i : i + 8], axis=0) for i in (0, 8)], rest[28:36]
    return np.stack([*eyes, tip, mouth[4], mouth[0], *rest])


def _along(contour, first, last, samples, *, count):
    """Weights of points spread evenly over a contour, [samples, count]."""
    knots = np.stack([np.eye(count)[np.atleast_1d(entry)].mean(0) for entry in contour])
    at = np.linspace(first, last, samples)
    low = np.minimum(at.astype(int), len(knots) - 2) if len(knots) > 1 else np.zeros(1, int)
    share = (at - low)[:, None]
    return knots[low] * (1 - share) + knots[np.minimum(low + 1, len(knots) - 1)] * share
