"""Warps pictures by points: every triangle between points has its own affine map."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Bool, Float, Integer, Num, Shaped

from perface_jax import images
from perface_jax.arrays import AnyArray, Array, Pixels
from perface_jax.images.pixels import in_dtype, working_dtype
from perface_jax.swap.geometry import broadcast, pixels


def warp(
    image: Pixels[AnyArray, "*#batch h w 3"],
    source_points: Num[AnyArray, "*#batch q 2"],
    target_points: Num[AnyArray, "*#batch q 2"],
    triangles: Integer[AnyArray, "m 3"],
    *,
    background: Pixels[AnyArray, "*#batch i j 3"] | None = None,
) -> Pixels[Array, "*batch i j 3"]:
    """A picture whose points have been moved, with everything between them.

    A pixel at w1 t1 + w2 t2 + w3 t3 in the triangle (t1, t2, t3) of the target points gets the picture's value at
    w1 s1 + w2 s2 + w3 s3. Interpolation is bilinear, and the outermost pixels are repeated beyond the picture.
    Triangles that flip, while most (by area) do not, show the back of a surface, as in turned heads, and are left out.
    If triangles overlap, a pixel belongs to the one in which it lies deepest. No anti-aliasing: shrink large faces
    first.

    Args:
      source_points: pixels of `image`.
      target_points: where they move to.
      triangles: indices of points: `triangulate`.
      background: the pixels outside all triangles; determines the size of the result, and has the dtype of `image`.
        None: black, in the size of `image`.

    Returns:
      A picture in the dtype of `image`; leading axes broadcast. Differentiable in picture and points.

    Raises:
      ValueError: points of different shapes; triangles with nonexistent points.
      TypeError: different dtypes.

    Source: scikit-image's PiecewiseAffineTransform, which fills with black by default.
    """
    images.check(image, floating=True)
    image = jnp.asarray(image)
    background = jnp.zeros_like(image) if background is None else background
    images.check(background, floating=True)
    if background.dtype != image.dtype:
        raise TypeError(f"saw a background of {background.dtype} behind a picture of {image.dtype}, wanted one dtype")
    dtype = working_dtype(image.dtype)
    source_points, target_points = (jnp.asarray(points, dtype) for points in (source_points, target_points))
    if source_points.shape[-2:] != target_points.shape[-2:] or source_points.shape[-1:] != (2,):
        shapes = f"{list(source_points.shape)} and {list(target_points.shape)}"
        raise ValueError(f"saw points {shapes}, wanted [..., Q, 2] for both")
    check_triangles(triangles, source_points.shape[-2])
    pictures = image.astype(dtype), jnp.asarray(background).astype(dtype)
    return in_dtype(_warp(*pictures, source_points, target_points, jnp.asarray(triangles)), image.dtype)


class Located(NamedTuple):
    """The triangle that contains each pixel."""

    corners: Integer[Array, "i j 3"]  # indices of points
    weights: Float[Array, "i j 3"]  # barycentric coordinates
    is_inside: Bool[Array, "i j"]  # whether any triangle has the pixel


def check_triangles(triangles: Shaped[AnyArray, "..."], points: int) -> None:
    """Raise an error unless triangles are int [M, 3] in 0 .. points - 1; of traced ones, only the shape is checked."""
    if getattr(triangles, "ndim", 0) != 2 or triangles.shape[1] != 3 or not len(triangles):
        raise ValueError(f"saw triangles of shape {list(np.shape(triangles))}, wanted int [M, 3]: swap.triangulate")
    if not jnp.issubdtype(triangles.dtype, jnp.integer):
        raise TypeError(f"saw triangles of {triangles.dtype}, wanted whole numbers: swap.triangulate")
    if isinstance(triangles, Tracer):
        return
    first, last = np.asarray(triangles).min(), np.asarray(triangles).max()
    if first < 0 or last >= points:
        raise ValueError(
            f"saw triangles of points {first} to {last}, wanted 0 to {points - 1}: were they made from another kind of "
            "landmarks? swap.triangulate(swap.swap_points(landmarks))"
        )


@jax.jit
def _warp(image, background, source_points, target_points, triangles):
    def one(image, background, source_points, target_points):
        turns = jnp.sign(_area(source_points[triangles]))
        place = locate(target_points, triangles, turns, background)
        return pull(image, background, source_points, place)

    signature = "(h,w,c),(i,j,c),(q,k),(q,k)->(i,j,c)"
    return broadcast(one, signature)(image, background, source_points, target_points)


def locate(
    points: Float[AnyArray, "q 2"],
    triangles: Integer[AnyArray, "m 3"],
    turns: Float[AnyArray, " m"],
    picture: Float[AnyArray, "i j 3"],
) -> Located:
    """The triangle that contains each pixel of a picture.

    One triangle after another, because all of a mesh at once would take a thousand planes per picture. `turns`, 1 or
    -1, is the orientation of each triangle when its front is visible.
    """
    x, y = jnp.moveaxis(pixels(picture), -1, 0)

    def deeper(best, triangle):
        (depth, index), (frame, number) = best, triangle
        here = functools.reduce(jnp.minimum, _weights(x, y, frame))
        return (jnp.maximum(depth, here), jnp.where(here > depth, number, index)), None

    nowhere = jnp.full_like(x, -jnp.inf), jnp.zeros(x.shape, jnp.int32)
    corners = jax.lax.stop_gradient(points)[triangles]
    turns *= jnp.sign((turns * _area(corners)).sum())  # the whole face may be mirrored
    frames = _frames(corners, turns)  # outside the loop, which would otherwise divide for every pixel
    (depth, index), _ = jax.lax.scan(deeper, nowhere, (frames, jnp.arange(len(triangles), dtype=jnp.int32)))
    corners = triangles[index]
    weights = jnp.stack(_weights(x, y, _frames(points[corners], turns[index])), -1)
    return Located(corners, weights, depth > -1e-4)


def _frames(corners, turns):
    """Precomputes for `_weights` of triangles [..., 3, 2]: a corner, two sides over the area, 1 for a front or -1."""
    a, b, c = (corners[..., i, :] for i in range(3))
    area = _area(corners)
    is_front = area * turns > 1e-6
    scale = jnp.where(is_front, 1 / jnp.where(is_front, area, 1), 0)[..., None]
    return a, (b - a) * scale, (c - a) * scale, jnp.where(is_front, 1, -1).astype(corners.dtype)


def _weights(x, y, frame):
    """Barycentric coordinates of places in a triangle; one is negative outside, and everywhere in a back face."""
    corner, first_side, second_side, total = frame
    x, y = x - corner[..., 0], y - corner[..., 1]
    second = x * second_side[..., 1] - y * second_side[..., 0]
    third = y * first_side[..., 0] - x * first_side[..., 1]
    return total - second - third, second, third


def _area(corners):
    """Twice the area of triangles, negative for those of the other orientation."""
    (ux, uy), (vx, vy) = (jnp.moveaxis(corners[..., i, :] - corners[..., 0, :], -1, 0) for i in (1, 2))
    return ux * vy - uy * vx


def pull(
    image: Float[AnyArray, "h w 3"],
    background: Float[AnyArray, "i j 3"],
    points: Float[AnyArray, "q 2"],
    place: Located,
) -> Float[Array, "i j 3"]:
    """The picture's values at the pixels that `locate` found, with the corners at `points`."""
    corners, weights, is_inside = place
    x, y = jnp.moveaxis((weights[..., None] * points[corners]).sum(-2), -1, 0)
    sample = functools.partial(jax.scipy.ndimage.map_coordinates, coordinates=[y, x], order=1, mode="nearest")
    return jnp.where(is_inside[..., None], jax.vmap(sample, in_axes=-1, out_axes=-1)(image), background)
