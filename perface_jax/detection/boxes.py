"""Boxes [n, 4] (left, top, right, bottom), and what MTCNN does with them between its networks, in NumPy.

As in the published code, pixels are counted from 1, and a box includes both its left and its right pixel.
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
    """Non-maximum suppression: indices of the boxes that do not overlap a higher-scoring box too much, best first.

    Args:
      overlap: the largest overlap of two kept boxes, as a share of their union, or `of_smaller` of the smaller one.
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
    """The boxes with their edges moved by these shares of their width and height."""
    sides = boxes[:, 2:] - boxes[:, :2] + np.float32(border)
    return boxes + shifts * np.tile(sides, 2)


def square(boxes: Float32[np.ndarray, "n 4"]) -> Float32[np.ndarray, "n 4"]:
    """Squares around the same centers, as large as the longer side."""
    sides = boxes[:, 2:] - boxes[:, :2]
    longer = sides.max(1, keepdims=True)
    near = boxes[:, :2] + np.float32(0.5) * (sides - longer)
    return np.concatenate([near, near + longer], 1)


def windows(boxes: Float32[np.ndarray, "n 4"]) -> Int[np.ndarray, "n 4"]:
    """The boxes as slices: pixels from 0, right and bottom excluded; negative pixels lie outside of the picture."""
    return np.trunc(boxes).astype(int) - (1, 1, 0, 0)
