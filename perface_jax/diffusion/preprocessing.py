"""Pictures of any size to what the networks take, on the host; as the original code and CLIP's own processor do.

Known difference: of a picture in which every channel is 0 or 255, the original makes a nearly black one by mistake.
"""

import numpy as np
from jaxtyping import Float, Float32, UInt8
from PIL import Image

from perface_jax.images import check

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)  # of CLIP's pictures


def resized(picture: UInt8[np.ndarray, "h w 3"], size: int) -> UInt8[np.ndarray, "{size} {size} 3"]:
    """A square of `size` pixels; the aspect ratio is not kept. By Pillow's Lanczos filter."""
    check(picture, rank=3)
    return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.LANCZOS))


def for_vae(pictures: UInt8[np.ndarray, "*n h w 3"]) -> Float32[np.ndarray, "*n h w 3"]:
    """To -1..1."""
    return 2 * (pictures.astype(np.float32) / np.float32(255)) - 1


def for_encoder(picture: UInt8[np.ndarray, "h w 3"], size: int = 224) -> Float32[np.ndarray, "{size} {size} 3"]:
    """What the image encoder takes, from a `resized` picture: the middle, by Pillow's bicubic filter, standardized."""
    height, width = picture.shape[:2]
    short = min(height, width)
    scaled = (size if width == short else size * width // short, size if height == short else size * height // short)
    pixels = np.asarray(Image.fromarray(picture).resize(scaled, Image.Resampling.BICUBIC))
    top, left = (pixels.shape[0] - size) // 2, (pixels.shape[1] - size) // 2
    cropped = pixels[top : top + size, left : left + size].astype(np.float32) * np.float32(1 / 255)
    return (cropped - np.asarray(MEAN, np.float32)) / np.asarray(STD, np.float32)


def to_uint8(pictures: Float[np.ndarray, "*n h w 3"]) -> UInt8[np.ndarray, "*n h w 3"]:
    """From -1..1, clipped and rounded."""
    return np.rint(255 * np.clip(np.asarray(pictures) / 2 + 0.5, 0, 1)).astype(np.uint8)
