"""The geometry of a parametric face: its parameters, the height field, and where every pixel meets the head.

A head is an ellipsoid with a jaw, carrying a smooth height field (brow ridge, sockets, nose, cheeks, lips, chin).
`cast` sends every pixel onto it under the pose; `project` is the way back, for landmarks.

`Source` is the inner face, which a face swap brings in; `Target` is everything else, which a swap keeps.

Axes: x to the right, y DOWN, z towards the viewer. Unit of length: the mean distance of two pupils (63 mm); the
origin lies midway between them. Angles are radians, colors linear RGB 0..1. The fields below carry a leading axis
(the face) outside; inside the functions of this file they are scalars, and `vmap` adds the axis.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp


class Source(NamedTuple):
    """The inner face: eyes, brows, nose, mouth. Lengths in units, [n] each, colors [n, 3]."""

    eye_spacing: jax.Array  # half the distance of the eye centers, about .5
    eye_height: jax.Array  # y of the eye centers, about 0
    eye_width: jax.Array  # half the width of the lid opening, about .23
    eye_opening: jax.Array  # height of the upper lid over the eye's axis, about .1
    eye_tilt: jax.Array  # slope of the eye's axis, positive = outer corner higher
    lid_fold: jax.Array  # distance of the crease from the upper lid, about .06
    iris_radius: jax.Array  # about .095
    iris_color: jax.Array
    lash: jax.Array  # strength of the lashes, 0..1
    brow_height: jax.Array  # distance over the eye center, about .3
    brow_thickness: jax.Array  # half thickness, about .05
    brow_arch: jax.Array  # rise of the arch, about .06
    brow_tilt: jax.Array  # rise from the inner to the outer end, about .03
    brow_length: jax.Array  # about .66
    brow_density: jax.Array  # 0..1
    brow_color: jax.Array
    nose_length: jax.Array  # y of the tip below the eyes, about .55
    nose_width: jax.Array  # half the width at the wings, about .27
    nose_bridge: jax.Array  # half the width of the bridge, about .11
    nose_height: jax.Array  # protrusion of the tip, about .3
    nose_bulb: jax.Array  # size of the tip, about 1
    nose_turn: jax.Array  # how far the nostrils show, 0..1
    mouth_height: jax.Array  # y of the mouth line, about 1.1
    mouth_width: jax.Array  # half the width, about .4
    upper_lip: jax.Array  # thickness, about .09
    lower_lip: jax.Array  # thickness, about .13
    cupid_bow: jax.Array  # depth of the bow, 0..1
    lip_color: jax.Array  # ratio to the skin
    fold_depth: jax.Array  # folds beside nose and eyes and bags under them, 0 (none) .. 1 (deep)


class Target(NamedTuple):
    """Everything a swap keeps: contour, hair, skin, background, light, pose, expression. [n] each, colors [n, 3]."""

    face_width: jax.Array  # half the width at the cheekbones, about 1.12
    jaw_width: jax.Array  # ratio at the jaw to an ellipse, about 1
    chin_height: jax.Array  # y of the chin, about 1.85
    chin_width: jax.Array  # ratio at the chin to an ellipse, about 1
    cheek: jax.Array  # fullness, 0..1
    brow_ridge: jax.Array  # 0 (flat) .. 1
    wrinkles: jax.Array  # of forehead and skin, 0..1
    skin: jax.Array
    flush: jax.Array  # redness of cheeks and nose, 0..1
    hair_color: jax.Array
    gray: jax.Array  # share of gray strands, 0..1
    hairline: jax.Array  # height of the hair's edge over the eyes, about 1.1; above 2 = bald on top
    hair_top: jax.Array  # volume over the skull, about .15
    hair_side: jax.Array  # volume beside the skull, about .1
    hair_length: jax.Array  # y where the hair ends, 0 (ears) .. 3 (below the picture)
    parting: jax.Array  # x of the parting
    drop: jax.Array  # how far the hair falls from the parting to the sides
    fringe: jax.Array  # 0 .. 1
    wave: jax.Array  # 0 (straight) .. 1 (wavy)
    beard: jax.Array  # density, 0..1
    stubble: jax.Array  # 0..1
    background: jax.Array  # two colors, [n, 2, 3]
    background_angle: jax.Array
    cloth: jax.Array
    light: jax.Array  # unit vector towards the lamp, [n, 3]
    light_strength: jax.Array  # share of the directional light, about .7
    light_warmth: jax.Array  # -1 (blue) .. 1 (orange)
    shine: jax.Array  # of the skin, 0..1
    yaw: jax.Array  # positive = the face turns to the right of the picture
    pitch: jax.Array  # positive = the face looks down
    roll: jax.Array  # positive = clockwise in the picture
    smile: jax.Array  # 0..1
    mouth_open: jax.Array  # 0..1
    brow_raise: jax.Array  # -1..1
    eye_open: jax.Array  # ratio, about 1
    gaze: jax.Array  # shift of the irises, [n, 2], about +-.03
    texture: jax.Array  # seed of all fine noise, uint32


class Seam(NamedTuple):
    """Artifacts of a swap: a color offset inside, a faint line along the edge. Zeros = a natural picture."""

    offset: jax.Array  # ratio of the colors inside to those of the target minus 1, [n, 3]
    line: jax.Array  # darkening along the edge, about .05


CENTER = 0.02  # y of the middle of the head
SKULL = 1.68  # half height of the skull above it
DEPTH = 1.15  # half depth of the head
PIVOT = (0.0, 0.45, 1.1)  # the point of the face that stays where it is under any pose


def blob(x, y, across, down):
    """A soft hill, 1 in the middle."""
    return jnp.exp(-jnp.square(x / across) - jnp.square(y / down))


def line(distance, width):
    """A soft line, 1 where the distance is 0."""
    return jnp.exp(-jnp.square(distance / width))


def step(x):
    """Smooth step from 0 at x = 0 to 1 at x = 1."""
    x = jnp.clip(x, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def edge(distance, width):
    """1 inside (distance > 0), 0 outside, `width` wide."""
    return step(distance / width + 0.5)


def unit(x, y, z):
    """A plane of unit vectors as three planes."""
    shrink = jax.lax.rsqrt(x * x + y * y + z * z + 1e-8)
    return x * shrink, y * shrink, z * shrink


class Mouth(NamedTuple):
    """The mouth of this source under this expression."""

    corner_x: jax.Array
    corner_y: jax.Array
    middle: jax.Array  # y of the line between the lips
    gap: jax.Array  # half the opening
    upper: jax.Array
    lower: jax.Array


def mouth_of(s, t):
    """The mouth of a source under the expression of a target."""
    gap = 0.004 + 0.12 * t.mouth_open + 0.075 * step(1.6 * t.smile - 0.5)
    return Mouth(
        corner_x=s.mouth_width * (1.0 + 0.22 * t.smile - 0.08 * t.mouth_open),
        corner_y=s.mouth_height - 0.015 - 0.10 * t.smile,
        middle=s.mouth_height + 0.01 * t.smile + 0.04 * t.mouth_open,
        gap=gap,
        upper=s.upper_lip * (1.0 - 0.25 * t.smile),
        lower=s.lower_lip * (1.0 - 0.15 * t.smile),
    )


def half_width(y, t):
    """Ratio of the head's half width at height y to that of an ellipse."""
    jaw = (t.jaw_width - 1.0) * line(y - 1.25, 0.5)
    chin = (t.chin_width - 1.0) * line(y - 1.75, 0.25)
    temple = 0.12 * line(y + 1.15, 0.5) - 0.02 * line(y + 0.35, 0.35)
    return t.face_width * (1.0 + jaw + chin + temple + 0.03 * t.cheek * line(y - 0.75, 0.4))


def half_height(y, t):
    """The skull above the center, the chin below: the two halves meet smoothly because both are flat there."""
    return jnp.where(y < CENTER, SKULL, t.chin_height - CENTER)


def rotation_of(t):
    """Head to camera: yaw, then pitch, then roll."""
    cy, sy, cp, sp, cr, sr = (f(a) for a in (t.yaw, t.pitch, t.roll) for f in (jnp.cos, jnp.sin))
    zero, one = jnp.zeros_like(cy), jnp.ones_like(cy)
    yaw = jnp.stack([cy, zero, sy, zero, one, zero, -sy, zero, cy]).reshape(3, 3)
    pitch = jnp.stack([one, zero, zero, zero, cp, sp, zero, -sp, cp]).reshape(3, 3)
    roll = jnp.stack([cr, -sr, zero, sr, cr, zero, zero, zero, one]).reshape(3, 3)
    exact = functools.partial(jnp.matmul, precision="highest")
    return exact(roll, exact(pitch, yaw))


def protrusion(x, y, s, t):
    """The large relief, which parallax moves: nose, mouth, chin."""
    m = jnp.sqrt(x * x + 1e-4)
    tip = s.eye_height + s.nose_length
    along = step((y - s.eye_height + 0.22) / (s.nose_length + 0.22))
    below = jax.nn.sigmoid((tip + 0.10 + 0.02 * s.nose_turn - y) / 0.035)
    ridge = 0.03 + (s.nose_height - 0.03) * along * (0.45 + 0.55 * along)
    ridge = ridge * line(x, s.nose_bridge * (1.15 + 1.05 * along)) * below * step((y - s.eye_height + 0.35) / 0.35)
    bulb = 0.06 * s.nose_bulb * blob(x, y - tip, 0.15 * s.nose_bulb, 0.13)
    wing = 0.10 * blob(m - 0.66 * s.nose_width, y - tip - 0.06, 0.10, 0.11) * below
    jaws = 0.10 * blob(x, y - 1.05, 0.5, 0.4)
    chin = 0.13 * blob(x, y - t.chin_height + 0.27, 0.30, 0.22)
    return ridge + bulb + wing + jaws + chin


def fold_x(y, s, mouth):
    """x of the fold from the wing of the nose around the corner of the mouth."""
    down = (y - s.nose_length - 0.02) / (mouth.corner_y - s.nose_length)
    return s.nose_width + 0.03 + (mouth.corner_x + 0.13 - s.nose_width) * jnp.clip(down, 0.01, 1.3) ** 0.8


def relief(x, y, s, t):
    """Height of the whole face over the ellipsoid."""
    m = jnp.sqrt(x * x + 1e-4)
    mouth = mouth_of(s, t)
    ex, ey = m - s.eye_spacing, y - s.eye_height
    height = protrusion(x, y, s, t)
    height += (0.02 + 0.06 * t.brow_ridge) * blob(m - 0.36, ey + 0.22, 0.36, 0.12)
    height -= 0.12 * blob(ex + 0.04, ey - 0.01, 0.30, 0.19)
    height += 0.075 * blob(ex, ey, 0.20, 0.14)
    height += (0.05 + 0.05 * t.cheek) * blob(m - 0.66, y - 0.46, 0.30, 0.24)
    height += 0.08 * t.smile * blob(m - 0.58, y - 0.62, 0.22, 0.17)
    height -= 0.06 * (1.0 - t.cheek) * blob(m - 0.68, y - 1.05, 0.18, 0.30)
    height -= 0.014 * blob(x, y - mouth.middle + 0.26, 0.045, 0.10)
    across = jnp.square(jnp.clip(x / mouth.corner_x, -1.0, 1.0))
    lips_u = mouth.middle - mouth.gap - 0.45 * mouth.upper
    lips_l = mouth.middle + mouth.gap + 0.5 * mouth.lower
    height += 0.040 * (1.0 - across) * line(y - lips_u, 0.75 * mouth.upper + 0.01)
    height += 0.050 * (1.0 - across) * line(y - lips_l, 0.65 * mouth.lower + 0.01)
    height -= 0.045 * blob(x, y - lips_l - 0.6 * mouth.lower - 0.09, 0.24, 0.06)
    height -= 0.02 * blob(m - mouth.corner_x - 0.03, y - mouth.corner_y, 0.05, 0.07) * (1.0 + t.smile)
    reach = step((y - s.nose_length + 0.04) / 0.1) * step((mouth.corner_y + 0.22 - y) / 0.25)
    depth = 0.006 + 0.030 * s.fold_depth + 0.020 * t.smile
    height += depth * jnp.tanh((m - fold_x(y, s, mouth)) / 0.065) * reach * line(m - fold_x(y, s, mouth), 0.20)
    bag = ey - 0.13 - 0.35 * ex * ex
    height -= (0.006 + 0.020 * s.fold_depth) * line(bag - 0.06, 0.035) * line(ex, 0.24)
    brow = t.wrinkles * 0.010 * jnp.sin((y + 0.10 * x * x) * 42.0) * blob(x, y + 0.80, 0.62, 0.22)
    frown = -0.02 * t.wrinkles * blob(m - 0.10, ey + 0.24, 0.022, 0.10)
    return height + brow + frown


class Hit(NamedTuple):
    """The point where the line of sight of each pixel meets the head, in coordinates of the head."""

    x: jax.Array
    y: jax.Array
    z: jax.Array
    cover: jax.Array  # 1 on the head, 0 beside it


def cast(u, v, s, t, pixel):
    """Pixels of the picture plane (units) onto the head: the ellipsoid exactly, its relief by two corrections."""
    rotation = rotation_of(t)
    along = rotation[2]
    du, dv = u - PIVOT[0], v - PIVOT[1]

    def approach(_, state):
        x, y, lift, _, _ = state
        a, b = half_width(y, t), half_height(y, t)
        p, q = du - lift * rotation[0, 2], dv - lift * rotation[1, 2]
        ox, oy, oz = (rotation[0, i] * p + rotation[1, i] * q + PIVOT[i] for i in range(3))
        oy = oy - CENTER
        kk = jnp.square(along[0] / a) + jnp.square(along[1] / b) + jnp.square(along[2] / DEPTH)
        ok = ox * along[0] / a**2 + oy * along[1] / b**2 + oz * along[2] / DEPTH**2
        oo = jnp.square(ox / a) + jnp.square(oy / b) + jnp.square(oz / DEPTH) - 1.0
        inside = ok * ok - kk * oo
        w = (jnp.sqrt(jnp.maximum(inside, 1e-5)) - ok) / kk
        x, y, z = ox + w * along[0], oy + w * along[1] + CENTER, oz + w * along[2]
        lift = protrusion(x, y, s, t) * step(3.0 * inside * DEPTH**2)
        return x, y, lift, z, inside

    x, y, _, z, inside = jax.lax.fori_loop(0, 2, approach, (du, v, *(jnp.zeros_like(du),) * 3))
    steep = jnp.square(x / half_width(y, t) ** 2) + jnp.square((y - CENTER) / half_height(y, t) ** 2)
    rim = inside * DEPTH**2 / (2.0 * jnp.sqrt(steep) + 0.05)
    return Hit(x, y, z, edge(rim, jnp.maximum(1.5 * pixel, 0.03)))


def slope(hit, s, t, direction):
    """Slope of the relief along x (direction (1, 0)) or y (direction (0, 1))."""
    tangent = tuple(jnp.full_like(hit.x, d) for d in direction)
    return jax.jvp(lambda x, y: relief(x, y, s, t), (hit.x, hit.y), tangent)[1]


def normal_of(hit, across, down, t):
    """Unit normals towards the viewer in the camera's frame, from the slopes of the relief."""
    # the front of a face is flatter than the ellipsoid, its sides are not
    steep = hit.z * (1.05 / DEPTH**2)
    x = 0.80 * hit.x / half_width(hit.y, t) ** 2 - across * steep
    y = 0.62 * (hit.y - CENTER) / half_height(hit.y, t) ** 2 - down * steep
    return unit(*(row[0] * x + row[1] * y + row[2] * steep for row in rotation_of(t)))


def project(points, s, t):
    """Points of the head (x, y) in the picture plane, [n, 2] -> [n, 2], units: the inverse of `cast`."""
    x, y = points[:, 0], points[:, 1]
    flat = 1.0 - jnp.square(x / half_width(y, t)) - jnp.square((y - CENTER) / half_height(y, t))
    z = DEPTH * jnp.sqrt(jnp.maximum(flat, 0.0)) + protrusion(x, y, s, t)
    rotation = rotation_of(t)
    away = (x - PIVOT[0], y - PIVOT[1], z - PIVOT[2])
    return jnp.stack([sum(rotation[i, j] * away[j] for j in range(3)) + PIVOT[i] for i in range(2)], -1)
