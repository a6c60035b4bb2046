"""A contact sheet of photographs with the boxes and points of the faces found in them.

Raises:
  ValueError: nothing to draw, pictures that are not [H, W, 3].
  TypeError: pictures that are not uint8.
"""

from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from perface_jax.figures import style
from perface_jax.figures.arguments import some
from perface_jax.figures.sheets import draw_page, draw_picture

COLUMNS = 5


class Photograph(NamedTuple):
    """A photograph of `photographs`; coordinates are pixels of `picture`, which may be a small copy."""

    name: str
    picture: UInt8[np.ndarray, "h w 3"]
    boxes: Float[np.ndarray, "faces 4"]  # left, top, right, bottom
    points: Float[np.ndarray, "faces points 2"]


def photographs(pictures: Sequence[Photograph]) -> Figure:
    """Five photographs a row, with a box around each face and its points; below each, its name and how many faces."""
    some("pictures", pictures)
    pitch, row = 1.06, 1.28
    panel = draw_page(COLUMNS * pitch, -(-len(pictures) // COLUMNS) * row)
    for number, one in enumerate(pictures):
        left, top = number % COLUMNS * pitch, number // COLUMNS * row
        draw_picture(panel, one.picture, left, top, f"the photograph {one.name!r}")
        _faces(panel, one, left, top)
        count = f"{len(one.boxes)} face{'s' * (len(one.boxes) != 1)}" if len(one.boxes) else "no face"
        color = style.BLACK if len(one.boxes) else style.VERMILION
        text = f"{style.shortened(one.name, 22)}\n{count}"
        panel.text(left + 0.5, top + 1.02, text, ha="center", va="top", fontsize=style.TEXT, color=color)
    return cast(Figure, panel.figure)


def _faces(panel, one, left, top):
    height, width = one.picture.shape[:2]
    scale = 1 / max(height, width)
    # Pixel centers lie at integers, so the edge of the first pixel is at -0.5.
    corner = np.array([left + (1 - width * scale) / 2, top + (1 - height * scale) / 2]) + 0.5 * scale
    for box, points in zip(one.boxes, one.points, strict=True):
        near, far = corner + scale * np.asarray(box).reshape(2, 2)
        frame = Rectangle(tuple(near), *(far - near), fill=False, edgecolor=style.BLUE, linewidth=1.2)
        panel.add_patch(frame).set_clip_on(True)
        panel.plot(*(corner + scale * np.asarray(points)).T, ".", color=style.ORANGE, markersize=2)
