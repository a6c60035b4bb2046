"""Levels cut into pieces, laid out on canvases, and put together again."""

import numpy as np
import pytest

from perface_jax.detection import canvases
from perface_jax.detection.canvases import SIDE

SIZES = [(300, 700), (213, 497), (151, 353), (13, 26), (257, 12), (12, 12)]


def test_p_net_has_a_cell_for_every_two_pixels_after_the_first_twelve():
    assert [canvases.cells(length) for length in (9, 10, 11, 12, 13, 14, 15, 256)] == [0, 0, 1, 1, 2, 2, 3, 123]


def test_pieces_cover_every_cell_once_and_never_meet():
    pieces = canvases.lay_out(SIZES)
    covered = [np.zeros([canvases.cells(length) for length in size], int) for size in SIZES]
    used = np.zeros((1 + max(piece.canvas for piece in pieces), SIDE, SIDE), int)
    for piece in pieces:
        covered[piece.level][piece.target()] += 1
        (top, left), (height, width) = piece.place, piece.length
        assert top % 2 == left % 2 == 0
        assert max(top + height, left + width) <= SIDE
        used[piece.canvas, top : top + height, left : left + width] += 1
    assert all((counts == 1).all() for counts in covered)
    assert used.max() == 1


def test_a_level_comes_back_from_its_canvases():
    # A stand-in for P-Net: each cell sums what it sees of a piece, in the places where the convolution counts.
    random = np.random.default_rng(0)
    levels = [random.random((*size, 3)).astype(np.float32) for size in SIZES]
    pieces = canvases.lay_out(SIZES)
    pixels, where = canvases.draw(levels, pieces)
    for level, size in zip(levels, SIZES, strict=True):
        number = SIZES.index(size)
        for piece in [piece for piece in pieces if piece.level == number]:
            _, rows, columns = piece.cells()
            target = piece.target()
            for i, j in ((0, 0), (rows.stop - rows.start - 1, columns.stop - columns.start - 1)):
                y, x = 2 * (rows.start + i), 2 * (columns.start + j)
                v, u = 2 * (target[0].start + i), 2 * (target[1].start + j)
                seen = level[v : v + 12, u : u + 12]
                there = pixels[piece.canvas, y : y + seen.shape[0], x : x + seen.shape[1]]
                np.testing.assert_array_equal(there, seen)
                counts = where[piece.canvas, y : y + 10, x : x + 10]
                assert counts[: seen.shape[0] - 2, : seen.shape[1] - 2].all()
                assert not counts[seen.shape[0] - 2 :].any()


@pytest.mark.parametrize("size", [(480, 640), (1080, 1920)])
def test_canvases_are_well_filled(size):
    sizes = [(int(size[0] * 0.6 * 0.709**i + 1), int(size[1] * 0.6 * 0.709**i + 1)) for i in range(8)]
    count = 1 + max(piece.canvas for piece in canvases.lay_out(sizes))
    assert sum(np.prod(size) for size in sizes) > 0.5 * count * SIDE**2
