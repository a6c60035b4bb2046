"""All ways in which a column of votes can be in another row order of its grid, for `order_search`."""

import dataclasses
import functools

import numpy as np
from jaxtyping import Float, Int, Int32

from perface_jax.annotations.orders import GridOrder, grid_orders

MOST_ROWS = 10_000  # used to compare moves


@dataclasses.dataclass(frozen=True, eq=False)
class Family:
    """All different moves of a column in one grid.

    Attributes:
      positions: the row of each cell, by named order; here cells are counted along the targets first.
      cells: the cell of each row, the inverse.
      meanings: for each move, the pairs (seen, index of the wanted order) that produce it. The identity is left out.
    """

    orders: tuple[GridOrder, ...]
    positions: Int32[np.ndarray, "orders rows"]
    cells: Int32[np.ndarray, "orders rows"]
    meanings: tuple[tuple[tuple[GridOrder, int], ...], ...]

    def move(self, seen: GridOrder, wanted: int, rows: Int[np.ndarray, " r"]) -> Int[np.ndarray, " r"]:
        """The places to which the change from one order to another moves these rows."""
        if seen.shift:
            return (rows - seen.shift) % self.positions.shape[1]
        return self.positions[wanted][self.cells[self.orders.index(seen)][rows]]


@functools.lru_cache(maxsize=2)
def family(sources: int, targets: int) -> Family:
    """The family of a grid; for 80 x 80, 212 different moves, many of which have several meanings.

    With more than 10,000 rows, moves are compared on a random sample of 10,000 rows.
    """
    orders, size = grid_orders(sources, targets), sources * targets
    rows_of = [order.positions().reshape(targets, sources).T.reshape(-1) for order in orders]
    positions = np.array(rows_of, np.int32)
    cells = np.empty_like(positions)
    np.put_along_axis(cells, positions, np.arange(size, dtype=np.int32)[None], axis=1)
    known = Family(orders, positions, cells, ())
    runs = {a * b for a in _divisors(sources) for b in _divisors(targets)} | set(range(1, 11))
    shifts = [sign * run for run in sorted(runs) for sign in (1, -1) if run <= size // 2]
    rows = np.arange(size) if size <= MOST_ROWS else np.random.default_rng(0).integers(0, size, MOST_ROWS)
    meanings = {}
    for i, wanted in enumerate(orders):
        for seen in (*orders, *(dataclasses.replace(wanted, shift=shift) for shift in shifts)):
            meanings.setdefault(known.move(seen, i, rows).astype(np.int32).tobytes(), []).append((seen, i))
    meanings.pop(rows.astype(np.int32).tobytes(), None)
    return dataclasses.replace(known, meanings=tuple(map(tuple, meanings.values())))


def variance_of_sources(mean_vote: Float[np.ndarray, " rows"], known: Family, sources: int) -> list[float]:
    """The variance of the mean vote between sources, under each named order."""
    return [float(mean_vote[rows].reshape(sources, -1).mean(axis=1).var()) for rows in known.positions]


def _divisors(n: int) -> list[int]:
    return [d for d in range(1, n + 1) if n % d == 0]
