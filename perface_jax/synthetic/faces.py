"""A parametric face renderer: from two sets of parameters and a frame to RGB pictures and landmarks.

`face_shape` computes where each pixel meets the head, and the normal there; `face_paint` its color. This module adds
one directional and one ambient light, and composites the layers (background, hair, neck, ears, face, hair). Every edge
is softened by at least the width of a pixel. All of it is elementwise JAX, jitted and vmapped over faces. Pixel centers
lie at integers; pictures are uint8, sRGB.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float32, UInt8

from perface_jax.arrays import Array
from perface_jax.synthetic import face_paint, face_shape
from perface_jax.synthetic.face_paint import dim, noise, paint
from perface_jax.synthetic.face_shape import Seam, Source, Target, blob, edge, line, step, unit


class View(NamedTuple):
    """The square frame of a picture in the plane of the face."""

    x: float  # center, units
    y: float
    half: float  # half the side, units


# the mean face has its eyes 1 apart at y = 0 and its mouth at y = 1.1023: 32.54 pixels a unit in a SimSwap crop of 112
SIMSWAP_VIEW = View((55.5 - 56.0) / 32.54, (55.5 - 51.138) / 32.54, 56.0 / 32.54)
CELEBA_HQ_VIEW = View(0.0, 0.11, 2.0)


def natural(n: int) -> Seam:
    """No seam: pictures of `n` persons as they are."""
    return Seam(jnp.zeros((n, 3)), jnp.zeros((n,)))


@functools.partial(jax.jit, static_argnames=("size",))
def render(
    source: Source, target: Target, seam: Seam | None = None, *, size: int = 112, view: View = SIMSWAP_VIEW
) -> UInt8[Array, "n {size} {size} 3"]:
    """Pictures of faces, `size` x `size` pixels, with the seams of a swap or without; leading axis n throughout."""
    s, t = source, target
    seam = natural(t.yaw.shape[0]) if seam is None else seam
    u, v, pixel = _pixels(view, size)
    # XLA for CPUs fuses all layers into one loop and computes shared planes anew for every reader (measured: 50 times
    # slower). It does not look through a conditional whose predicate it cannot know.
    go = jnp.all(jnp.isfinite(t.yaw))
    hit = _stage(go, lambda s, t: face_shape.cast(u, v, s, t, pixel), s, t)
    across = _stage(go, lambda hit, s, t: face_shape.slope(hit, s, t, (1.0, 0.0)), hit, s, t)
    down = _stage(go, lambda hit, s, t: face_shape.slope(hit, s, t, (0.0, 1.0)), hit, s, t)
    hair = _stage(go, lambda hit, t: face_paint.hair_of(u, v, hit, t), hit, t)
    albedo = _stage(go, lambda hit, s, t: face_paint.paint_nose(face_paint.skin(hit, s, t), hit, s, t), hit, s, t)
    albedo, lips = _stage(go, functools.partial(face_paint.paint_mouth, pixel=pixel), albedo, hit, s, t)
    albedo = _stage(go, face_paint.paint_beard, albedo, hit, s, t, lips)
    albedo, eyes = _stage(go, functools.partial(face_paint.paint_eyes, pixel=pixel), albedo, hit, s, t)
    albedo = _stage(go, face_paint.paint_brows, albedo, hit, s, t)
    normal = _stage(go, face_shape.normal_of, hit, across, down, t)
    face = _stage(go, _light_face, albedo, normal, lips, eyes, hit, hair, s, t, seam)
    face = _stage(go, functools.partial(_glint, pixel=pixel), face, eyes, hit, s, t)
    locks = _stage(go, _locks, hair, t)
    behind = _stage(go, lambda locks, hair, t: _behind(locks, hair, u, v, t, pixel), locks, hair, t)
    planes = _stage(go, functools.partial(_compose, pixel=pixel), behind, face, locks, hair, hit, t)
    return jnp.stack(planes, -1)


def _pixels(view, size):
    """x and y of the center of every pixel in the plane of the face, and the size of a pixel; units."""
    steps = (2.0 * jnp.arange(size, dtype=jnp.float32) + 1.0) / size - 1.0
    u = jnp.broadcast_to((view.x + view.half * steps)[None, :], (size, size))
    v = jnp.broadcast_to((view.y + view.half * steps)[:, None], (size, size))
    return u, v, 2.0 * view.half / size


def _stage(go, layer, *faces):
    """`layer` over all faces, kept apart from the other stages."""
    layer = jax.vmap(layer)
    empty = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(layer, *faces))
    return jax.lax.cond(go, layer, lambda *_: empty, *faces)


def _lit(normal, t, wrap):
    """Light that a matte surface reflects: a soft lamp, wrapped around the edge, and a sky that is brighter above."""
    lamp = normal[0] * t.light[0] + normal[1] * t.light[1] + normal[2] * t.light[2]
    sky = (1.0 - t.light_strength) * 1.15 * (0.72 - 0.28 * normal[1] + 0.12 * normal[2])
    warm = (1.0 + 0.10 * t.light_warmth, 1.0, 1.0 - 0.14 * t.light_warmth)
    direct = (jnp.clip((lamp + w) / (1.0 + w), 0.0, 1.0) for w in wrap)
    return tuple(t.light_strength * 1.30 * c * d * jnp.sqrt(d + 1e-6) + sky for c, d in zip(warm, direct, strict=True))


def _gloss(normal, t, sharp):
    """Mirror-like light, 1 where the surface looks half way between lamp and viewer."""
    half = t.light + jnp.array([0.0, 0.0, 1.0])
    half = half / jnp.sqrt(jnp.sum(half * half))
    facing = jnp.clip(normal[0] * half[0] + normal[1] * half[1] + normal[2] * half[2], 0.0, 1.0)
    return jnp.exp(-sharp * (1.0 - facing))


def _shadows(surface, s, t):
    """Share of the light that arrives beside and under the nose, in the sockets and under the lip."""
    x, y = surface.x, surface.y
    m = jnp.abs(x)
    tip = s.eye_height + s.nose_length
    aside = t.light[0]
    cast = jnp.abs(aside) * blob(x + 0.42 * aside + 0.16 * jnp.sign(aside), y - tip + 0.08, 0.15, 0.30)
    under = jnp.clip(-t.light[1], 0.0, 1.0) * blob(x + 0.25 * aside, y - tip - 0.21, 0.24, 0.09)
    socket = 0.24 * blob(m - s.eye_spacing + 0.06, y - s.eye_height + 0.13, 0.28, 0.09)
    lip = 0.12 * blob(x, y - s.mouth_height - s.lower_lip - 0.09, 0.24, 0.05)
    return 1.0 - jnp.clip(0.55 * cast + 0.45 * under + socket + lip, 0.0, 0.8)


def inner_mask(x, y):
    """The part of the head a swap replaces: 1 inside, softly 0 outside. Coordinates of the head, units."""
    return step((1.0 - jnp.sqrt(jnp.square(x / 0.98) + jnp.square((y - 0.42) / 1.14))) / 0.16)


def _light_face(albedo, normal, lips, eyes, hit, hair, s, t, seam):
    x, y = hit.x, hit.y
    fringe = 1.0 - 0.35 * jnp.exp(-jnp.maximum(hair.face, 0.0) / 0.09)
    light = dim(_lit(normal, t, (0.38, 0.24, 0.20)), _shadows(hit, s, t) * fringe)
    oily = 0.10 + 0.10 * blob(x, y - 0.45, 0.16, 0.35) + 0.06 * blob(x, y + 0.75, 0.5, 0.3)
    gloss = t.shine * oily * (1.0 - eyes) * _gloss(normal, t, 14.0) + 0.16 * lips * _gloss(normal, t, 30.0)
    mask = inner_mask(x, y)
    dark = 1.0 - seam.line * jnp.square(4.0 * mask * (1.0 - mask))
    tint = [(1.0 + offset * mask) * dark for offset in seam.offset]
    return tuple((a * b + gloss) * c for a, b, c in zip(albedo, light, tint, strict=True))


def _glint(face, eyes, hit, s, t, pixel):
    """The lamp mirrored in both eyes."""
    eye = face_paint.eye_of(hit.x, hit.y, s, t)
    small = jnp.maximum(0.020, pixel * 0.6)
    glint = blob(eye.x - 0.032 * jnp.sign(hit.x * t.light[0]), eye.y + 0.034, small, small)
    return paint(face, (0.95,) * 3, 0.9 * glint * eyes)


def _backdrop(u, v, t):
    slope = u * jnp.cos(t.background_angle) + v * jnp.sin(t.background_angle)
    cloud = 0.6 * noise(u * 0.9, v * 0.9, t.texture + 15) + 0.4 * noise(u * 2.1, v * 2.1, t.texture + 16)
    share = step(0.5 + 0.25 * slope + 0.35 * cloud)
    return paint(t.background[0], t.background[1], share)


def _locks(hair, t):
    """The hair as a lit body, with a band of gloss that the strands break up."""
    body = unit(hair.u / 1.2, (hair.v + 0.75) / 1.5, jnp.full_like(hair.u, 0.8))
    band = _gloss(body, t, 16.0) * jnp.clip(0.55 + 0.9 * hair.strand, 0.0, 1.3)
    matt = zip(face_paint.hair_color(t, hair.strand), _lit(body, t, (0.3, 0.3, 0.3)), t.hair_color, strict=True)
    return tuple(a * b + (0.9 * c + 0.03 + 0.10 * t.shine) * band for a, b, c in matt)


def _body(picture, hair, t, soft):
    """Neck and clothes, in the shadow of the chin."""
    half = 0.42 + 0.31 * t.jaw_width * t.face_width
    across = hair.u / half
    neck = edge((1.0 + 0.12 * step((hair.v - 1.6) / 0.6) - jnp.abs(across)) * half, soft) * step((hair.v - 0.9) / 0.1)
    tube = unit(across, 0.15, jnp.sqrt(jnp.clip(1.0 - across * across, 0.05, 1.0)))
    below = hair.v - 0.55 * t.chin_height - 0.75 * jnp.sqrt(jnp.clip(1.0 - jnp.square(hair.u / 1.1), 0.0, 1.0))
    picture = paint(
        picture, dim(t.skin * 0.92, *dim(_lit(tube, t, (0.3, 0.2, 0.18)), 0.38 + 0.55 * step(below / 0.8))), neck
    )
    cloth = dim(t.cloth, 1.0 + 0.16 * noise(hair.u * 2.2, hair.v * 2.2, t.texture + 17))
    cloth = dim(cloth, *_lit(unit(0.5 * hair.u, -0.2, 0.8), t, (0.2, 0.2, 0.2)))
    shoulder = hair.v - t.chin_height - 0.02 - 0.42 * line(hair.u, 0.72) + 0.05 * jnp.abs(hair.u)
    return paint(picture, cloth, edge(shoulder, soft))


def _ears(picture, hair, t, soft):
    x = jnp.abs(hair.u - 0.14 * jnp.sin(t.yaw)) - t.face_width * 0.97
    y = hair.v - 0.22
    ear = 1.0 - jnp.square(x / 0.19) - jnp.square((y + 0.25 * x) / 0.36)
    bowl = jnp.exp(-jnp.square((x - 0.05) / 0.09) - jnp.square((y + 0.04) / 0.2))
    lobe = dim(t.skin * jnp.array([0.92, 0.80, 0.78]), 1.0 - 0.45 * bowl)
    lobe = dim(lobe, *_lit(unit(jnp.sign(hair.u) * 0.4 + x, 0.4 * y, 0.9), t, (0.5, 0.3, 0.25)))
    return paint(picture, lobe, edge(0.12 * ear, soft))


def _behind(locks, hair, u, v, t, pixel):
    """Everything behind the face: background, the back of the hair, neck, clothes, ears."""
    soft = jnp.maximum(pixel, 0.035)
    shade = 0.45 + 0.3 * step((jnp.abs(hair.u) - 0.7) / 0.5)
    picture = paint(_backdrop(u, v, t), dim(locks, shade), edge(hair.outer, soft))
    picture = _ears(_body(picture, hair, t, soft), hair, t, soft)
    grain = 1.0 + 0.012 * noise(u / pixel * 0.9, v / pixel * 0.9, t.texture + 18)
    return dim(picture, grain)


def _compose(behind, face, locks, hair, hit, t, pixel):
    """The face, and the hair over it; then from light to bytes."""
    soft = jnp.maximum(pixel, 0.035)
    short = step((0.9 - t.hair_length) / 0.3)
    picture = paint(behind, face, hit.cover)
    open_face = edge(hair.face, jnp.maximum(soft, 0.06 + 0.10 * short)) * hit.cover
    below = step((hair.v - t.hair_length + 0.25) / 0.3) * (1.0 - step((jnp.abs(hair.u) - 0.9) / 0.1))
    front = edge(hair.outer, soft) * (1.0 - open_face) * (1.0 - below * (1.0 - hit.cover))
    # hair lies in its own shadow at the roots and at the rim, and cropped sides let the skin through
    depth = (0.62 + 0.38 * step(-hair.face / 0.30)) * (0.72 + 0.28 * step(hair.outer / 0.25))
    thin = 0.40 * step((hair.v + 0.75) / 0.7) + 0.60 * step((hair.v - t.hair_length + 0.40) / 0.45)
    cropped = 1.0 - thin * hit.cover * short
    picture = paint(picture, paint(dim(locks, depth), t.skin * 0.35, 0.5 * hair.part), front * cropped)
    planes = (jnp.clip(plane, 1e-4, 1.0) ** (1.0 / 2.2) for plane in picture)
    return tuple(jnp.clip(plane * 255.0 + 0.5, 0.0, 255.0).astype(jnp.uint8) for plane in planes)


def _outline(s, t):
    """Points of one face in coordinates of the head, [n, 2], in the order of `landmarks.PARTS`."""
    mouth = face_shape.mouth_of(s, t)
    tip = s.eye_height + s.nose_length
    turn = jnp.linspace(0.0, 2.0 * jnp.pi, 8, endpoint=False)
    across, up = jnp.cos(turn), jnp.sin(turn)
    opening = s.eye_opening * t.eye_open
    eye_x = s.eye_spacing + s.eye_width * across
    eye_y = s.eye_height - s.eye_tilt * s.eye_width * across - opening * jnp.where(up > 0, up, 0.6 * up)
    along = jnp.linspace(0.05, 0.95, 5)
    brow_x = s.eye_spacing - 0.31 + s.brow_length * along
    brow_y = face_paint.brow_middle(along, s, t)
    lip_x = mouth.corner_x * across
    bend = (mouth.corner_y - mouth.middle) * jnp.square(across)
    lip_y = mouth.middle + bend - jnp.where(up > 0, mouth.upper + mouth.gap, mouth.lower + mouth.gap) * up
    jaw_y = jnp.linspace(0.3, t.chin_height - 0.02, 9)
    inside = 1.0 - jnp.square((jaw_y - face_shape.CENTER) / face_shape.half_height(jaw_y, t))
    jaw_x = 0.99 * face_shape.half_width(jaw_y, t) * jnp.sqrt(inside)
    five_x = jnp.stack([-s.eye_spacing, s.eye_spacing, 0.0 * tip, -mouth.corner_x, mouth.corner_x])
    five_y = jnp.stack([s.eye_height, s.eye_height, tip, mouth.corner_y, mouth.corner_y])
    wing_x, wing_y = s.nose_width * jnp.array([-1.0, 1.0]), jnp.stack([tip + 0.08, tip + 0.08])
    x = [five_x, -eye_x, eye_x, -brow_x, brow_x, wing_x, lip_x, -jaw_x, jaw_x[::-1]]
    y = [five_y, eye_y, eye_y, brow_y, brow_y, wing_y, lip_y, jaw_y, jaw_y[::-1]]
    return jnp.stack([jnp.concatenate(x), jnp.concatenate(y)], -1)


@functools.partial(jax.jit, static_argnames=("size",))
def landmarks(
    source: Source, target: Target, *, size: int = 112, view: View = SIMSWAP_VIEW
) -> Float32[Array, "n 59 2"]:
    """The outline of the rendered faces, x and y in pixels; `perface_jax.landmarks.PARTS` names its parts."""
    points = jax.vmap(lambda s, t: face_shape.project(_outline(s, t), s, t))(source, target)
    middle = jnp.array([view.x, view.y], jnp.float32)
    return ((points - middle[None, None]) / view.half + 1.0) * (size / 2.0) - 0.5
