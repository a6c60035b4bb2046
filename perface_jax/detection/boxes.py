"""Boxes [n, 4]: left, top, right, bottom. What MTCNN does with them between its networks, in NumPy.

Pixels are counted from 1 here, as in the published code: a box holds the pixels left to right, both included.
"""

import numpy as np
from jaxtyping import Float, Float32, Int


def keep(
    boxes: Float[np.ndarray, "n 4"],
    scores: Float[np.ndarray, " n"],
    *,
    overlap: float,
    of_smaller: bool = False,
    border: float = 0.0,
) -> Int[np.ndarray, " kept"]:
    """Non-maximum suppression: positions of the boxes that overlap no box of a higher score too much, best first.

    Args:
      overlap: the largest share that two kept boxes may have in common, of their union or `of_smaller` of the two.
      border: added to widths and heights.
    """
    near, far = boxes[:, :2], boxes[:, 2:]
    area = (far - near + border).prod(1)
    left, kept = np.argsort(-scores, kind="stable"), []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        sides = np.minimum(far[best], far[left]) - np.maximum(near[best], near[left]) + border
        common = np.maximum(sides, 0).prod(1)
        whole = np.minimum(area[best], area[left]) if of_smaller else area[best] + area[left] - common
        left = left[~(common > overlap * whole)]
    return np.array(kept, int)


def regress(
    boxes: Float32[np.ndarray, "n 4"], shifts: Float32[np.ndarray, "n 4"], *, border: float = 1.0
) -> Float32[np.ndarray, "n 4"]:
    """The boxes with their edges moved by shares of their width and height."""
    sides = boxes[:, 2:] - boxes[:, :2] + np.float32(border)
    return boxes + shifts * np.tile(sides, 2)


def square(boxes: Float32[np.ndarray, "n 4"]) -> Float32[np.ndarray, "n 4"]:
    """Squares of the longer side around the same centers."""
    sides = boxes[:, 2:] - boxes[:, :2]
    longer = sides.max(1, keepdims=True)
    near = boxes[:, :2] + np.float32(0.5) * (sides - longer)
    return np.concatenate([near, near + longer], 1)


def windows(boxes: Float32[np.ndarray, "n 4"]) -> Int[np.ndarray, "n 4"]:
    """The boxes as slices: pixels from 0, right and bottom not included; negative ones lie outside of the picture."""
    return np.trunc(boxes).astype(int) - (1, 1, 0, 0)
