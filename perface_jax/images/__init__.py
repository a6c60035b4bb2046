"""Everything that touches pixels: decode, check, resize, crop, align, flip, normalize.

The contract, here and everywhere else: pictures are uint8 RGB [..., H, W, 3]. The numbers of BGR look the same and
cannot be told apart, so turn what cv2 has read round first: `picture[..., ::-1]`.
Points are (x, y) in pixels, pixel centers at integers, x to the right, y down. Left is left in the picture.
Five landmarks: left eye, right eye, nose tip, left mouth corner, right mouth corner.

`read`, `decode` and `fit` run on the host, with Pillow; they are safe in threads and meet pictures of any size.
The other functions of pixels are pure JAX: they run under jit, vmap and grad (template and size static) and compile
once per picture size. Those that make new pixels also take floating pictures, on any scale, and give the same
dtype back; uint8 comes back rounded. Color profiles are not applied.
"""

from perface_jax.images.crops import (
    TEMPLATES,
    Template,
    align,
    celeba_hq_box,
    crop_celeba_hq,
    fit,
    similarity_transform,
    template_points,
)
from perface_jax.images.decoding import (
    FORMATS,
    MAX_BYTES,
    MAX_PIXELS,
    SUFFIXES,
    TURNS,
    PictureError,
    decode,
    read,
    stem,
)
from perface_jax.images.pixels import check, flip, normalize, resize

__all__ = [
    "FORMATS",
    "MAX_BYTES",
    "MAX_PIXELS",
    "PictureError",
    "SUFFIXES",
    "TEMPLATES",
    "TURNS",
    "Template",
    "align",
    "celeba_hq_box",
    "check",
    "crop_celeba_hq",
    "decode",
    "fit",
    "flip",
    "normalize",
    "read",
    "resize",
    "similarity_transform",
    "stem",
    "template_points",
]
