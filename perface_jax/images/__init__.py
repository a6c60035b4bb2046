"""Everything that touches pixels: decode, check, resize, crop, align, flip, normalize.

The contract, here and everywhere else: pictures are uint8 RGB [..., H, W, 3]. BGR cannot be told from RGB by its
numbers, so convert OpenCV's pictures first: `picture[..., ::-1]`.
Points are (x, y) in pixels, pixel centers at integers, x to the right, y down. Left means left in the picture.
Five landmarks: left eye, right eye, nose tip, left mouth corner, right mouth corner.

`read`, `decode` and `fit` run on the host, with Pillow; they are thread-safe and take pictures of any size. The other
functions are pure JAX: they run under jit, vmap and grad (template and size static) and compile once per picture size.
Functions that compute new pixels also take floating pictures, on any scale, and keep the dtype; uint8 results are
rounded.
Color profiles are not applied.
"""

import warnings

from perface_jax.images.crops import (
    TEMPLATES,
    Template,
    align,
    celeba_hq_box,
    celeba_hq_square,
    crop_celeba_hq,
    fit,
    similarity_transform,
    template_points,
)
from perface_jax.images.decoding import (
    MAX_BYTES,
    MAX_PIXELS,
    TURNS,
    PictureError,
    decode,
    read,
    read_as,
)
from perface_jax.images.folders import PASSED_OVER, Listing, list_pictures, picture_names
from perface_jax.images.formats import FORMATS, OTHER_SUFFIXES, SUFFIXES, stem
from perface_jax.images.landmark_frame import misplaced_in_frame, refuse_misplaced
from perface_jax.images.pixels import check, flip, normalize, resize
from perface_jax.images.reasons import count_reasons, reason_of


def __getattr__(name: str):
    if name != "normalise":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warnings.warn("images.normalise is now images.normalize; the old name goes next version", DeprecationWarning, 2)
    return normalize


__all__ = [
    "FORMATS",
    "Listing",
    "MAX_BYTES",
    "MAX_PIXELS",
    "OTHER_SUFFIXES",
    "PASSED_OVER",
    "PictureError",
    "SUFFIXES",
    "TEMPLATES",
    "TURNS",
    "Template",
    "align",
    "celeba_hq_box",
    "celeba_hq_square",
    "check",
    "count_reasons",
    "crop_celeba_hq",
    "decode",
    "fit",
    "flip",
    "list_pictures",
    "misplaced_in_frame",
    "normalize",
    "picture_names",
    "read",
    "read_as",
    "reason_of",
    "refuse_misplaced",
    "resize",
    "similarity_transform",
    "stem",
    "template_points",
]
