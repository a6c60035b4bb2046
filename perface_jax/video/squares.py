"""A face cut out of a frame and put back with another face, or covered.

The square is that of `diffusion.photographs`: upright, four distances of the pupils wide.
"""

import numpy as np
from jaxtyping import Float, Num, UInt8
from PIL import Image, ImageFilter

from perface_jax.diffusion import photographs
from perface_jax.diffusion.photographs import Cut
from perface_jax.swap import Face

MARGIN = 0.25  # of the sides of a box that is covered, on every side
CLOSED = 5  # pixels: holes of this size in what a swap changed are filled

Picture = UInt8[np.ndarray, "h w 3"]


def cut(picture: Picture, points: Num[np.ndarray, "p 2"], *, size: int) -> tuple[Face, Cut]:
    """The face at these landmarks in a square of `size` pixels, with its landmarks there; and the cut, to put it back.

    Raises:
      ValueError: landmarks that are not finite, or all at one place.
    """
    points = np.asarray(points, np.float64)
    if not np.isfinite(points).all() or np.ptp(points, axis=0).max() < 1:
        raise ValueError("saw landmarks that are not finite or within one pixel, wanted those of a face")
    found = photographs.cut(picture, points, size=size)
    inside = points @ found.matrix[:, :2].T + found.matrix[:, 2]
    return Face(found.image, inside.astype(np.float32)), found


def put_back(picture: Picture, before: Cut, image: UInt8[np.ndarray, "s s 3"]) -> Picture:
    """The picture with another image in the place of a cut. Where the image is that of the cut, nothing changes."""
    changed = (image != before.image).any(-1)
    if not changed.any():
        return picture
    mask = Image.fromarray((255 * changed).astype(np.uint8))
    mask = mask.filter(ImageFilter.MaxFilter(CLOSED)).filter(ImageFilter.MinFilter(CLOSED))
    return photographs.paste(picture, before._replace(image=image), where=np.asarray(mask))


def cover(picture: Picture, box: Float[np.ndarray, "4"]) -> Picture:
    """The picture with a black box over a face and some of what is around it."""
    box = np.asarray(box, np.float64)
    margin = MARGIN * np.tile(box[2:] - box[:2], 2) * (-1, -1, 1, 1)
    left, top, right, bottom = np.rint(box + margin).astype(int)
    covered = picture.copy()
    covered[max(top, 0) : max(bottom + 1, 0), max(left, 0) : max(right + 1, 0)] = 0
    return covered
