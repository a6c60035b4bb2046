"""The paint of a parametric face: skin, eyes, brows, nose, mouth, beard and hair, in layers.

A picture is a tuple of three planes [H, W] (red, green, blue, linear 0..1): planes fuse into one vectorized loop on
every backend, a stacked array of three does not (measured on CPU: eight times slower). Layers are pure functions of the
coordinates of the head, so they turn with it. Light is added elsewhere.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from perface_jax.synthetic import face_shape
from perface_jax.synthetic.face_shape import CENTER, PIVOT, SKULL, blob, edge, line, mouth_of, step


def paint(picture, color, mask):
    """`color` over `picture` where `mask` is 1; a color is three planes or three numbers."""
    return tuple(old + (new - old) * mask for old, new in zip(picture, color, strict=True))


def dim(picture, *factors):
    """The picture times one plane for all colors, or one for each."""
    factors = factors if len(factors) == 3 else factors * 3
    return tuple(plane * factor for plane, factor in zip(picture, factors, strict=True))


def _hash(i, j, seed):
    n = (i.astype(jnp.uint32) * jnp.uint32(0x9E3779B1)) ^ (j.astype(jnp.uint32) * jnp.uint32(0x85EBCA77)) ^ seed
    n = (n ^ (n >> 15)) * jnp.uint32(0x2C1B3C6D)
    n = (n ^ (n >> 12)) * jnp.uint32(0x297A2D39)
    return (n >> 8).astype(jnp.int32).astype(jnp.float32) * (1.0 / 2**23) - 1.0


def noise(x, y, seed):
    """Smooth noise in -1..1 with one knot per unit of x and y."""
    i, j = jnp.floor(x), jnp.floor(y)
    p, q = step(x - i), step(y - j)
    i, j = i.astype(jnp.int32), j.astype(jnp.int32)
    top = _hash(i, j, seed) * (1.0 - p) + _hash(i + 1, j, seed) * p
    low = _hash(i, j + 1, seed) * (1.0 - p) + _hash(i + 1, j + 1, seed) * p
    return top * (1.0 - q) + low * q


def skin(surface, s, t):
    """Tint of the bare skin: mottling, flush, shadows under the eyes, freckled by age."""
    x, y = surface.x, surface.y
    m = jnp.abs(x)
    fine = noise(x * 38.0, y * 38.0, t.texture + 3)
    mottle = 0.05 * noise(x * 3.1, y * 3.1, t.texture) + (0.02 + 0.05 * t.wrinkles) * fine
    flush = t.flush * (
        0.8 * blob(m - 0.66, y - 0.58, 0.34, 0.30)
        + 0.9 * blob(x, y - s.nose_length - 0.02, 0.22, 0.16)
        + 0.4 * blob(x, y - t.chin_height + 0.3, 0.3, 0.2)
    )
    tired = (0.25 + 0.45 * s.fold_depth) * blob(m - s.eye_spacing + 0.05, y - s.eye_height - 0.17, 0.24, 0.07)
    inner = 0.35 * blob(m - s.eye_spacing + 0.24, y - s.eye_height + 0.02, 0.10, 0.15)
    spots = t.wrinkles * step(2.5 * noise(x * 9.0, y * 9.0, t.texture + 5) - 1.2)
    red = flush + 0.5 * noise(x * 2.3, y * 2.3, t.texture + 4) * 0.25
    return dim(
        t.skin,
        1.0 + mottle - 0.10 * tired - 0.10 * inner - 0.06 * spots,
        1.0 + mottle - 0.26 * red - 0.22 * tired - 0.20 * inner - 0.10 * spots,
        1.0 + mottle - 0.22 * red - 0.14 * tired - 0.18 * inner - 0.12 * spots,
    )


class Eye(NamedTuple):
    """Distances inside one (mirrored) eye."""

    along: jax.Array  # -1 inner corner .. 1 outer corner
    above: jax.Array  # below the upper lid's edge
    below: jax.Array  # above the lower lid's edge
    iris: jax.Array  # distance from the center of the iris
    x: jax.Array
    y: jax.Array


def eye_of(x, y, s, t):
    """Positions in the nearer eye, as distances to its corners, lids and iris."""
    m = jnp.abs(x)
    ex = m - s.eye_spacing
    ey = y - s.eye_height + s.eye_tilt * ex
    c = ex / s.eye_width
    bow = jnp.maximum(1.0 - c * c, -0.6)
    upper = s.eye_opening * t.eye_open * (1.0 - 0.15 * t.smile)
    lower = 0.60 * s.eye_opening * (0.4 + 0.6 * t.eye_open) * (1.0 - 0.35 * t.smile)
    px = ex - jnp.sign(x) * t.gaze[0]
    py = y - s.eye_height + 0.018 - t.gaze[1]
    return Eye(
        c, ey + upper * bow * (1.0 - 0.12 * c), lower * bow * (1.0 + 0.2 * c) - ey, jnp.sqrt(px * px + py * py), px, py
    )


def paint_eyes(picture, surface, s, t, pixel):
    """The picture with eyes: white, iris, pupil, highlight, lids and lashes."""
    e = eye_of(surface.x, surface.y, s, t)
    soft = jnp.maximum(pixel, 0.014)
    skin = picture
    crease = e.above + s.lid_fold * (1.0 - 0.25 * e.along**2)
    ends = step((1.25 - jnp.abs(e.along)) / 0.5)
    picture = dim(picture, 1.0 - 0.55 * line(crease, 0.020) * ends)
    lid = edge(crease, 0.04) * edge(-e.above, 0.03) * ends
    picture = dim(picture, 1.0 + 0.05 * lid)
    picture = dim(picture, 1.0 - 0.30 * line(e.below + 0.022, 0.022) * ends)
    # the ball: darker to its corners and in the shadow of the lid
    ball = (1.0 - 0.30 * e.along**2) * (1.0 - 0.55 * line(e.above, 0.05)) * (1.0 - 0.2 * line(e.below, 0.02))
    white = (0.66 * ball, 0.60 * ball, 0.58 * ball)
    vein = 0.35 * step((jnp.abs(e.along) - 0.5) / 0.5) + 0.5 * blob(e.along + 0.97, e.iris * 0.0, 0.16, 1.0)
    white = dim(white, 1.0, 1.0 - 0.45 * vein, 1.0 - 0.42 * vein)
    ring = e.iris / s.iris_radius
    fibres = 1.0 + 0.30 * noise(e.x * 60.0, e.y * 60.0, t.texture + 6)
    tone = (1.10 - 0.62 * step((ring - 0.55) / 0.5) + 0.25 * step(e.y / 0.12 + 0.3)) * fibres
    tone = tone * (1.0 - 0.6 * line(e.above, 0.055))
    white = paint(white, dim(s.iris_color, tone), edge(s.iris_radius - e.iris, soft * 1.4))
    white = dim(white, 1.0 - 0.96 * edge(0.40 * s.iris_radius - e.iris, soft * 1.3))
    opening = edge(jnp.minimum(e.above, e.below), soft)
    picture = paint(picture, white, opening)
    rim = line(e.below + 0.004, 0.010) * step((1.0 - jnp.abs(e.along)) / 0.3) * 0.5
    picture = paint(picture, dim(skin, 0.85), rim)
    # lashes: a dark edge, thicker outwards, and a fringe over the lower lid
    hairs = 0.75 + 0.25 * noise(e.along * 14.0, e.above * 9.0, t.texture + 7)
    width = jnp.maximum(0.012 + 0.010 * (e.along + 1.0) * s.lash, 0.7 * pixel)
    upper = line(e.above + 0.35 * width, width) * step((1.14 - jnp.abs(e.along)) / 0.25)
    lower = line(e.below + 0.006, 0.014) * step((1.05 - jnp.abs(e.along)) / 0.4) * step(e.along + 0.7)
    dark = jnp.clip((0.55 + 0.4 * s.lash) * upper + (0.12 + 0.25 * s.lash) * lower, 0.0, 1.0) * hairs
    return dim(picture, 1.0 - dark), opening


def brow_middle(along, s, t):
    """y of the middle of a brow, `along` running from 0 at its inner to 1 at its outer end."""
    tail = step((along - 0.55) / 0.55)
    raised = s.brow_height + 0.07 * t.brow_raise * (0.5 + 0.5 * along)
    return s.eye_height - raised - s.brow_tilt * along - s.brow_arch * line(along - 0.62, 0.33) + 0.10 * tail * tail


def paint_brows(picture, surface, s, t):
    """The picture with brows, in hairs."""
    m, y = jnp.abs(surface.x), surface.y
    b = (m - s.eye_spacing + 0.31) / s.brow_length
    middle = brow_middle(b, s, t)
    thick = s.brow_thickness * (0.75 + 0.35 * line(b - 0.25, 0.3)) * (1.0 - 0.72 * step((b - 0.55) / 0.55))
    off = y - middle
    strand = noise(b * 26.0 + off * 55.0, b * 4.0 - off * 12.0, t.texture + 8)
    mask = jnp.exp(-jnp.square(jnp.square(off / thick)) - 0.15 * jnp.square(off / thick))
    mask = mask * step((b + 0.06) / 0.22) * step((1.06 - b) / 0.22)
    mask = s.brow_density * mask * (0.80 + 0.42 * strand)
    return paint(picture, s.brow_color, jnp.clip(mask, 0.0, 0.95))


def paint_nose(picture, surface, s, t):
    """The picture with nostrils and the shadows of the wings of the nose."""
    m, y = jnp.abs(surface.x), surface.y
    tip = s.eye_height + s.nose_length
    tall = 0.024 + 0.022 * s.nose_turn
    slope = y - tip - 0.125 + 0.02 * s.nose_turn + 0.25 * (m - 0.42 * s.nose_width)
    hole = jnp.exp(-jnp.square(jnp.square((m - 0.45 * s.nose_width) / 0.075)) - jnp.square(slope / tall))
    picture = dim(picture, 1.0 - 0.70 * hole, 1.0 - 0.82 * hole, 1.0 - 0.82 * hole)
    wing = jnp.sqrt(jnp.square((m - 0.66 * s.nose_width) / 0.115) + jnp.square((y - tip - 0.05) / 0.125))
    crease = line(wing - 1.05, 0.16) * step((m - 0.62 * s.nose_width) / 0.08) * step((y - tip + 0.12) / 0.1)
    under = blob(surface.x, y - tip - 0.17, 0.75 * s.nose_width, 0.05)
    return dim(picture, 1.0 - 0.28 * crease - 0.22 * under)


def paint_mouth(picture, surface, s, t, pixel):
    """The picture with lips, the line between them, and teeth where the mouth is open."""
    x, y = surface.x, surface.y
    mouth = mouth_of(s, t)
    soft = jnp.maximum(1.2 * pixel, 0.03)
    c = x / mouth.corner_x
    bow = jnp.maximum(1.0 - c * c, -0.3)
    middle = mouth.middle + (mouth.corner_y - mouth.middle) * jnp.minimum(c * c, 1.2)
    gap = mouth.gap * bow
    dip = 1.0 - s.cupid_bow * (0.30 * line(c, 0.15) - 0.15 * line(jnp.abs(c) - 0.30, 0.18))
    upper = y - middle + gap + mouth.upper * bow * dip
    lower = middle + gap + mouth.lower * bow * (1.0 + 0.25 * c * c) - y
    lips = edge(jnp.minimum(upper, lower), soft)
    wrinkle = 1.0 + 0.07 * noise(x * 34.0 / (1.0 + jnp.abs(c)), y * 5.0, t.texture + 9)
    above = edge(middle - y, 0.03)
    tone = dim(s.lip_color, (1.02 - 0.14 * above) * wrinkle)
    picture = paint(picture, dim(picture, *tone), lips * 0.92)
    hole = edge(gap - jnp.abs(y - middle), jnp.maximum(pixel, 0.016)) * edge(bow, 0.1)
    deep = (0.075 * bow, 0.018 * bow, 0.016 * bow)
    ivory = (1.0 - 0.35 * jnp.square(c)) * (1.0 - 0.25 * line(jnp.sin(x * 34.0), 0.22)) * bow
    teeth = edge(middle - gap + 0.030 + 0.05 * t.smile + 0.03 * t.mouth_open - y, 0.02) * step(mouth.gap / 0.02 - 0.6)
    inner = paint(deep, (0.72 * ivory, 0.66 * ivory, 0.58 * ivory), teeth * step((1.02 - jnp.abs(c)) / 0.3))
    inner = dim(inner, 1.0 - 0.5 * line(y - middle + gap, 0.03))
    picture = paint(picture, inner, hole)
    seamline = line(y - middle, jnp.maximum(0.016, 0.6 * pixel)) * step((1.08 - jnp.abs(c)) / 0.25)
    corner = blob(jnp.abs(x) - mouth.corner_x, y - mouth.corner_y, 0.05, 0.04)
    closed = 1.0 - step(mouth.gap / 0.03 - 0.5)
    return dim(picture, 1.0 - 0.62 * closed * seamline - 0.35 * corner), lips * (1.0 - hole)


def paint_beard(picture, surface, s, t, lips):
    """The picture with beard or stubble, never on the lips."""
    x, y, m = surface.x, surface.y, jnp.abs(surface.x)
    mouth = mouth_of(s, t)
    tip = s.eye_height + s.nose_length
    jagged = 0.05 * noise(x * 14.0, y * 14.0, t.texture + 10)
    cheek = y - 1.16 + 0.55 * step((m - 0.42) / 0.62) + 0.2 * step((m - 0.85) / 0.2) + jagged
    lip = jnp.minimum(y - tip - 0.21, mouth.corner_x + 0.10 - m) + jagged * 0.5
    area = jnp.maximum(step(cheek / 0.36 + 0.4), 0.9 * step(lip / 0.20 + 0.3) * step((mouth.middle + 0.35 - y) / 0.1))
    area = area * (1.0 - lips) * (1.0 - 0.6 * blob(x, y - mouth.middle - mouth.lower - 0.07, 0.16, 0.05))
    area = area * step((y - tip - 0.10) / 0.16 + 3.0 * step((m - 0.5) / 0.3))
    strand = noise(x * 30.0 + 4.0 * y, y * 11.0, t.texture + 11)
    hair = hair_color(t, 0.5 * strand)
    shade = area * t.stubble * (1.0 + 0.4 * strand)
    picture = dim(picture, 1.0 - 0.30 * shade, 1.0 - 0.28 * shade, 1.0 - 0.22 * shade)
    return paint(picture, hair, jnp.clip(area * t.beard * (0.85 + 0.3 * strand), 0.0, 0.95))


def hair_color(t, strand):
    """Strands differ in brightness; some are gray."""
    dark = dim(t.hair_color, 1.0 + 0.45 * strand)
    gray = step(0.5 + 0.5 * strand + 2.0 * (t.gray - 0.5)) * step(3.0 * t.gray)
    return paint(dark, (0.34 + 0.06 * strand,) * 3, gray)


class Hair(NamedTuple):
    """The place of the hair."""

    outer: jax.Array  # distance inside the outline
    face: jax.Array  # distance inside the opening for the face
    strand: jax.Array  # fine noise along the flow
    part: jax.Array  # 1 on the parting, where the scalp shows
    u: jax.Array  # coordinates of the picture relative to the upright head
    v: jax.Array


def hair_of(u, v, surface, t):
    """The hair over every pixel: its place and the direction of its strands."""
    u, v = _upright(u, v, t)
    long = step(t.hair_length / 1.2 - 0.3)
    strand = _strand(u, v, long, t)
    part = line(u - t.parting - 0.03 * strand, 0.030) * step((0.15 - v - t.hairline) / 0.2)
    part = part * step(t.drop * 2.0 - 0.6) * (1.0 - step(3.0 * t.fringe))
    return Hair(_hair_outline(u, v, long, strand, t), _hair_opening(surface, long, strand, t), strand, part, u, v)


def _upright(u, v, t):
    """Coordinates of the picture turned and moved with the head, but flat: hair stands off it."""
    rotation = face_shape.rotation_of(t)
    middle = [
        row[1] * (CENTER - PIVOT[1]) - row[2] * PIVOT[2] + p for row, p in zip(rotation[:2], PIVOT[:2], strict=True)
    ]
    cosine, sine = jnp.cos(t.roll), jnp.sin(t.roll)
    du, dv = u - middle[0], v - middle[1]
    return cosine * du + sine * dv, cosine * dv - sine * du + CENTER


def _strand(u, v, long, t):
    """Fine noise along the strands: down the sides in long hair, away from the parting in short hair."""
    arc = jnp.sqrt(jnp.square(u / 1.2) + jnp.square(jnp.minimum(v, 0.0) / 1.75) + 1e-4)
    fan = (u - t.parting) / (2.6 + jnp.minimum(v, 0.6))
    bend = t.wave * 0.05 * jnp.sin(7.0 * (v + 0.4 * u) + 5.0 * noise(u * 1.5, v * 1.5, t.texture + 12))
    flow = (arc * long * 1.2 + fan * (1.0 - long) * 2.4) + bend
    slow = (v * 1.3 + u * 0.5) * (1.0 + 3.0 * (1.0 - long))
    return 0.55 * noise(flow * 17.0, slow, t.texture + 13) + 0.45 * noise(flow * 48.0, slow * 1.7, t.texture + 14)


def _hair_outline(u, v, long, strand, t):
    """Distance inside the outer edge of the hair."""
    taper = step((v + 0.9) / (t.hair_length + 0.9)) * (1.0 - long)
    half = t.face_width + t.hair_side * (1.0 - taper) - 0.05 * taper
    half = half * (1.0 + 0.13 * line(v + 1.20, 0.55)) + long * (
        0.10 * step((v - 0.2) / 1.4) + 0.04 * t.wave * jnp.sin(5.0 * v + 2.0 * jnp.sign(u))
    )
    upper = jnp.minimum(v - CENTER, 0.0) / (SKULL + t.hair_top)
    inside = (1.0 - jnp.sqrt(jnp.square(u / half) + upper * upper + 1e-6)) * half
    ends = jnp.minimum(inside, t.hair_length - v + 0.10 * strand)
    return ends + 0.025 * strand + 0.04 * noise(u * 2.4, v * 2.4, t.texture + 12)


def _hair_opening(surface, long, strand, t):
    """Distance inside the opening for the face: under the hairline and between the sides."""
    x, y = surface.x, surface.y
    reach = jnp.minimum(jnp.abs(x - t.parting) / 0.95, 1.2)
    swept = t.drop * reach * reach * (0.35 + 0.65 * reach)
    top = y + t.hairline - swept - t.fringe * 0.62 * step((1.1 - jnp.abs(x)) / 0.3)
    cropped = 0.05 * (1.0 - long) * step((y + 0.55) / 0.4)
    open_below = 0.35 * step((y - t.hair_length) / 0.25)
    side = (0.97 - 0.08 * long - cropped + open_below - jnp.abs(x) / face_shape.half_width(y, t)) * t.face_width
    return 0.5 * (top + side - jnp.sqrt(jnp.square(top - side) + 0.03)) + (0.03 + 0.05 * t.fringe) * strand
