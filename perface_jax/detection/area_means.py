"""Resizing by averaging over areas, many windows of one picture at a time.

A summed-area table gives the sum over any window from four of its entries. The cost therefore depends on the number of
output pixels, not on the number of averaged ones: a pyramid costs as much as its levels have pixels.
"""

import numpy as np
from jaxtyping import Float32, Int, UInt8, UInt32


def summed_area_table(picture: UInt8[np.ndarray, "h w 3"]) -> UInt32[np.ndarray, "h+1 w+1 3"]:
    """Sums over all windows that begin in the upper left corner, modulo 2^32; 12 bytes per pixel."""
    height, width, _ = picture.shape
    table = np.zeros((height + 1, width + 1, 3), np.uint32)
    np.cumsum(picture, axis=0, dtype=np.uint32, out=table[1:, 1:])
    np.cumsum(table[1:, 1:], axis=1, out=table[1:, 1:])
    return table


def area_means(
    table: UInt32[np.ndarray, "hh ww 3"], windows: Int[np.ndarray, "n 4"], size: tuple[int, int]
) -> Float32[np.ndarray, "n height width 3"]:
    """Windows (left, top, right, bottom; right and bottom not included) of a picture resized to `size`, 0 to 255.

    Outside of the picture everything is black. Along a length L, pixel i of n is the mean over floor(i L / n) to
    ceil((i + 1) L / n); neighbors may share a row, as in PyTorch's `interpolate(mode="area")`. Exact for means of up
    to 2^24 pixels, because differences modulo 2^32 are then right.
    """
    (left, right), (top, bottom) = (_spans(windows[:, i], windows[:, i + 2], size[1 - i]) for i in (0, 1))
    sums = _at(table, bottom, right) - _at(table, top, right) - _at(table, bottom, left) + _at(table, top, left)
    counts = (bottom - top)[:, :, None] * (right - left)[:, None, :]
    return (sums / counts[..., None]).astype(np.float32)


def _spans(first, end, count):
    """First and end of the pixels averaged for each of `count` new pixels, [n, count]."""
    places, lengths = np.arange(count), (end - first)[:, None]
    return first[:, None] + places * lengths // count, first[:, None] - (-(places + 1) * lengths // count)


def _at(table, rows, columns):
    """Entries; those beyond the table repeat its edge, which adds nothing to a sum."""
    rows, columns = (np.clip(at, 0, length - 1) for at, length in zip((rows, columns), table.shape, strict=False))
    return table[rows[:, :, None], columns[:, None, :]]
