"""Checking pictures, and operations on whole pictures: normalize, mirror, resize."""

from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import DTypeLike
from jaxtyping import Float, Shaped

from perface_jax.arrays import AnyArray, Array, Pixels

_AnyArray = TypeVar("_AnyArray", np.ndarray, Array)


def check(
    images: Pixels[AnyArray, "*batch h w 3"],
    *,
    size: int | None = None,
    rank: int | None = None,
    floating: bool = False,
) -> None:
    """Raise unless `images` are uint8 RGB pictures; the error says what was seen, what was wanted and what to do.

    The height and width must be `size` pixels (None: any), with `rank` axes (None: 3 or more). Works on traced arrays.

    Raises:
      TypeError: not an array, or of another dtype; `floating` allows floating arrays too.
      ValueError: another shape.
    """
    leading = "..., " if rank is None else "N, " * (rank - 3)
    wanted = f"uint8{' or floating' * floating} RGB [{leading}{size or 'H'}, {size or 'W'}, 3]"
    if not isinstance(images, np.ndarray | jax.Array):
        raise TypeError(f"saw {type(images).__name__}, wanted {wanted}: numpy.stack makes one array of equal pictures")
    shape, is_floating = images.shape, jnp.issubdtype(images.dtype, jnp.floating)
    if images.dtype != np.uint8 and not (floating and is_floating):
        seen, advice = _range(images) if is_floating else ("", "")
        raise TypeError(f"saw {images.dtype}{seen}, wanted {wanted}: numpy.rint(x).astype(numpy.uint8){advice}")
    if len(shape) >= max(3, rank or 3) and shape[-1] != 3 and shape[-3] == 3:
        advice = "channels come last, numpy.moveaxis(images, -3, -1)"
    elif len(shape) < 3 or rank not in (None, len(shape)):
        advice = "images[None] adds an axis; gray needs three equal channels, numpy.stack([gray] * 3, -1)"
    elif shape[-1] != 3:
        advices = {1: "numpy.repeat(images, 3, -1) repeats gray", 4: "images[..., :3] drops the alpha channel"}
        advice = advices.get(shape[-1], "the last axis holds red, green and blue")
    elif size and shape[-3:-1] != (size, size):
        advice = f"images.resize(images, {size}) if the crop is right already, else images.align"
    elif 0 in shape[-3:-1]:
        advice = "a picture without pixels"
    else:
        return
    raise ValueError(f"saw shape {list(shape)}, wanted {wanted}: {advice}")


def _range(images) -> tuple[str, str]:
    """The range of a floating array in words, and, where it is not 0 to 255, what to do about it."""
    if isinstance(images, Tracer) or not images.size:
        return "", ""
    with jax.ensure_compile_time_eval():  # under jit, JAX would trace these of known pictures, too
        low, high = float(images.min()), float(images.max())
    seen = f" from {low:.4g} to {high:.4g}"
    if low >= 0 and 0 < high <= 1:
        return seen, ", but it looks like 0..1: first x = 255 * x"
    if -1 <= low < 0 and high <= 1:
        return seen, ", but it looks like -1..1: first x = 127.5 * x + 127.5"
    # Half a gray level of slack, for resizing overshoots. NaN fails here too.
    return seen, "" if low >= -0.5 and high <= 255.5 else ", but pixels run from 0 to 255"


def normalize(
    images: Pixels[AnyArray, "*batch h w 3"], *, dtype: DTypeLike = jnp.float32
) -> Float[Array, "*batch h w 3"]:
    """(x - 127.5) / 127.5, between -1 and 1: the input of every model here.

    Floating pictures, for gradients with respect to pixels, are also from 0 to 255.

    Raises:
      ValueError: floating values on another scale; under jit values cannot be checked.
    """
    check(images, floating=True)
    seen, advice = _range(images) if images.dtype != np.uint8 else ("", "")
    if advice:
        raise ValueError(f"saw {images.dtype}{seen}, wanted uint8, or floating from 0 to 255{advice}")
    return (jnp.asarray(images).astype(dtype) - 127.5) / 127.5


def flip(images: Shaped[_AnyArray, "*batch h w c"]) -> Shaped[_AnyArray, "*batch h w c"]:
    """Left and right exchanged. A NumPy array stays one."""
    return images[..., ::-1, :]


def resize(
    images: Pixels[AnyArray, "*batch h w 3"], size: int | tuple[int, int]
) -> Pixels[Array, "*batch height width 3"]:
    """Bilinear resizing, anti-aliased when shrinking: Pillow's BILINEAR within 1 gray level.

    Shows the same crop; if `size` (height and width in pixels) has other proportions, the picture is stretched.
    """
    check(images, floating=True)
    images = jnp.asarray(images)
    wanted = np.broadcast_to(size, 2)
    if wanted.dtype.kind not in "iu" or wanted.min() < 1:
        raise ValueError(f"saw size {size!r}, wanted one or two whole numbers of pixels, at least 1")
    shape = (*images.shape[:-3], *wanted.tolist(), 3)
    return in_dtype(jax.image.resize(images.astype(working_dtype(images.dtype)), shape, "linear"), images.dtype)


def working_dtype(dtype: DTypeLike) -> DTypeLike:
    """The dtype for coordinates: half precision cannot distinguish neighboring pixels."""
    return dtype if jnp.issubdtype(dtype, jnp.floating) and jnp.finfo(dtype).bits > 32 else jnp.float32


def in_dtype(pixels: Float[Array, "*shape"], dtype: DTypeLike) -> Pixels[Array, "*shape"]:
    """Cast the result back to the caller's dtype; uint8 is rounded and clipped."""
    return (jnp.clip(jnp.round(pixels), 0, 255) if dtype == jnp.uint8 else pixels).astype(dtype)
