"""The family of moves of a grid: each once, and as its names say."""

import numpy as np

from perface_jax.annotations import OrderChange
from perface_jax.annotations.order_family import Family, family


def moves_of(known: Family) -> np.ndarray:
    rows = np.arange(known.positions.shape[1])
    return np.array([known.move(*pairs[0], rows) for pairs in known.meanings])


def test_the_family_has_every_block_size_once():
    known = family(12, 8)
    words = [order.words() for order in known.orders]
    assert len(words) == len(set(words)) == 2 + 4 + 2  # blocks 2 3 4 6 of 12 sources, 2 4 of 8 targets
    moves = moves_of(known)
    assert len({move.tobytes() for move in moves}) == len(moves) == len(known.meanings)
    assert not np.any(np.all(moves == np.arange(96), axis=1))


def test_moves_with_several_meanings_count_once():
    """p compares with the best of the family: a move counted twice would change nothing, but the number would lie."""
    known = family(80, 80)
    assert len(known.meanings) == 212
    assert sum(map(len, known.meanings)) == 1386
    assert "212 different moves" in family.__doc__


def test_every_move_agrees_with_each_of_its_meanings():
    known = family(6, 4)
    for move, pairs in zip(moves_of(known), known.meanings, strict=True):
        for seen, wanted in pairs:
            np.testing.assert_array_equal(move, np.asarray(OrderChange(seen, known.orders[wanted])))


def test_a_small_grid_has_a_family_too():
    assert family(1, 1).meanings == ()
    assert len(family(2, 1).meanings) == 1
