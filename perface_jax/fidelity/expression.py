"""Whether a face kept its expression: from landmarks, with position, size and pose removed.

Landmarks come in any layout of `perface_jax.landmarks` with contours (not five points), pixels. The generic face,
fitted by `perface_jax.fidelity.pose`, says how the head is turned and how deep every point lies; the outline is then
seen from the front, in distances of the pupils, the origin between them, y down.

Faces differ at rest, and no landmark tells a thin-lipped mouth from a pressed one: of two persons, a part of every
figure here is identity. Of one person, or of results of one anonymizer on the same originals, figures compare well.

Pure JAX: jit, vmap, gradients and any leading axes.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from perface_jax import landmarks
from perface_jax.fidelity.pose import fit_head
from perface_jax.similarity import length


class Expression(NamedTuple):
    """What a face does, `[...]` each. Lengths in distances of the pupils."""

    brow_raise: jax.Array  # mean height of the brows over the eyes
    eye_opening: jax.Array  # height of the lid opening as a share of its width, mean of both eyes
    mouth_opening: jax.Array  # height of the mouth with its lips
    mouth_width: jax.Array  # from corner to corner
    smile: jax.Array  # how far the corners of the mouth lie above its middle


class ExpressionDistance(NamedTuple):
    """Mean distance of the points of a part, in distances of the pupils, `[...]` each."""

    brows: jax.Array
    eyes: jax.Array
    mouth: jax.Array
    all: jax.Array  # mean over all these points


def frontal_outline(points: jax.Array) -> jax.Array:
    """The outline as it would be seen from the front if every point had the depth of the generic face.

    Solves `point = scale * (R (x, y, generic z))[x, y] + shift` for x and y.

    Args:
      points: floating `[..., P, 2]`, landmarks.

    Returns:
      `[..., 59, 2]`, distances of the pupils.
    """
    head = fit_head(points)
    outline = landmarks.outline(points).astype(head.scale.dtype)
    depth = jnp.asarray(landmarks.GENERIC[:, 2], outline.dtype)
    seen = (outline - head.shift[..., None, :]) / head.scale[..., None, None]
    flat = seen - jnp.einsum("p,...i->...pi", depth, head.rotation[..., :2, 2])
    (a, b), (c, d) = (tuple(head.rotation[..., i, j, None] for j in (0, 1)) for i in (0, 1))
    x, y = flat[..., 0], flat[..., 1]
    return jnp.stack([d * x - b * y, a * y - c * x], -1) / (a * d - b * c)[..., None]


def measure_expression(points: jax.Array) -> Expression:
    """What a face does: brows, eyes and mouth in five figures.

    Args:
      points: floating `[..., P, 2]`, landmarks with contours.

    Returns:
      `Expression`.

    Raises:
      ValueError: five points, which carry no expression.
    """
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


def expression_distance(original: jax.Array, result: jax.Array) -> ExpressionDistance:
    """How far brows, eyes and mouth lie from those of the original, both seen from the front.

    d = mean over points of |result - original|. Eyes and mouth are compared each about its own middle, so that only
    their shapes count; brows where they are on the head. As brows help to find the pose, which takes some of their rise
    for a nod, a raised brow counts about half.

    Args:
      original, result: floating `[..., P, 2]`, landmarks with contours; the two layouts may differ.

    Returns:
      `ExpressionDistance`, 0 for equal outlines; gradients are finite there.

    Raises:
      ValueError: five points, which carry no expression.
    """
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
