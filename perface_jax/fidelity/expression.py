"""Preservation of the expression: from landmarks, with position, size and pose removed.

Landmarks come in any layout of `perface_jax.landmarks` with contours (not five points), in pixels. The generic face,
fitted by `perface_jax.fidelity.pose`, gives the pose of the head and the depth of every point; the outline is then
rotated to the front. Lengths are in pupil distances, the origin is between the pupils, y points down.

Faces differ at rest, and landmarks cannot distinguish a thin-lipped mouth from a pressed one: between two persons, part
of every number here is identity. Compare pictures of one person, or results of several anonymizers on the same
originals.

Pure JAX: jit, vmap, gradients and any leading axes.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Float

from perface_jax import landmarks
from perface_jax.arrays import AnyArray, Array
from perface_jax.fidelity.pose import fit_head
from perface_jax.precision import widen
from perface_jax.similarity import length


class Expression(NamedTuple):
    """The expression of a face. Lengths in pupil distances."""

    brow_raise: Float[Array, "*batch"]  # mean height of the brows over the eyes
    eye_opening: Float[Array, "*batch"]  # height of the lid opening as a share of its width, mean of both eyes
    mouth_opening: Float[Array, "*batch"]  # height of the mouth with its lips
    mouth_width: Float[Array, "*batch"]  # from corner to corner
    smile: Float[Array, "*batch"]  # height of the mouth's corners above its middle


class ExpressionDistance(NamedTuple):
    """Mean distance of the points of a part, in pupil distances."""

    brows: Float[Array, "*batch"]
    eyes: Float[Array, "*batch"]
    mouth: Float[Array, "*batch"]
    all: Float[Array, "*batch"]  # mean over all these points


def frontal_outline(points: Float[AnyArray, "*batch p 2"]) -> Float[Array, "*batch 59 2"]:
    """The outline from the front, in pupil distances, if every point had the depth of the generic face.

    Solves `point = scale * (R (x, y, generic z))[x, y] + shift` for x and y.
    """
    head = fit_head(points)
    outline = landmarks.outline(points).astype(head.scale.dtype)
    depth = jnp.asarray(landmarks.GENERIC[:, 2], outline.dtype)
    seen = (outline - head.shift[..., None, :]) / head.scale[..., None, None]
    flat = seen - jnp.einsum("p,...i->...pi", depth, head.rotation[..., :2, 2])
    (a, b), (c, d) = (tuple(head.rotation[..., i, j, None] for j in (0, 1)) for i in (0, 1))
    x, y = flat[..., 0], flat[..., 1]
    return jnp.stack([d * x - b * y, a * y - c * x], -1) / (a * d - b * c)[..., None]


def measure_expression(points: Float[AnyArray, "*batch p 2"]) -> Expression:
    """The expression of a face: brows, eyes and mouth in five numbers. ValueError for five points, which have none."""
    eyes, brows, mouth = _parts(points)
    middle = (eyes[..., 0, :] + eyes[..., 4, :]) / 2
    heights = eyes[..., 5:8, 1].mean(-1) - eyes[..., 1:4, 1].mean(-1)
    right, top, left, bottom = (mouth[..., i, :] for i in (0, 2, 4, 6))
    return Expression(
        brow_raise=(middle - brows.mean(-2))[..., 1].mean(-1),
        eye_opening=(heights / jnp.abs(eyes[..., 0, 0] - eyes[..., 4, 0])).mean(-1),
        mouth_opening=(bottom - top)[..., 1],
        mouth_width=(right - left)[..., 0],
        smile=(top + bottom - left - right)[..., 1] / 2,
    )


def expression_distance(
    original: Float[AnyArray, "*batch p 2"], result: Float[AnyArray, "*batch q 2"]
) -> ExpressionDistance:
    """The distance of brows, eyes and mouth from those of the original, both seen from the front.

    d = mean over points of |result - original|. Eyes and mouth are each centered, so that only their shapes count;
    brows are compared at their place on the head. Brows also enter the pose, which mistakes part of their rise for a
    nod, so a raised brow counts about half.

    The two layouts may differ. Equal outlines have distance 0, with finite gradients.

    Raises:
      ValueError: five points, which carry no expression.
    """
    original, result = widen("points", original, result)
    (eyes, brows, mouth), (eyes_2, brows_2, mouth_2) = _parts(original), _parts(result)
    moves = [
        (brows_2 - brows).reshape(*mouth.shape[:-2], 10, 2),
        (_centered(eyes_2) - _centered(eyes)).reshape(*mouth.shape[:-2], 16, 2),
        _centered(mouth_2) - _centered(mouth),
    ]
    lengths = [length(move) for move in moves]
    total = jnp.concatenate(lengths, -1).mean(-1)
    return ExpressionDistance(*(part.mean(-1) for part in lengths), total)  # pyright: ignore[reportCallIssue]


def _parts(points):
    """Eyes [..., 2, 8, 2], brows [..., 2, 5, 2] and mouth [..., 8, 2] of a face seen from the front."""
    points = jnp.asarray(points)
    if points.shape[-2:] == (5, 2):
        raise ValueError("saw five landmarks, wanted 59, 68, 468 or 478: five points carry no expression")
    outline = frontal_outline(points)
    part = {name: outline[..., slice(*place), :] for name, place in landmarks.PARTS.items()}
    eyes = jnp.stack([part["left_eye"], part["right_eye"]], -3)
    return eyes, jnp.stack([part["left_brow"], part["right_brow"]], -3), part["mouth"]


def _centered(points):
    return points - points.mean(-2, keepdims=True)
