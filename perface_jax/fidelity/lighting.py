"""The direction of the light on a portrait, and how to give one portrait the light of another.

The model is one distant lamp and a sky, on the generic face of `perface_jax.fidelity.surface`, in linear luminance:

    Y(n) = m (SKY + RISE * up(n) + 1/4 + 1/2 c + 5/16 (3 c^2 - 1) / 2),  c = n . u,  up(n) = -n_y

n is the unit normal, u the unit vector to the lamp, m its strength times the reflectance of the skin. These are the
first nine spherical harmonics of a lamp on a matte surface, with three unknowns instead of nine: a face shows only
normals that point to the viewer, which do not identify nine unknowns. The amount of light from the sky, brighter above,
is therefore assumed, not fitted.

Axes: x to the right, y down, z to the viewer. Pictures are RGB from 0 to 255, landmarks any layout of
`perface_jax.landmarks`. Pure JAX: jit, vmap, gradients and any leading axes. The model excludes light from behind,
several lamps and hard shadows.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from perface_jax import images, landmarks
from perface_jax.arrays import Array, Pixels, Scalar
from perface_jax.fidelity import surface
from perface_jax.fidelity.faces import Mask, Picture, Points, check_mask, each
from perface_jax.fidelity.pose import Head, fit_head
from perface_jax.fidelity.regions import face_region
from perface_jax.images import color
from perface_jax.images.pixels import in_dtype
from perface_jax.precision import option, widen
from perface_jax.similarity import length

SKY = 0.3  # uniform light from everywhere, in strengths of the lamp
RISE = 0.12  # extra sky light on a surface that faces up: a little more than twice that on one facing down
_ROUNDS = 12  # each with one step and new weights
_USUAL = (0.0, -0.35, 0.85)  # in front and above, m in units of the mean luminance
_PULL = 0.15  # towards it: as if lamps varied by 0.4 around it and 40 of the residuals were independent of each other
_LIMIT = 2.5  # a pixel gets at most this much lighter or darker
_NOSE = 0.35  # how far from the middle its shading is measured, pupil distances
_FAINT, _PLAIN = 0.55, 0.85  # shares of it that count as no nose and as a whole one


class Lighting(NamedTuple):
    """The light on a face."""

    lamp: Float[Array, "*batch 3"]  # the unit vector to the lamp times m, linear luminance
    misfit: Float[Array, "*batch"]  # root mean squared residual in mean luminances; above about 0.3 doubt the lamp


def fit_lighting(image: Picture, points: Points, *, where: Mask | None = None) -> Lighting:
    """The lamp that explains a face best.

    Least squares of `Y`, in linear luminance, over the bare skin between brows and upper lip, which neither fringe nor
    beard covers. Pixels far from the model (shadows, gloss, strands of hair) count less.

    `where` has the pixels to trust, such as the skin of a label map; None = all. NaN if none is trusted or the face
    lies outside of the picture.

    Raises:
      ValueError: leading axes of picture and landmarks, or shapes of picture and mask, that differ.
    """
    image, outline = _pair(image, points)
    trusted = jnp.ones(image.shape[:-1]) if where is None else check_mask(where, image)
    return each(_fit, _luminance(image), outline, fit_head(points), trusted)


def light_direction(lighting: Lighting) -> Float[Array, "*batch 3"]:
    """The unit vector to the lamp: x right, y down, z to the viewer."""
    (lamp,) = widen("lamps", lighting.lamp)
    return lamp / length(lamp)[..., None]


def light_angle(lighting: Lighting, other: Lighting) -> Float[Array, "*batch"]:
    """The angle between two lamps in degrees, 0 to 180; exact near 0, with finite gradients there."""
    a, b = widen("lamps", light_direction(lighting), light_direction(other))
    a, b = jnp.broadcast_arrays(a, b)
    return jnp.rad2deg(2.0 * jnp.arctan2(length(a - b), length(a + b)))


def relight(
    result: Picture, lighting: Lighting, points: Points, *, where: Mask | None = None, strength: Scalar = 1.0
) -> Pixels[Array, "*batch h w 3"]:
    """The result under the light of the original, to be used after any anonymizer.

    Multiplies linear light by a ratio image: (shading under `lighting` / shading under the result's own fitted
    light)^(strength where). Both shadings have mean 1 over the face, so the direction of the light changes, not its
    amount; `match_skin_color` corrects the amount. No detail of the original returns, and none of the generic face is
    added: its features are shaded only as far as the shading of the nose shows that the result has features. A blurred
    face gets the light of a smooth one.

    Args:
      lighting: `fit_lighting` of the original.
      points: landmarks of the result.
      where: the part to change; None = `face_region`.
      strength: 0 (nothing) to 1.

    Returns:
      A picture in the dtype of `result`, with its own pixels where `where` is 0.

    Known limits: cast shadows and gloss do not move. Ratios beyond 2.5 are clipped.
    """
    result, outline = _pair(result, points)
    lighting = Lighting(*(jnp.asarray(part).astype(jnp.float32) for part in lighting))
    height, width = result.shape[-3:-1]
    where = check_mask(face_region(points, (height, width)) if where is None else where, result)
    change = each(_log_ratio, _luminance(result), outline, fit_head(points), where, lighting)
    lit = color.from_linear(color.to_linear(result) * jnp.exp(option(strength, change) * where * change)[..., None])
    return jnp.where(where[..., None] > 0, in_dtype(lit, result.dtype), result)


def _shade(lamp, normals):
    """`Y` of normals [..., 3] under one lamp [3], `[...]`."""
    strength = length(lamp)
    facing = sum(normals[..., i] * lamp[i] for i in range(3)) / strength
    return strength * (SKY - RISE * normals[..., 1] + 0.25 + 0.5 * facing + 15 / 32 * jnp.square(facing) - 5 / 32)


def _fit(luminance, outline, head, trusted):
    """Gauss-Newton on the lamp, with weights that fall with the residual. One face."""
    x, y, weight = _bare_skin()
    at = surface.project(x, y, head, outline)
    normals = _normals(x, y, head)
    weight *= _towards_viewer(normals) * _sample(trusted, at)
    seen = _sample(luminance, at)
    mean = (weight * seen).sum() / weight.sum()
    seen = seen / mean

    def round_(_, state):
        lamp, count, spread = state
        slope = jax.jacfwd(_shade)(lamp, normals)
        pull = _PULL * spread * count.sum() + 1e-6
        bend = (slope * count[:, None]).T @ slope + pull * jnp.eye(3)
        push = (count * (seen - _shade(lamp, normals))) @ slope + pull * (jnp.array(_USUAL) - lamp)
        lamp = lamp + jnp.linalg.solve(bend, push)
        missed = jnp.square(seen - _shade(lamp, normals))
        spread = (count * missed).sum() / count.sum()
        return lamp, weight / jnp.square(1.0 + missed / (4.0 * (spread + 0.05**2))), spread

    lamp, _, spread = jax.lax.fori_loop(0, _ROUNDS, round_, (jnp.array(_USUAL), weight, jnp.array(0.01)))
    return Lighting(lamp * mean, jnp.sqrt(spread))


def _bare_skin():
    """Places of the generic face from below the brows to the upper lip, without eyes and nostrils, and their weight."""
    x, y = (places.ravel() for places in np.meshgrid(np.arange(-15, 16) * 0.06, np.arange(-7, 19) * 0.06))
    beside = np.abs(x)

    def away(across, down, wide, long):
        return 1.0 - np.exp(-np.square(np.square((beside - across) / wide) + np.square((y - down) / long)))

    rim = 1.0 / (1.0 + np.exp((np.hypot(x / 0.93, (y - 0.42) / 1.22) - 1.0) / 0.03))
    zone = 1.0 / (1.0 + np.exp(-(y + 0.20) / 0.06)) / (1.0 + np.exp((y - 0.90) / 0.06))
    weight = rim * zone * away(0.50, 0.0, 0.32, 0.17) * away(0.52, -0.32, 0.45, 0.14) * away(0.13, 0.72, 0.20, 0.09)
    skin = weight > 0.05
    return tuple(jnp.asarray(part[skin], jnp.float32) for part in (x, y, weight))


def _log_ratio(luminance, outline, head, where, lighting):
    """Logarithm of new over old shading, each of mean 1 over the face. One face."""
    own = _fit(luminance, outline, head, jnp.ones(luminance.shape))
    x, y = surface.over_pixels(head, outline, where.shape)
    normals = _normals(x, y, head, _relief(luminance, outline, head, own))
    new, old = (_shade(light.lamp, normals) for light in (lighting, own))
    new, old = (shade / ((where * shade).sum() / where.sum()) for shade in (new, old))
    return jnp.clip(jnp.log(new / old), -np.log(_LIMIT), np.log(_LIMIT))


def _relief(luminance, outline, head, own):
    """How much the features of the face stand out, 0 to 1: the share of the nose's shading that the picture shows.

    Without this factor, relighting would paint the features of the generic face into a blurred face.
    """
    x, y, weight = _bare_skin()
    normals, smooth = (_normals(x, y, head, relief) for relief in (1.0, 0.0))
    weight *= jnp.exp(-((x / _NOSE) ** 4)) * _towards_viewer(normals)
    flat = _shade(own.lamp, smooth)
    seen = jnp.maximum(_sample(luminance, surface.project(x, y, head, outline)), 1e-4)
    shown, wanted = (jnp.log(light / flat) for light in (seen, _shade(own.lamp, normals)))
    wanted -= (weight * wanted).sum() / weight.sum()
    share = (weight * wanted * shown).sum() / (weight * wanted**2).sum()  # the slope of a least squares line
    return jnp.clip((share - _FAINT) / (_PLAIN - _FAINT), 0.0, 1.0)


def _towards_viewer(normals):
    """1 where the surface faces the viewer, falling to 0 where it turns away."""
    return jax.nn.sigmoid((normals[..., 2] - 0.3) / 0.05)


def _normals(x, y, head: Head, relief: Scalar = 1.0):
    """Normals of the surface in the frame of the camera."""
    return jnp.einsum("ij,...j->...i", head.rotation, surface.normals(x, y, relief))


def _sample(plane, at):
    """Bilinear values at (x, y), 0 outside."""
    return jax.scipy.ndimage.map_coordinates(plane, [at[..., 1], at[..., 0]], order=1)


def _luminance(image):
    """The luminance of linear sRGB, `[..., H, W]`."""
    linear = color.to_linear(image).astype(jnp.float32)
    return 0.2126 * linear[..., 0] + 0.7152 * linear[..., 1] + 0.0722 * linear[..., 2]


def _pair(image, points):
    """The picture and its outline, of the same leading axes."""
    images.check(image, floating=True)
    outline = landmarks.outline(points).astype(jnp.float32)
    if image.shape[:-3] != outline.shape[:-2]:
        raise ValueError(
            f"saw pictures {list(image.shape)} and landmarks {list(jnp.shape(points))}, wanted equal leading axes"
        )
    return jnp.asarray(image), outline
