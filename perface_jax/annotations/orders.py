"""Grid orders: which row of a file holds the triplet of a source and a target, and how to move a misplaced column.

SimCelebA is a grid: every source triplet S (0 .. sources-1) is swapped onto every target T (0 .. targets-1). A file of
sources * targets rows is this grid written in SOME order, and files made at different times may use different ones. An
order is an integer array over the cells of the grid, cells counted along the sources first:

    order[sources * T + S] = row of the file that holds source S on target T

    target_major        sources * T + S                                       all sources of one target, then the next
    source_major        targets * S + T                                       all targets of one source, then the next
    group_major         block*targets*(S//block) + block*T + S%block          as target_major, within groups of sources
    target_group_major  block*sources*(T//block) + block*S + T%block          as source_major, within groups of targets

The released SimCelebA answers are the reason for this file: ans1 and ans2 are group-major in groups of ten, ans3 is
target-major. The repair fixed[800*(S//10) + 10*T + S%10] = ans3[80*T + S] is written here as

    votes = reorder(votes, "ans3", order_change(grid_order("target_major", 80, 80), grid_order("group_major", 80, 80)))
"""

import dataclasses
import enum
import math

import numpy as np
from jaxtyping import Int, Int64
from numpy.typing import ArrayLike

from perface_jax.annotations.votes import Votes


class Kind(enum.StrEnum):
    """The nesting of a grid order; the module docstring has the formulas."""

    TARGET_MAJOR = "target_major"
    SOURCE_MAJOR = "source_major"
    GROUP_MAJOR = "group_major"
    TARGET_GROUP_MAJOR = "target_group_major"

    @classmethod
    def _missing_(cls, value):
        raise ValueError(f"no grid order '{value}'; choose one of {', '.join(cls)}")


@dataclasses.dataclass(frozen=True)
class GridOrder:
    """A named order of the rows of a grid.

    Attributes:
      block: number of sources (group_major) or targets (target_group_major) in a group; ignored by the other kinds.
      shift: number of rows by which the whole file is moved down, cyclically.
    """

    kind: Kind
    sources: int
    targets: int
    block: int = 10
    shift: int = 0

    def __post_init__(self):
        object.__setattr__(self, "kind", Kind(self.kind))
        if self.sources < 1 or self.targets < 1:
            raise ValueError(f"a grid needs sources and targets, got {self.sources} x {self.targets}")
        grouped = {Kind.GROUP_MAJOR: self.sources, Kind.TARGET_GROUP_MAJOR: self.targets}.get(self.kind)
        if grouped is not None and (self.block < 1 or grouped % self.block):
            raise ValueError(f"{self.kind}: groups of {self.block} do not divide {grouped}; choose a divisor as block")

    def positions(self) -> Int64[np.ndarray, " rows"]:
        """The row of each cell, cells counted along the sources first."""
        source, target = np.arange(self.sources)[None, :], np.arange(self.targets)[:, None]
        block = self.block
        match self.kind:
            case Kind.TARGET_MAJOR:
                row = self.sources * target + source
            case Kind.SOURCE_MAJOR:
                row = self.targets * source + target
            case Kind.GROUP_MAJOR:
                row = block * self.targets * (source // block) + block * target + source % block
            case Kind.TARGET_GROUP_MAJOR:
                row = block * self.sources * (target // block) + block * source + target % block
        return (row.reshape(-1) + self.shift) % (self.sources * self.targets)

    def words(self) -> str:
        """The order in words."""
        groups = {
            Kind.GROUP_MAJOR: f" in groups of {self.block} sources",
            Kind.TARGET_GROUP_MAJOR: f" in groups of {self.block} targets",
        }.get(self.kind, "")
        moved = f", {abs(self.shift)} rows {'down' if self.shift > 0 else 'up'}" if self.shift else ""
        return str(self.kind).replace("_", "-") + groups + moved

    def call(self) -> str:
        """The order as the call of `grid_order` that makes it."""
        block = f", block={self.block}" if self.kind in (Kind.GROUP_MAJOR, Kind.TARGET_GROUP_MAJOR) else ""
        shift = f", shift={self.shift}" if self.shift else ""
        return f'grid_order("{self.kind}", {self.sources}, {self.targets}{block}{shift})'


@dataclasses.dataclass(frozen=True)
class OrderChange:
    """The change from a column's order to the wanted one; NumPy sees it as the array of `order_change`."""

    seen: GridOrder
    wanted: GridOrder

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return order_change(self.seen.positions(), self.wanted.positions()).astype(dtype or np.int64)

    def __str__(self) -> str:
        return f"{self.seen.words()}, wanted {self.wanted.words()}"

    def call(self) -> str:
        """The change as the call of `order_change` that makes it."""
        return f"order_change({self.seen.call()}, {self.wanted.call()})"


def grid_order(
    kind: Kind | str, sources: int, targets: int, *, block: int = 10, shift: int = 0
) -> Int64[np.ndarray, " rows"]:
    """The row of every cell of a grid in a named order, a permutation: `order[sources * T + S]` = row of S on T.

    Arguments are those of `GridOrder`. ValueError if the kind is unknown or the groups do not divide the grid.
    """
    return GridOrder(Kind(kind), sources, targets, block, shift).positions()


def grid_orders(sources: int, targets: int) -> tuple[GridOrder, ...]:
    """All named orders of a grid, without shifts: the plain ones, and the grouped ones with every block that divides.

    Orders that give the same rows appear once, under the first name.
    """
    orders = [GridOrder(kind, sources, targets) for kind in (Kind.TARGET_MAJOR, Kind.SOURCE_MAJOR)]
    for kind, size in ((Kind.GROUP_MAJOR, sources), (Kind.TARGET_GROUP_MAJOR, targets)):
        blocks = (block for block in range(2, size) if size % block == 0)  # groups of 1 and of all are the plain orders
        orders += [GridOrder(kind, sources, targets, block) for block in blocks]
    by_rows = {}
    for order in orders:
        by_rows.setdefault(order.positions().tobytes(), order)
    return tuple(by_rows.values())


def square_grid(triplets: int) -> tuple[int, int]:
    """(sources, targets) of a square grid with this many triplets; ValueError if there is none."""
    side = math.isqrt(triplets)
    if side * side != triplets:
        raise ValueError(f"{triplets} triplets are not a square grid; give the numbers of sources and targets")
    return side, side


def cells(
    kind: Kind | str, sources: int, targets: int, *, block: int = 10, shift: int = 0
) -> tuple[Int64[np.ndarray, " rows"], Int64[np.ndarray, " rows"]]:
    """(source_id, target_id) of every triplet, by its number, for a named order; arguments as for `grid_order`."""
    cell_of_row = np.argsort(grid_order(kind, sources, targets, block=block, shift=shift))
    return cell_of_row % sources, cell_of_row // sources


def order_change(seen: Int[np.ndarray, " _"], wanted: Int[np.ndarray, " _"]) -> Int64[np.ndarray, " rows"]:
    """The rows to which `reorder` must move a column from one order to another: `change[seen[cell]] = wanted[cell]`.

    Both are orders as `grid_order` returns them; ValueError unless they are permutations of the same grid.
    """
    seen, wanted = _permutation(seen, "seen"), _permutation(wanted, "wanted")
    if len(seen) != len(wanted):
        raise ValueError(f"both orders must be of one grid, got {len(seen)} and {len(wanted)} cells")
    return wanted[np.argsort(seen)]


def reorder(votes: Votes, column: str, order: ArrayLike) -> Votes:
    """Move the votes of one column to other rows: `out[order[i]] = votes[i]`, where i is the number of the triplet.

    The other columns are unchanged, and so is `votes`: the result is a new object. `order` comes from `order_change` or
    an alarm of the audit; ValueError if it is not a permutation of the rows, or the column is unknown.
    """
    if column not in votes.columns:
        known = ", ".join(votes.columns) or "none; only the form tripletId,ans1,... has columns"
        raise ValueError(f"no column '{column}' to reorder; the columns are: {known}")
    order, places = _permutation(order, "order"), votes.places()
    if len(order) != len(places):
        raise ValueError(f"the order has {len(order)} entries, the file {len(places)} rows")
    k, moved = votes.columns.index(column), np.array(votes.votes)
    moved[np.argsort(places)[order[places]], k] = votes.votes[:, k]
    return dataclasses.replace(votes, votes=moved)


def _permutation(order, name: str) -> np.ndarray:
    order = np.asarray(order)
    if order.ndim != 1 or not np.array_equal(np.sort(order), np.arange(order.size)):
        raise ValueError(f"{name} must hold every row from 0 to {max(order.size - 1, 0)} once, got shape {order.shape}")
    return order.astype(np.int64)
