"""The pose of a head from its landmarks: the generic face of `perface_jax.landmarks`, fitted as a rigid body.

    point = scale * (R X)[x, y] + shift,  X a point of the generic face,  R = R_roll R_pitch R_yaw

This is weak perspective: a camera far away. Axes: x to the right, y down, z to the viewer. Angles are in degrees: yaw
is positive if the face turns to the right of the picture, pitch if it looks down, roll if it leans clockwise. The jaw
is not used, because it slides along the head as the head turns. No real face is the generic face, so angles are
accurate to a few degrees only.

Pure JAX: jit, vmap, gradients and any leading axes. Landmarks in any layout of `perface_jax.landmarks`, pixels; five
points are enough, but determine pitch less well. Points that all coincide give NaN.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Num

from perface_jax import landmarks
from perface_jax.arrays import AnyArray, Array
from perface_jax.fidelity.faces import Points, each
from perface_jax.images.pixels import working_dtype
from perface_jax.precision import widen
from perface_jax.similarity import length

_STEPS = 10  # of Gauss and Newton; six reach 1e-3 degrees up to a yaw of 60


class Pose(NamedTuple):
    """Angles of a head in degrees."""

    yaw: Float[Array, "*batch"]
    pitch: Float[Array, "*batch"]
    roll: Float[Array, "*batch"]


class Head(NamedTuple):
    """The generic face placed in a picture."""

    rotation: Float[Array, "*batch 3 3"]
    scale: Float[Array, "*batch"]  # pixels per pupil distance
    shift: Float[Array, "*batch 2"]  # pixels: the middle between the pupils


class PoseError(NamedTuple):
    """The rotation of a head from one picture to another, degrees."""

    angle: Float[Array, "*batch"]  # of the one rotation between the two poses, 0 to 180
    yaw: Float[Array, "*batch"]  # result - original
    pitch: Float[Array, "*batch"]
    roll: Float[Array, "*batch"]  # -180 to 180


def _trust(**weights):
    trust = np.zeros(59)
    for name, weight in weights.items():
        trust[slice(*landmarks.PARTS[name])] = weight
    return trust


# The weight of each point. The tip of the nose is the longest lever; brows rise and mouths move. Of the eyelids, only
# the corners do not move.
_OUTLINE = _trust(nose_wings=2.0, left_brow=0.5, right_brow=0.5)
_OUTLINE[[2, 3, 4, 5, 9, 13, 17]] = 4.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0
_FIVE = _trust(five=1.0)


def head_pose(points: Points) -> Pose:
    """The angles of a head, from landmarks."""
    return pose_of(fit_head(points).rotation)


def pose_error(original: Num[AnyArray, "*#batch p 2"], result: Num[AnyArray, "*#batch q 2"]) -> PoseError:
    """The rotation of the head from original to result, from landmarks; the two layouts may differ.

    The angle is that of `R_result R_original^T`, from |R_result - R_original| = sqrt(8) sin(angle / 2): exact near 0,
    with finite gradients there.
    """
    before, after = jnp.broadcast_arrays(*widen("rotations", *(fit_head(x).rotation for x in (original, result))))
    sine = length((after - before).reshape(*before.shape[:-2], 9)) / np.sqrt(8.0).item()
    yaw, pitch, roll = (b - a for a, b in zip(pose_of(before), pose_of(after), strict=True))
    angle = jnp.rad2deg(2.0 * jnp.arcsin(jnp.minimum(sine, 1.0 - 1e-7)))  # the slope at 1 would be infinite
    return PoseError(angle, yaw, pitch, (roll + 180.0) % 360.0 - 180.0)


def fit_head(points: Points) -> Head:
    """The generic face fitted to landmarks by least squares."""
    points = jnp.asarray(points)
    outline = landmarks.outline(points)
    outline = outline.astype(working_dtype(outline.dtype))
    # the rest of an outline of five points is the generic face again, squeezed flat
    trust = _FIVE if points.shape[-2] == 5 else _OUTLINE
    return each(lambda face: _fit(face, jnp.asarray(trust / trust.sum(), face.dtype)), outline)


def rotation_of(pose: Pose) -> Float[Array, "*batch 3 3"]:
    """The rotation of a pose: R_roll R_pitch R_yaw."""
    angles = widen("angles", *pose)
    (cy, cp, cr), (sy, sp, sr) = (tuple(turn(jnp.deg2rad(angle)) for angle in angles) for turn in (jnp.cos, jnp.sin))
    rows = (
        (cr * cy + sr * sp * sy, -sr * cp, cr * sy - sr * sp * cy),
        (sr * cy - cr * sp * sy, cr * cp, sr * sy + cr * sp * cy),
        (-cp * sy, -sp, cp * cy),
    )
    return jnp.stack([jnp.stack(row, -1) for row in rows], -2)


def pose_of(rotation: Float[AnyArray, "*batch 3 3"]) -> Pose:
    """The angles of a rotation, the inverse of `rotation_of` for pitches within 90 degrees."""
    (rotation,) = widen("rotations", rotation)
    yaw = jnp.arctan2(-rotation[..., 2, 0], rotation[..., 2, 2])
    pitch = -jnp.arcsin(jnp.clip(rotation[..., 2, 1], -1.0, 1.0))
    roll = jnp.arctan2(-rotation[..., 0, 1], rotation[..., 1, 1])
    return Pose(*map(jnp.rad2deg, (yaw, pitch, roll)))


def _fit(outline, trust):
    """Gauss-Newton from the frontal face, in coordinates in which it is upright and has scale 1."""
    generic = jnp.asarray(landmarks.GENERIC, outline.dtype)
    middle, center = trust @ outline, trust @ generic
    away, body = outline - middle[None], generic - center[None]
    slope = _upright(body, away, trust)
    away = away @ slope / (slope[0] @ slope[0])

    def error(state):
        return (jnp.sqrt(trust)[:, None] * (_project(state, body) - away)).ravel()

    def step(_, state):
        jacobian = jax.jacfwd(error)(state)
        normal = jacobian.T @ jacobian + 1e-7 * jnp.eye(6, dtype=outline.dtype)
        return state - jnp.linalg.solve(normal, jacobian.T @ error(state))

    state = jnp.zeros(6, outline.dtype).at[3].set(1.0)
    state = jax.lax.fori_loop(0, _STEPS, step, state)
    turn = jnp.eye(3, dtype=outline.dtype).at[:2, :2].set(slope / jnp.sqrt(slope[0] @ slope[0]))
    rotation, scale = turn @ rotation_of(Pose(*jnp.rad2deg(state[:3]))), state[3] * jnp.sqrt(slope[0] @ slope[0])
    return Head(rotation, scale, middle + slope @ state[4:] - scale * (rotation @ center)[:2])


def _upright(body, away, trust):
    """The scale times rotation in the plane that best maps the generic face to the points, [2, 2]."""
    along = trust @ (body[:, :2] * away).sum(-1)
    across = trust @ (body[:, 0] * away[:, 1] - body[:, 1] * away[:, 0])
    slope = jnp.stack([along, -across, across, along]) / (trust @ jnp.square(body[:, :2]).sum(-1))
    return slope.reshape(2, 2)


def _project(state, body):
    """Points of a body in the picture: three angles in radians, scale, shift."""
    rotation = rotation_of(Pose(*jnp.rad2deg(state[:3])))
    return state[3] * (body @ rotation[:2].T) + state[None, 4:]
