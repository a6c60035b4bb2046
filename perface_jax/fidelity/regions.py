"""The pixels of each part of a face: soft masks from landmarks, or from the label maps of a face parser.

A mask goes from 0 (outside) to 1 (inside). Masks from landmarks are drawn by rules of our own, as polygons around the
points of the outline; lengths are in pupil distances (for turned heads, from the distance of eyes and mouth, which yaw
does not change). They ignore hair, glasses or hands over the face, so measures inside of them must be robust.
Pure JAX: jit (`size` and `names` static), vmap and any leading axes.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Float32, Integer

from perface_jax import landmarks
from perface_jax.arrays import AnyArray, Array
from perface_jax.fidelity.faces import Points, each

# Both lists have 19 classes with nearly the same names, in two orders.
CELEBAMASK_HQ = (
    "background", "skin", "nose", "eye_g", "l_eye", "r_eye", "l_brow", "r_brow", "l_ear", "r_ear", "mouth", "u_lip",
    "l_lip", "hair", "hat", "ear_r", "neck_l", "neck", "cloth",
)  # fmt: skip
"""The classes of CelebAMask-HQ's label maps, by number."""
FACE_PARSING = (
    "background", "skin", "l_brow", "r_brow", "l_eye", "r_eye", "eye_g", "l_ear", "r_ear", "ear_r", "nose", "mouth",
    "u_lip", "l_lip", "neck", "neck_l", "cloth", "hair", "hat",
)  # fmt: skip
"""The classes of label maps of face-parsing.PyTorch (BiSeNet) and its descendants, by number."""


class Regions(NamedTuple):
    """One mask for each part of the face with a weight in PerceptFace; or one number each, as in `PERCEPTFACE`."""

    eyebrows: Float[AnyArray, "*batch h w"] | float
    eyes: Float[AnyArray, "*batch h w"] | float
    nose: Float[AnyArray, "*batch h w"] | float
    mouth: Float[AnyArray, "*batch h w"] | float
    skin: Float[AnyArray, "*batch h w"] | float  # the bare face: without the other four


_LABELS = (("l_brow", "r_brow"), ("l_eye", "r_eye"), ("nose",), ("mouth", "u_lip", "l_lip"), ("skin",))  # of `Regions`


def label_regions(labels: Integer[AnyArray, "*batch h w"], *, names: tuple[str, ...] = CELEBAMASK_HQ) -> Regions:
    """Masks of 0 or 1 from a label map. Glasses, hair, ears and neck belong to no region.

    `names` are the class names, CELEBAMASK_HQ or FACE_PARSING. With the wrong one, the result still looks plausible.

    Raises:
      TypeError: labels that are not integers, such as a color picture.
      ValueError: names without one of the parts.
    """
    labels = jnp.asarray(labels)
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise TypeError(f"saw labels of {labels.dtype}, wanted whole numbers [..., H, W], one class a pixel")
    if missing := sorted({part for parts in _LABELS for part in parts} - set(names)):
        raise ValueError(f"saw names without {', '.join(missing)}, wanted CELEBAMASK_HQ or names with all of them")

    def mask(parts):
        return sum((labels == names.index(part)).astype(jnp.float32) for part in parts)

    return Regions(*map(mask, _LABELS))


def landmark_regions(points: Points, size: int | tuple[int, int], *, softness: float = 0.08) -> Regions:
    """Masks from landmarks.

    Brows are strokes along their points; eyes and mouth are their outlines with a margin for lids and lips; the nose
    reaches from between the eyes to below its wings, and around its tip. The skin is the face (jaw and an arc over the
    brows) without the other four regions and a margin as wide as the soft edge. It shares no pixel with them.

    Args:
      size: height and width of the picture in pixels, one number or two.
      softness: width of the edge, over which a mask goes from 0 to 1, in pupil distances.
    """

    def draw(face):
        *features, skin = _depths(face, _grid(size))
        return Regions(*(_soft(depth, softness) for depth in (*features, skin - softness)))

    return each(draw, landmarks.outline(points).astype(jnp.float32))


def face_region(points: Points, size: int | tuple[int, int], *, softness: float = 0.24) -> Float32[Array, "*batch h w"]:
    """One mask for the whole face with its features, up to an arc over the brows, with a wider edge.

    Arguments as for `landmark_regions`.
    """

    def draw(face):
        return _soft(_depth(_contour(face), _grid(size)) / _unit(face) - softness / 2, softness)

    return each(draw, landmarks.outline(points).astype(jnp.float32))


def _grid(size):
    """x and y of every pixel, [1, H, W] each."""
    height, width = np.broadcast_to(size, 2).tolist()
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return jnp.asarray(x)[None], jnp.asarray(y)[None]


def _part(face, name):
    first, end = landmarks.PARTS[name]
    return face[first:end]


def _unit(face):
    """The pupil distance in pixels, corrected for turned heads."""
    eyes, mouth = face[0:2], face[3:5]
    across, down = eyes[1] - eyes[0], mouth.mean(0) - eyes.mean(0)
    return jnp.maximum(jnp.hypot(across[0], across[1]), jnp.hypot(down[0], down[1]) / 1.1)


def _depths(face, grid):
    """How deep every pixel lies inside the five regions, in units; negative outside."""
    unit = _unit(face)
    depth = [
        jnp.maximum(*(_depth(_stroke(_part(face, name)), grid) / unit + 0.085 for name in ("left_brow", "right_brow"))),
        jnp.maximum(*(_depth(_part(face, name), grid) / unit + 0.03 for name in ("left_eye", "right_eye"))),
        _nose(face, grid, unit),
        _depth(_part(face, "mouth"), grid) / unit + 0.03,
    ]
    skin = _depth(_contour(face), grid) / unit
    for feature in depth:
        skin = jnp.minimum(skin, -feature)
    return *depth, skin


def _nose(face, grid, unit):
    left, right, tip = *_part(face, "nose_wings"), face[2]
    bridge, mouth = face[0:2].mean(0), face[3:5].mean(0)
    across = 0.22 * (right - left)
    base = (left + right) / 2 + 0.22 * (mouth - (left + right) / 2)
    sides = jnp.stack([bridge - across, left, base - across, base + across, right, bridge + across])
    ridge = _stroke(jnp.stack([bridge, tip]))
    return jnp.maximum(_depth(sides, grid) / unit + 0.05, _depth(ridge, grid) / unit + 0.15)


def _contour(face):
    """The jaw from ear to ear and back over the forehead, on half an ellipse through a point above the brows."""
    jaw, eyes, mouth = _part(face, "jaw"), face[0:2].mean(0), face[3:5].mean(0)
    ears, half = (jaw[0] + jaw[-1]) / 2, (jaw[-1] - jaw[0]) / 2
    rise = eyes + 0.7 * (eyes - mouth) - ears
    turn = np.linspace(0, np.pi, 11, dtype=np.float32)[1:-1, None]
    return jnp.concatenate([jaw, ears[None] + np.cos(turn) * half[None] + np.sin(turn) * rise[None]])


def _stroke(points):
    """A path along the points and back: a polygon without an inside."""
    return jnp.concatenate([points, points[::-1]])


def _depth(polygon, grid):
    """Distance of every pixel to the polygon's edge, [H, W]: positive inside (even-odd rule), negative outside."""
    # Planes of x and of y with pixels last: on CPU many times as fast as pairs.
    (from_x, from_y), (along_x, along_y) = (
        points.T[:, :, None, None] for points in (polygon, jnp.roll(polygon, -1, axis=0) - polygon)
    )
    x, y = grid[0] - from_x, grid[1] - from_y
    share = (x * along_x + y * along_y) / jnp.maximum(along_x**2 + along_y**2, 1e-12)
    share = jnp.clip(share, 0, 1)
    squared = ((x - share * along_x) ** 2 + (y - share * along_y) ** 2).min(0)
    spans = (y < 0) != (y < along_y)
    is_left = (along_x * y > along_y * x) == (along_y > 0)
    inside = (spans & is_left).sum(0) % 2 == 1
    distance = jnp.sqrt(jnp.maximum(squared, 1e-12))
    return jnp.where(inside, distance, -distance)


def _soft(depth, softness):
    return jnp.clip(0.5 + depth / softness, 0, 1)
