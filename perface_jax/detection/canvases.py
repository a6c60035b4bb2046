"""Cuts the levels of a pyramid into pieces and lays them out on canvases of one size: one program serves all pictures.

A cell of P-Net sees 12 x 12 pixels, and neighboring cells are 2 pixels apart. Pieces of a level therefore overlap by 10
pixels, and begin at even pixels of the level and of the canvas. No cell is lost, and each sees its own piece only.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32

from perface_jax.detection.networks import FIELD, STRIDE

SIDE = 256  # pixels; even
_CELLS = (SIDE - FIELD) // STRIDE + 1  # a side of a canvas
_STEP = _CELLS * STRIDE


class Piece(NamedTuple):
    """A rectangle of a level and its place on a canvas; places and lengths are (down, right) in pixels."""

    level: int
    start: tuple[int, int]  # in the level
    length: tuple[int, int]
    canvas: int
    place: tuple[int, int]  # on the canvas

    def target(self) -> tuple[slice, slice]:
        """The slices of this piece's cells in the results [rows, columns] of its level."""
        return _cells(self.start, self.length)

    def cells(self) -> tuple[slice, slice, slice]:
        """The slices of this piece's cells in the results [canvases, rows, columns]."""
        return slice(self.canvas, self.canvas + 1), *_cells(self.place, self.length)


def _cells(start, length) -> tuple[slice, slice]:
    rows, columns = (slice(at // STRIDE, at // STRIDE + cells(many)) for at, many in zip(start, length, strict=True))
    return rows, columns


def cells(length: int) -> int:
    """How many cells P-Net has along `length` pixels; its max-pool treats a last odd row as a cell."""
    return max(0, (length - FIELD + 1) // STRIDE + 1)


def lay_out(sizes: Sequence[tuple[int, int]]) -> list[Piece]:
    """Where to place levels of these heights and widths: on shelves, the tallest pieces first."""
    cut = [(-height, -width, level, top, left) for level, size in enumerate(sizes)
           for top, height in _cut(size[0]) for left, width in _cut(size[1])]  # fmt: skip
    pieces, canvas, top, left, shelf = [], 0, 0, 0, 0
    for height, width, level, *start in sorted(cut):
        height, width = -height, -width
        if left + width > SIDE:
            top, left, shelf = top + shelf, 0, 0
        if top + height > SIDE:
            canvas, top, left, shelf = canvas + 1, 0, 0, 0
        pieces.append(Piece(level, (start[0], start[1]), (height, width), canvas, (top, left)))
        left, shelf = left + width + width % 2, max(shelf, height + height % 2)
    return pieces


def draw(
    levels: Sequence[Float32[np.ndarray, "_ _ 3"]], pieces: Sequence[Piece]
) -> tuple[Float32[np.ndarray, "n side side 3"], Bool[np.ndarray, "n side side"]]:
    """The canvases with all pieces, and where on them the first 3 x 3 convolution sees only one piece."""
    canvases = np.zeros((1 + max(piece.canvas for piece in pieces), SIDE, SIDE, 3), np.float32)
    where = np.zeros(canvases.shape[:3], bool)
    for level, start, length, canvas, place in pieces:
        source = tuple(slice(one, one + many) for one, many in zip(start, length, strict=True))
        target = tuple(slice(one, one + many) for one, many in zip(place, length, strict=True))
        inner = tuple(slice(one, one + many - 2) for one, many in zip(place, length, strict=True))
        canvases[canvas, *target] = levels[level][source]
        where[canvas, *inner] = True
    return canvases, where


def _cut(length: int) -> list[tuple[int, int]]:
    """Start and length of pieces that cover a length."""
    starts = range(0, cells(length) * STRIDE, _STEP)
    return [(start, min(SIDE, length - start)) for start in starts]
