"""Crops of faces: by landmarks, or by the fixed box of CelebA-HQ pictures."""

import difflib
import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Float, Num, UInt8
from PIL import Image

from perface_jax.arrays import AnyArray, Array, Pixels
from perface_jax.images.decoding import PictureError
from perface_jax.images.landmark_layout import are_refused, layout_fault
from perface_jax.images.pixels import check, in_dtype, working_dtype


class Template(NamedTuple):
    """Where the five landmarks lie in a crop: `points` in pixels of a crop of `size`."""

    points: Float[np.ndarray, "poses 5 2"]
    size: int


TEMPLATES = {
    "arcface": Template(np.array([
        [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)],
    ]), 112),
    "simswap": Template(np.array([  # frontal, left, left profile, right, right profile
        [(39.730, 51.138), (72.270, 51.138), (56.000, 68.493), (42.463, 87.010), (69.537, 87.010)],
        [(45.031, 50.118), (65.568, 50.872), (39.677, 68.111), (45.177, 86.190), (64.246, 86.758)],
        [(51.642, 50.115), (57.617, 49.990), (35.740, 69.007), (51.157, 89.050), (57.025, 89.702)],
        [(46.845, 50.872), (67.382, 50.118), (72.737, 68.111), (48.167, 86.758), (67.236, 86.190)],
        [(54.796, 49.990), (60.771, 50.115), (76.673, 69.007), (55.388, 89.702), (61.257, 89.050)],
    ]), 112),
    "simswap_ffhq": Template(np.array([[
        (192.98138, 239.94708), (318.90277, 240.1936), (256.63416, 314.01935), (201.26117, 371.41043),
        (313.08905, 371.15118),
    ]]), 512),
}  # fmt: skip
"""The crops that have names: ArcFace's, the five poses of SimSwap, and the one of newer SimSwap models."""


TemplateLike = str | Num[AnyArray, "*poses 5 2"] | Sequence  # a name in TEMPLATES, or points of one or several poses


def template_points(template: TemplateLike, size: int) -> Float[np.ndarray, "poses 5 2"]:
    """The points of a crop template in a crop of `size` pixels.

    A named template is multiplied by size / its own size, as in the systems it comes from. With pixel centers at
    integers this is slightly off: from 112 to 224, by a quarter of a small pixel. Points that you give are in pixels of
    the crop itself.

    Raises:
      ValueError: an unknown name, points of another shape or not finite, a size below 1.
    """
    if not isinstance(size, int | np.integer) or size < 1:
        raise ValueError(f"saw size {size!r}, wanted a whole number of pixels, at least 1")
    if not isinstance(template, str):
        points = np.asarray(template, np.float64)
        if points.ndim not in (2, 3) or points.shape[-2:] != (5, 2) or not np.isfinite(points).all():
            raise ValueError(f"saw a template of shape {list(points.shape)}, wanted finite points [5, 2]")
        return points.reshape(-1, 5, 2)
    if template not in TEMPLATES:
        close = difflib.get_close_matches(template, TEMPLATES, 1)
        advice = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"saw template {template!r}, wanted {', '.join(TEMPLATES)} or points [5, 2]{advice}")
    points, base = TEMPLATES[template]
    return points * (size / base)


def similarity_transform(
    source: Num[AnyArray, "*#batch k 2"], destination: Num[AnyArray, "*#batch k 2"]
) -> Float[Array, "*batch 2 3"]:
    """The rotation, scale and shift that bring points `source` closest to points `destination`, as a matrix.

    M = [[p, -q, x], [q, p, y]] minimizes the sum of |M (s, 1) - d|^2. Never a reflection. NaN if all points of a source
    coincide.

    Source: Umeyama 1991. In the plane it is a regression with one complex slope, so no SVD is needed.
    """

    source, destination = jnp.asarray(source), jnp.asarray(destination)
    if source.shape[-2:] != destination.shape[-2:] or source.shape[-1:] != (2,):
        raise ValueError(f"saw points {list(source.shape)} and {list(destination.shape)}, wanted [..., K, 2] for both")
    dtype = working_dtype(source.dtype)
    source, destination = _plane(source.astype(dtype)), _plane(destination.astype(dtype))

    def matrix(source, destination):
        slope, shift = _similarity(source, destination)
        return jnp.array([[slope.real, -slope.imag, shift.real], [slope.imag, slope.real, shift.imag]])

    with jax.numpy_rank_promotion("allow"):
        return jnp.vectorize(matrix, signature="(k),(k)->(i,j)")(source, destination)


def _plane(points):
    """Points [..., 2] as complex numbers x + iy, so that a rotation with scale is one factor."""
    return jax.lax.complex(points[..., 0], points[..., 1])


def _similarity(source, destination):
    """Slope and shift with destination = slope * source + shift, of complex points [..., K]; NumPy or JAX."""
    s = source - source.mean(-1, keepdims=True)
    d = destination - destination.mean(-1, keepdims=True)
    slope = (s.conj() * d).sum(-1) / (s.conj() * s).sum(-1)
    return slope, destination.mean(-1) - slope * source.mean(-1)


def _to_picture(landmarks, poses):
    """Slope and shift that take crop points to picture points: landmarks [5], poses [P, 5], complex; NumPy or JAX.

    The pose with the smallest summed point error is used, as in SimSwap.
    """
    landmarks = landmarks[None]
    slope, shift = _similarity(landmarks, poses)
    best = abs(slope[:, None] * landmarks + shift[:, None] - poses).sum(-1).argmin()
    return 1 / slope[best], -shift[best] / slope[best]


def _as_points(landmarks):
    """Landmarks as an array, traced or not; a `PictureError` for what is none."""
    if isinstance(landmarks, jax.Array):
        return landmarks
    try:
        points = np.asarray(landmarks)
        if points.dtype.kind in "SU":
            raise TypeError("text")
        return points if np.issubdtype(points.dtype, np.number) else points.astype(np.float64)
    except (TypeError, ValueError):
        kind = type(landmarks).__name__
        raise PictureError(f"saw landmarks that are no array of numbers ({kind}), wanted [..., 5, 2]") from None


def _check_landmarks(landmarks, height: int, width: int) -> None:
    if landmarks.shape[-2:] != (5, 2):
        raise PictureError(f"saw landmarks of shape {list(landmarks.shape)}, wanted [..., 5, 2]: five points (x, y)")
    if isinstance(landmarks, Tracer):
        return
    points = np.asarray(landmarks, np.float64)
    if not np.isfinite(points).all():
        problem = "NaN or infinity"
    elif (np.ptp(points, axis=-2).max(-1) < 1).any():
        problem = "all five within one pixel; fractions of the picture have to be multiplied by its width and height"
    elif (points < (-width, -height)).any() or (points > (2 * width, 2 * height)).any():
        problem = f"far outside a picture {width} wide and {height} high; were they found in one of another size?"
    elif ((points < 0) | (points > (width - 1, height - 1))).any(-1).all(-1).any():
        problem = f"all five outside of the picture, {width} wide and {height} high; were they found in a larger one?"
    elif (refused := are_refused(faces := points.reshape(-1, 5, 2))).any():
        problem = layout_fault(faces[refused.argmax()])
    else:
        return
    raise PictureError(f"saw landmarks that cannot be right: {problem}")


def align(
    image: Pixels[AnyArray, "*#batch h w 3"],
    landmarks: Num[AnyArray, "*#batch 5 2"],
    *,
    template: TemplateLike = "arcface",
    size: int = 112,
) -> Pixels[Array, "*batch {size} {size} 3"]:
    """The face turned, scaled and shifted to bring its landmarks closest to a template.

    Crop pixel u takes the picture's value at M^-1 u, M = similarity_transform(landmarks, template): bilinear, black
    outside, as cv2.warpAffine. No anti-aliasing: shrink pictures first if the face is many times larger than the crop.

    Smooth in the landmarks except where pixels or poses change. Leading axes broadcast.

        >>> import numpy as np
        >>> from perface_jax import images
        >>> picture = np.zeros((224, 224, 3), np.uint8)
        >>> landmarks = 2 * images.template_points("arcface", 112)[0]
        >>> images.align(picture, landmarks).shape
        (112, 112, 3)

    Args:
      landmarks: in pixels of `image`.
      template, size: as for `template_points`.
    Raises:
      PictureError: impossible landmarks (not finite, fractions, outside of the picture, not the layout of a face:
        `landmark_layout`); under jit only their shape can be checked.
    """
    check(image, floating=True)
    image, landmarks = jnp.asarray(image), jnp.asarray(_as_points(landmarks))
    _check_landmarks(landmarks, *image.shape[-3:-1])
    dtype = working_dtype(image.dtype)
    poses = jnp.asarray(template_points(template, size), dtype)
    return in_dtype(_warp(image.astype(dtype), landmarks.astype(dtype), poses, size=size), image.dtype)


@functools.partial(jax.jit, static_argnames="size")
def _warp(image, landmarks, poses, *, size):
    row = jnp.arange(size, dtype=image.dtype)
    grid, poses = jax.lax.complex(*jnp.meshgrid(row, row)), _plane(poses)

    def warp(image, landmarks):
        slope, shift = _to_picture(landmarks, poses)
        places = slope * grid + shift
        sample = functools.partial(jax.scipy.ndimage.map_coordinates, coordinates=[places.imag, places.real], order=1)
        return jax.vmap(sample, in_axes=-1, out_axes=-1)(image)

    with jax.numpy_rank_promotion("allow"):  # to broadcast the leading axes
        return jnp.vectorize(warp, signature="(h,w,c),(k)->(s,t,c)")(image, _plane(landmarks))


def celeba_hq_square(points: Num[np.ndarray, "5 2"]) -> tuple[float, float, float]:
    """Left, top and side of the square that a CelebA-HQ or FFHQ picture would show, from five landmarks.

    In the pixels of the landmarks. Center = eyes + 0.1 (mouth - eyes); half side = max(2 x distance of the eyes, 1.8 x
    distance of eyes and mouth). Eyes and mouth are midpoints.

    Source: Karras et al. 2018, appendix C, without their rotation of the square: for upright faces.
    """
    eyes, mouth = points[:2].mean(0), points[3:].mean(0)
    half = max(2.0 * np.hypot(*(points[1] - points[0])), 1.8 * np.hypot(*(mouth - eyes)))
    left, top = eyes + 0.1 * (mouth - eyes) - half
    return float(left), float(top), float(2 * half)


def celeba_hq_box(*, template: TemplateLike = "arcface", size: int = 112) -> tuple[float, float, float, float]:
    """Where a template's crop lies in a CelebA-HQ or FFHQ picture: left, top, right, bottom as fractions of its side.

    The square follows from the template's own (frontal) points. Less exact than landmarks, because every face differs
    from the template. Edges may lie a little outside 0..1.
    """
    left, top, side = celeba_hq_square(template_points(template, size)[0])
    # With pixel centers at integers the crop itself runs from -0.5 to size - 0.5.
    return (-0.5 - left) / side, (-0.5 - top) / side, (size - 0.5 - left) / side, (size - 0.5 - top) / side


def _celeba_hq_pixels(side: int, template, size: int) -> tuple[int, tuple[float, float, float, float]]:
    """The box in pixel edges of a picture of `side`, and the black border that it needs."""
    left, top, right, bottom = (side * edge for edge in celeba_hq_box(template=template, size=size))
    border = max(0, math.ceil(max(-min(left, top), max(right, bottom) - side)))
    return border, (left + border, top + border, right + border, bottom + border)


def crop_celeba_hq(
    images: Pixels[AnyArray, "*batch h h 3"], *, template: TemplateLike = "arcface", size: int = 112
) -> Pixels[Array, "*batch {size} {size} 3"]:
    """The fixed crop of `celeba_hq_box`, resized as `resize` does, black outside. ValueError where it is not square."""
    check(images, floating=True)
    images = jnp.asarray(images)
    height, width = images.shape[-3:-1]
    if height != width:
        raise ValueError(f"saw {width} x {height} pixels, wanted a square CelebA-HQ picture; images.align takes any")
    border, (left, top, right, bottom) = _celeba_hq_pixels(height, template, size)
    pixels = images.astype(working_dtype(images.dtype))
    pixels = jnp.pad(pixels, [(0, 0)] * (images.ndim - 3) + [(border, border)] * 2 + [(0, 0)])
    scale = np.array([size / (bottom - top), size / (right - left)], pixels.dtype)
    shift = -scale * np.array([top, left], pixels.dtype)
    axes = (images.ndim - 3, images.ndim - 2)
    shape = (*images.shape[:-3], size, size, 3)
    return in_dtype(jax.image.scale_and_translate(pixels, shape, axes, scale, shift, "linear"), images.dtype)


def fit(
    picture: UInt8[np.ndarray, "h w 3"],
    *,
    crop: TemplateLike,
    size: int = 112,
    landmarks: Num[AnyArray, "5 2"] | None = None,
    template: TemplateLike | None = None,
) -> UInt8[np.ndarray, "{size} {size} 3"]:
    """Crop one decoded picture of any size, on the host, without compiling anything.

    With landmarks: `align` to the template. Without: `resize` if the picture already has the crop, `crop_celeba_hq` if
    its crop is "celeba_hq". Results are within 1 gray level of those functions.

    Args:
      crop: a crop template (name or points), or "celeba_hq".
      landmarks: in pixels of `picture`.
      template: only with crop "celeba_hq": the template to crop to, "arcface" if None.
    Raises:
      PictureError: impossible landmarks, or a picture that is not square and has no landmarks.
      ValueError: a template with another crop.
    """
    check(picture, rank=3)
    fixed = isinstance(crop, str) and crop == "celeba_hq"
    if template is not None and not fixed:
        raise ValueError(f"saw crop {crop!r} and template {template!r}, wanted a template with crop 'celeba_hq' only")
    target = ("arcface" if template is None else template) if fixed else crop
    points = template_points(target, size)
    height, width = picture.shape[:2]
    if landmarks is not None:
        landmarks = np.asarray(_as_points(landmarks), np.float64)
        _check_landmarks(landmarks, height, width)
        slope, shift = _to_picture(landmarks.reshape(5, 2) @ (1, 1j), points @ (1, 1j))
        # Pillow counts from pixel edges, and continues the outermost pixels where cv2 fades to black: hence the border.
        shift += 1.5 + 1.5j - slope * (0.5 + 0.5j)
        affine = (slope.real, -slope.imag, shift.real, slope.imag, slope.real, shift.imag)
        bordered = Image.fromarray(np.pad(picture, [(1, 1), (1, 1), (0, 0)]))
        return np.array(bordered.transform((size, size), Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR))
    if height != width:
        raise PictureError(f"not square and without landmarks ({width} x {height} pixels): give landmarks, or crop it")
    border, box = _celeba_hq_pixels(width, target, size) if fixed else (0, None)
    bordered = Image.fromarray(np.pad(picture, [(border, border), (border, border), (0, 0)]))
    return np.array(bordered.resize((size, size), Image.Resampling.BILINEAR, box))
