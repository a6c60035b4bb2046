"""A generic face as a smooth surface, placed on a picture by its landmarks, for the normals of the skin.

The surface is an ellipsoid with hills, in the frame of `landmarks.GENERIC`: pupil distances, x to the right, y down, z
to the viewer. Its numbers are rounded proportions of adults, near the depths of GENERIC, not fitted to any data. It is
not valid over the ears and the neck.

The fitted head places the surface as a rigid body. The remaining offsets of the landmarks then move it in the picture,
each point by a mean of the offsets near it. Pure JAX.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from perface_jax import landmarks
from perface_jax.arrays import AnyArray, Array, Scalar
from perface_jax.fidelity.pose import Head
from perface_jax.precision import option, widen

_HALF = (1.14, 1.85, 1.25)  # the ellipsoid's half axes
_TOP = (0.0, 0.28, 0.22)  # its point nearest to the viewer
_HILLS = np.array([  # height, x, y, width across, width down; one away from the middle is on both sides
    (0.16, 0.00, -0.05, 0.16, 0.30),  # bridge of the nose
    (0.30, 0.00, 0.40, 0.20, 0.28),  # its ridge
    (0.16, 0.00, 0.56, 0.20, 0.14),  # its tip
    (0.07, 0.22, 0.63, 0.11, 0.12),  # its wings
    (0.08, 0.42, -0.31, 0.34, 0.15),  # brows
    (-0.13, 0.46, 0.00, 0.26, 0.17),  # sockets
    (0.06, 0.50, 0.00, 0.19, 0.12),  # eyeballs
    (0.08, 0.70, 0.45, 0.28, 0.25),  # cheekbones
    (-0.05, 0.66, 1.05, 0.20, 0.30),  # hollow of the cheeks
    (0.14, 0.00, 1.10, 0.42, 0.30),  # teeth
    (0.05, 0.00, 1.04, 0.25, 0.06),  # upper lip
    (0.05, 0.00, 1.19, 0.22, 0.06),  # lower lip
    (-0.04, 0.00, 1.36, 0.22, 0.08),  # below it
    (0.18, 0.00, 1.62, 0.30, 0.22),  # chin
])  # fmt: skip
_NEAR = 0.3  # how far a landmark moves the surface around it
_APPROACHES = 5  # of a line of sight to the surface


def height(x: Float[AnyArray, "*batch"], y: Float[AnyArray, "*batch"], relief: Scalar = 1.0) -> Float[Array, "*batch"]:
    """z of the surface at x and y, with hills `relief` times as high; flat beyond its rim."""
    x, y = widen("places", x, y)
    a, b, c = _HALF
    inside = 1.0 - jnp.square((x - _TOP[0]) / a) - jnp.square((y - _TOP[1]) / b)
    z = _TOP[2] + c * (jnp.sqrt(jnp.maximum(inside, 0.01)) - 1.0)
    hills = np.concatenate([_HILLS, _HILLS[_HILLS[:, 1] > 0] * [1, -1, 1, 1, 1]]).astype(z.dtype)
    tall, beside, down, wide, long = (column.reshape((1,) * x.ndim + (-1,)) for column in hills.T)
    away = jnp.square((x[..., None] - beside) / wide) + jnp.square((y[..., None] - down) / long)
    return z + option(relief, z) * (tall * jnp.exp(-away)).sum(-1)


def normals(
    x: Float[AnyArray, "*batch"], y: Float[AnyArray, "*batch"], relief: Scalar = 1.0
) -> Float[Array, "*batch 3"]:
    """Unit normals of the surface at x and y, towards the viewer, in the frame of the head."""
    x, y = widen("places", x, y)
    one, zero = jnp.ones_like(x), jnp.zeros_like(x)
    across, down = (jax.jvp(lambda *at: height(*at, relief), (x, y), way)[1] for way in ((one, zero), (zero, one)))  # pyright: ignore[reportCallIssue]
    return jnp.stack([-across, -down, one], -1) / jnp.sqrt(1.0 + across**2 + down**2)[..., None]


def project(
    x: Float[AnyArray, "*batch"], y: Float[AnyArray, "*batch"], head: Head, outline: Float[AnyArray, "59 2"]
) -> Float[Array, "*batch 2"]:
    """The pixels in which the surface at x and y appears, from one fitted head and its landmarks."""
    x, y, outline, *parts = widen("places", x, y, outline, *head)
    head = Head(*parts)
    body = jnp.stack([x, y, height(x, y)], -1)
    return _place(body, head) + _shift(x, y, head, outline)


def over_pixels(
    head: Head, outline: Float[AnyArray, "59 2"], size: tuple[int, int]
) -> tuple[Float[Array, "h w"], Float[Array, "h w"]]:
    """The x and y of the surface that every pixel shows: the inverse of `project`, by iteration.

    `size` is height and width of the picture.
    """
    outline, *parts = widen("places", outline, *head)
    head = Head(*parts)
    v, u = jnp.indices(size, outline.dtype)
    (a, b), (c, d) = head.rotation[:2, :2]

    def approach(_, state):
        x, y = state
        shift, z = _shift(x, y, head, outline), height(x, y)
        p = (u - shift[..., 0] - head.shift[0]) / head.scale - z * head.rotation[0, 2]
        q = (v - shift[..., 1] - head.shift[1]) / head.scale - z * head.rotation[1, 2]
        return _inside((d * p - b * q) / (a * d - b * c), (a * q - c * p) / (a * d - b * c))

    return jax.lax.fori_loop(0, _APPROACHES, approach, (jnp.zeros_like(u), jnp.zeros_like(u)))


def _inside(x, y):
    """Moves places beyond the rim onto it, because lines of sight that miss the surface would diverge."""
    reach = jnp.square((x - _TOP[0]) / _HALF[0]) + jnp.square((y - _TOP[1]) / _HALF[1])
    shrink = jnp.minimum(0.97 * jax.lax.rsqrt(jnp.maximum(reach, 1e-6)), 1.0)
    return _TOP[0] + shrink * (x - _TOP[0]), _TOP[1] + shrink * (y - _TOP[1])


def _place(body, head):
    """Points of the head [..., 3] in the picture."""
    rows = [row.reshape((1,) * (body.ndim - 1) + (3,)) for row in head.rotation[:2]]
    seen = [(body * row).sum(-1) * head.scale + shift for row, shift in zip(rows, head.shift, strict=True)]
    return jnp.stack(seen, -1)


def _shift(x, y, head, outline):
    """The mean offset of the landmarks near a point from those of the generic face, fading away from them."""
    generic = jnp.asarray(landmarks.GENERIC, outline.dtype)
    misses = outline - _place(generic, head)
    axes = (1,) * x.ndim + (59,)
    away = [jnp.square(at[..., None] - generic[:, i].reshape(axes)) for i, at in enumerate((x, y))]
    near = jnp.exp(-(away[0] + away[1]) / _NEAR**2)
    shifts = [(near * misses[:, i].reshape(axes)).sum(-1) for i in range(2)]
    return jnp.stack(shifts, -1) / (near.sum(-1) + 0.5)[..., None]
