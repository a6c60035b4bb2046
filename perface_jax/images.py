"""Everything that touches pixels: decode, check, resize, crop, align, flip, normalise.

The contract, here and everywhere else: pictures are uint8 RGB [..., H, W, 3]. The numbers of BGR look the same and
cannot be told apart, so turn what cv2 has read round first: `picture[..., ::-1]`.
Points are (x, y) in pixels, pixel centres at integers, x to the right, y down. Left is left in the picture.
Five landmarks: left eye, right eye, nose tip, left mouth corner, right mouth corner.

`read`, `decode` and `fit` run on the host, with Pillow; they are safe in threads and meet pictures of any size.
The other functions of pixels are pure JAX: they run under jit, vmap and grad (template and size static) and compile
once per picture size. Those that make new pixels also take floating pictures, on any scale, and give the same
dtype back; uint8 comes back rounded. Colour profiles are not applied.
"""

import difflib
import functools
import io
import math
import os
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from etils import epath
from PIL import ExifTags, Image

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
MAX_PIXELS = 50_000_000
MAX_BYTES = 8 * MAX_PIXELS  # four channels of 16 bits, uncompressed
# EXIF orientation 2 to 8. ImageOps.exif_transpose writes the EXIF block anew and fails where that has an odd entry.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip


class PictureError(ValueError):
    """A picture that cannot be used, and why. Batch work lists these and goes on."""


def read(path) -> np.ndarray:
    """The picture in the file `path`, uint8 RGB [H, W, 3]. Rules and errors as in `decode`."""
    path = epath.Path(path)
    try:
        with path.open("rb") as file:
            if (size := file.seek(0, os.SEEK_END)) > MAX_BYTES:
                raise PictureError(f"{path}: {size:,} bytes, wanted at most {MAX_BYTES:,}")
            file.seek(0)
            data = file.read()
    except IsADirectoryError:
        raise PictureError(f"{path}: this is a folder, wanted one picture file") from None
    return decode(data, name=str(path))


def decode(data: bytes, *, name: str = "picture") -> np.ndarray:
    """The picture in an encoded file's bytes, uint8 RGB [H, W, 3].

    The EXIF rotation is applied. Grey is repeated, palettes are expanded, CMYK goes through Pillow's plain conversion.
    Whatever is transparent is laid over black. 16-bit grey v becomes v / 257 rounded; of 16-bit colours Pillow keeps
    the high byte. Of an animation the first frame counts. 32-bit grey has no agreed range and is refused.

    Args:
      data: bytes of a JPEG, PNG, WebP, BMP, TIFF or GIF file.
      name: what an error calls the picture.
    Raises:
      PictureError: not such a file, damaged, truncated, or of more than MAX_PIXELS (judged by the header alone).
    """
    if not isinstance(data, bytes | bytearray | memoryview):
        raise TypeError(f"saw {type(data).__name__}, wanted the bytes of a picture file; images.read takes a path")
    try:
        with _open(bytes(data)) as picture:
            width, height = picture.size
            if not 0 < width * height <= MAX_PIXELS:
                raise PictureError(f"{width} x {height} pixels, wanted at most {MAX_PIXELS:,} in all: make it smaller")
            return _pixels(picture)
    except (PictureError, Image.DecompressionBombError) as error:
        raise PictureError(f"{name}: {error}") from None
    except Exception as error:  # a damaged file makes Pillow raise any of a dozen types
        raise PictureError(f"{name}: damaged or truncated, fetch it again ({type(error).__name__}: {error})") from error


def _open(data: bytes) -> Image.Image:
    """The picture with its header read and nothing decoded."""
    start = data[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not data:
        raise PictureError("an empty file (0 bytes)")
    if start.startswith(b"version https://git-lfs"):
        raise PictureError("a Git LFS pointer in place of the picture: run `git lfs pull`")
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        raise PictureError("a web page saved as a picture: download the picture itself")
    Image.init()
    for factory, accepts in (Image.OPEN[name] for name in FORMATS):
        if accepts(data[:16]) is True:
            # Image.open would add its own check of the size, which warns; silencing a warning is not safe in threads.
            return factory(io.BytesIO(data), "")
    raise PictureError(f"none of {', '.join(FORMATS)}, it starts with {data[:12]!r}: convert it to one of them")


def _pixels(picture: Image.Image) -> np.ndarray:
    picture.load()
    try:
        # After loading, because Pillow turns TIFF pictures itself and then drops the tag.
        orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # garbled EXIF: viewers show the picture as it is stored
        orientation = 1
    if orientation in TURNS:
        picture = picture.transpose(TURNS[orientation])
    if picture.mode.startswith("I;16"):
        grey = (np.asarray(picture).astype(np.uint32) + 128) // 257
        return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=-1)
    if picture.mode in ("I", "F"):
        raise PictureError(f"32-bit grey (Pillow's mode {picture.mode}) has no agreed range: save it as 8 or 16 bits")
    if picture.has_transparency_data:
        return np.array(picture.convert("RGBA").convert("RGBa"))[..., :3].copy()  # times alpha: over black
    return np.array(picture.convert("RGB"))


def check(images, *, size: int | None = None, rank: int | None = None, floating: bool = False) -> None:
    """Refuses what is not uint8 RGB [..., H, W, 3], saying what was seen, what was wanted and what to do.

    Args:
      images: the array to look at; traced ones are welcome.
      size: wanted height and width in pixels, or None for any.
      rank: wanted number of axes, or None for any from 3 on.
      floating: whether floating arrays are allowed too.
    Raises:
      TypeError: not an array, or of another dtype.
      ValueError: of another shape.
    """
    leading = "..., " if rank is None else "N, " * (rank - 3)
    wanted = f"uint8{' or floating' * floating} RGB [{leading}{size or 'H'}, {size or 'W'}, 3]"
    if not isinstance(images, np.ndarray | jax.Array):
        raise TypeError(f"saw {type(images).__name__}, wanted {wanted}: numpy.stack makes one array of equal pictures")
    shape, is_floating = images.shape, jnp.issubdtype(images.dtype, jnp.floating)
    if images.dtype != np.uint8 and not (floating and is_floating):
        seen, advice = _range(images) if is_floating else ("", "")
        raise TypeError(f"saw {images.dtype}{seen}, wanted {wanted}: numpy.rint(x).astype(numpy.uint8){advice}")
    if len(shape) >= 3 and shape[-1] != 3 and shape[-3] == 3:
        advice = "channels come last, numpy.moveaxis(images, -3, -1)"
    elif len(shape) < 3 or rank not in (None, len(shape)):
        advice = "images[None] adds an axis; grey needs three equal channels, numpy.stack([grey] * 3, -1)"
    elif shape[-1] != 3:
        advices = {1: "numpy.repeat(images, 3, -1) repeats grey", 4: "images[..., :3] drops the alpha channel"}
        advice = advices.get(shape[-1], "the last axis holds red, green and blue")
    elif size and shape[-3:-1] != (size, size):
        advice = f"images.resize(images, {size}) if the crop is right already, else images.align"
    elif 0 in shape[-3:-1]:
        advice = "a picture without pixels"
    else:
        return
    raise ValueError(f"saw shape {list(shape)}, wanted {wanted}: {advice}")


def _range(images) -> tuple[str, str]:
    """What a floating array spans, in words, and what to do where that is not the scale of pixels, else ""."""
    if isinstance(images, jax.core.Tracer) or not images.size:
        return "", ""
    low, high = float(images.min()), float(images.max())
    seen = f" from {low:.4g} to {high:.4g}"
    if low >= 0 and 0 < high <= 1:
        return seen, ", but it looks like 0..1: first x = 255 * x"
    if -1 <= low < 0 and high <= 1:
        return seen, ", but it looks like -1..1: first x = 127.5 * x + 127.5"
    # Half a grey level of slack, for what resizing overshoots. Not-a-number fails here too.
    return seen, "" if low >= -0.5 and high <= 255.5 else ", but pixels run from 0 to 255"


def normalise(images, *, dtype=jnp.float32) -> jax.Array:
    """(x - 127.5) / 127.5, what every model here is fed.

    Args:
      images: uint8 [..., H, W, 3], or floating on the same scale of 0 to 255, for gradients with respect to pixels.
      dtype: floating dtype of the result.
    Returns:
      [..., H, W, 3] between -1 and 1.
    Raises:
      ValueError: floating values that are not on that scale; under jit they cannot be looked at.
    """
    check(images, floating=True)
    seen, advice = _range(images) if images.dtype != np.uint8 else ("", "")
    if advice:
        raise ValueError(f"saw {images.dtype}{seen}, wanted uint8, or floating from 0 to 255{advice}")
    return (jnp.asarray(images).astype(dtype) - 127.5) / 127.5


def flip(images):
    """Left and right exchanged. A NumPy array stays one."""
    return images[..., ::-1, :]


def resize(images, size: int | tuple[int, int]) -> jax.Array:
    """Bilinear resizing, anti-aliased when shrinking: Pillow's BILINEAR within 1 grey level.

    Args:
      images: [..., H, W, 3].
      size: height and width of the result in pixels, one number or two.
    Returns:
      [..., height, width, 3]. The crop stays what it was: the proportions change if those of `size` differ.
    """
    check(images, floating=True)
    images = jnp.asarray(images)
    shape = (*images.shape[:-3], *np.broadcast_to(size, 2).tolist(), 3)
    return _back(jax.image.resize(images.astype(_working(images.dtype)), shape, "linear"), images.dtype)


def _working(dtype):
    """Where coordinates are computed: half precision could not tell neighbouring pixels apart."""
    return dtype if jnp.issubdtype(dtype, jnp.floating) and jnp.finfo(dtype).bits > 32 else jnp.float32


def _back(pixels: jax.Array, dtype) -> jax.Array:
    return (jnp.clip(jnp.round(pixels), 0, 255) if dtype == jnp.uint8 else pixels).astype(dtype)


class Template(NamedTuple):
    """Where the five landmarks lie in a crop: `points` [poses, 5, 2] in pixels of a crop of `size`."""

    points: np.ndarray
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


def template_points(template, size: int) -> np.ndarray:
    """The points of a crop template in a crop of `size` pixels, [poses, 5, 2].

    A named template is multiplied by size / its own size, as the systems it comes from do. That moves points a little
    against the picture: from 112 to 224 a quarter of a small pixel less than pixel centres at integers would ask for.

    Args:
      template: a name in TEMPLATES, or points [5, 2] or [poses, 5, 2] in pixels of the crop of `size` itself.
    """
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


def similarity_transform(source, destination) -> jax.Array:
    """The rotation, scale and shift that take points `source` nearest to points `destination`, as a matrix [2, 3].

    M = [[p, -q, x], [q, p, y]] with the least sum of |M (s, 1) - d|^2. Never a reflection.

    Args:
      source, destination: [..., K, 2], leading axes broadcast. A source whose points are all one gives NaN.
    Returns:
      [..., 2, 3].
    Source: Umeyama 1991. In the plane it is a regression with one complex slope, so no SVD is needed.
    """

    def matrix(source, destination):
        slope, shift = _similarity(source, destination)
        return jnp.array([[slope.real, -slope.imag, shift.real], [slope.imag, slope.real, shift.imag]])

    source, destination = jnp.asarray(source), jnp.asarray(destination)
    if source.shape[-2:] != destination.shape[-2:] or source.shape[-1:] != (2,):
        raise ValueError(f"saw points {list(source.shape)} and {list(destination.shape)}, wanted [..., K, 2] for both")
    dtype = _working(source.dtype)
    source, destination = _plane(source.astype(dtype)), _plane(destination.astype(dtype))
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

    The pose with the smallest summed point error counts, as in SimSwap.
    """
    landmarks = landmarks[None]
    slope, shift = _similarity(landmarks, poses)
    best = abs(slope[:, None] * landmarks + shift[:, None] - poses).sum(-1).argmin()
    return 1 / slope[best], -shift[best] / slope[best]


def _check_landmarks(landmarks, height: int, width: int) -> None:
    if landmarks.shape[-2:] != (5, 2):
        raise PictureError(f"saw landmarks of shape {list(landmarks.shape)}, wanted [..., 5, 2]: five points (x, y)")
    if isinstance(landmarks, jax.core.Tracer):
        return
    points = np.asarray(landmarks, np.float64)
    eyes, mouth = points[..., 0:2, :], points[..., 3:5, :]
    down = mouth.mean(-2) - eyes.mean(-2)
    # How far each pair lies the right way round, seen along the face's own axis: upside-down faces are fine, and so
    # are profiles, whose two eyes nearly meet.
    across = np.stack([eyes[..., 1, :] - eyes[..., 0, :], mouth[..., 1, :] - mouth[..., 0, :]])
    turned = across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0]
    if not np.isfinite(points).all():
        problem = "NaN or infinity"
    elif (np.ptp(points, axis=-2).max(-1) < 1).any():
        problem = "all five within one pixel; fractions of the picture have to be multiplied by its width and height"
    elif (points < (-width, -height)).any() or (points > (2 * width, 2 * height)).any():
        problem = f"far outside a picture {width} wide and {height} high; were they found in one of another size?"
    elif (turned < -0.25 * (down**2).sum(-1)).any():
        problem = (
            "left and right exchanged; wanted (x, y) of left eye, right eye, nose tip, left mouth corner, right mouth"
            " corner, where left is left in the picture"
        )
    else:
        return
    raise PictureError(f"saw landmarks that cannot be right: {problem}")


def align(image, landmarks, *, template="arcface", size: int = 112) -> jax.Array:
    """The face turned, scaled and shifted so that its landmarks come nearest to a template.

    Crop pixel u takes the picture's value at M^-1 u, M = similarity_transform(landmarks, template): bilinear, black
    outside, as cv2.warpAffine. No anti-aliasing: shrink pictures first whose face is many times the crop.

    Args:
      image: [..., H, W, 3].
      landmarks: [..., 5, 2] in pixels of `image`; leading axes broadcast against those of `image`.
      template: a name in TEMPLATES, or the user's own points, see `template_points`.
      size: height and width of the crop in pixels.
    Returns:
      [..., size, size, 3], of the image's dtype. Smooth in the landmarks except where pixels or poses change.
    Raises:
      PictureError: landmarks that cannot be right (not finite, fractions, far outside, left and right exchanged);
        only their shape can be checked under jit.
    """
    check(image, floating=True)
    image, landmarks = jnp.asarray(image), jnp.asarray(landmarks)
    _check_landmarks(landmarks, *image.shape[-3:-1])
    dtype = _working(image.dtype)
    poses = jnp.asarray(template_points(template, size), dtype)
    return _back(_warp(image.astype(dtype), landmarks.astype(dtype), poses, size=size), image.dtype)


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


def celeba_hq_box(*, template="arcface", size: int = 112) -> tuple[float, float, float, float]:
    """Where a template's crop lies in a CelebA-HQ or FFHQ picture: left, top, right, bottom as fractions of its side.

    Those pictures are squares around eyes and mouth: centre = eyes + 0.1 (mouth - eyes), half side =
    max(2 x distance of the eyes, 1.8 x distance of eyes and mouth), where eyes and mouth are the midpoints. The
    template's own (frontal) points, put through this rule, give the square seen from the crop. Less exact than
    landmarks: every face differs from the template. Edges may lie a little outside of 0..1.

    Source: Karras et al. 2018, appendix C. Their turn of the square is left out: templates stand upright.
    """
    left_eye, right_eye, _, left_mouth, right_mouth = template_points(template, size)[0]
    eyes, mouth = (left_eye + right_eye) / 2, (left_mouth + right_mouth) / 2
    half = max(2.0 * np.hypot(*(right_eye - left_eye)), 1.8 * np.hypot(*(mouth - eyes)))
    corner = eyes + 0.1 * (mouth - eyes) - half
    # The square runs from `corner` over 2 half sides; with pixel centres at integers the crop itself runs from -0.5
    # to size - 0.5.
    left, top = (-0.5 - corner) / (2 * half)
    right, bottom = (size - 0.5 - corner) / (2 * half)
    return float(left), float(top), float(right), float(bottom)


def _celeba_hq_pixels(side: int, template, size: int) -> tuple[int, list[float]]:
    """The box in pixel edges of a picture of `side`, and the black border that has to be added to hold it."""
    box = [side * edge for edge in celeba_hq_box(template=template, size=size)]
    border = max(0, math.ceil(max(-min(box), max(box) - side)))
    return border, [edge + border for edge in box]


def crop_celeba_hq(images, *, template="arcface", size: int = 112) -> jax.Array:
    """The fixed crop of `celeba_hq_box`, resized as `resize` does, black outside.

    Args:
      images: square CelebA-HQ or FFHQ pictures, [..., H, H, 3].
      template, size: as for `align`.
    Returns:
      [..., size, size, 3].
    """
    check(images, floating=True)
    images = jnp.asarray(images)
    height, width = images.shape[-3:-1]
    if height != width:
        raise ValueError(f"saw {width} x {height} pixels, wanted a square CelebA-HQ picture; images.align takes any")
    border, (left, top, right, bottom) = _celeba_hq_pixels(height, template, size)
    pixels = images.astype(_working(images.dtype))
    pixels = jnp.pad(pixels, [(0, 0)] * (images.ndim - 3) + [(border, border)] * 2 + [(0, 0)])
    scale = np.array([size / (bottom - top), size / (right - left)], pixels.dtype)
    shift = -scale * np.array([top, left], pixels.dtype)
    axes = (images.ndim - 3, images.ndim - 2)
    shape = (*images.shape[:-3], size, size, 3)
    return _back(jax.image.scale_and_translate(pixels, shape, axes, scale, shift, "linear"), images.dtype)


def fit(picture: np.ndarray, *, crop, size: int = 112, landmarks=None, template=None) -> np.ndarray:
    """One decoded picture brought into a crop on the host, whatever its size, without compiling anything.

    With landmarks: `align` to the template. Without: a picture "already in this crop" is resized, one in the
    "celeba_hq" crop is cut by `crop_celeba_hq`. All within 1 grey level of those functions.

    Args:
      picture: uint8 [H, W, 3].
      crop: a crop template (name or points [5, 2]), or "celeba_hq".
      size: height and width of the result in pixels.
      landmarks: [5, 2] in pixels of `picture`, or None.
      template: with "celeba_hq" only: the crop template to bring it into, "arcface" if None.
    Returns:
      uint8 [size, size, 3].
    Raises:
      PictureError: landmarks that cannot be right, or a picture that is not square and comes without landmarks.
    """
    check(picture, rank=3)
    fixed = isinstance(crop, str) and crop == "celeba_hq"
    if template is not None and not fixed:
        raise ValueError(f"saw crop {crop!r} and template {template!r}, wanted a template with crop 'celeba_hq' only")
    target = ("arcface" if template is None else template) if fixed else crop
    points = template_points(target, size)
    height, width = picture.shape[:2]
    if landmarks is not None:
        landmarks = np.asarray(landmarks, np.float64)
        _check_landmarks(landmarks, height, width)
        slope, shift = _to_picture(landmarks.reshape(5, 2) @ (1, 1j), points @ (1, 1j))
        # Pillow counts from pixel edges, and continues the outermost pixels where cv2 fades to black: hence the border.
        shift += 1.5 + 1.5j - slope * (0.5 + 0.5j)
        affine = (slope.real, -slope.imag, shift.real, slope.imag, slope.real, shift.imag)
        bordered = Image.fromarray(np.pad(picture, [(1, 1), (1, 1), (0, 0)]))
        return np.array(bordered.transform((size, size), Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR))
    if height != width:
        raise PictureError(f"{width} x {height} pixels, wanted a square: give landmarks, or cut it to a known crop")
    border, box = _celeba_hq_pixels(width, target, size) if fixed else (0, None)
    bordered = Image.fromarray(np.pad(picture, [(border, border), (border, border), (0, 0)]))
    return np.array(bordered.resize((size, size), Image.Resampling.BILINEAR, box))
