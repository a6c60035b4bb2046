"""Is one answer column in a different row order than the others? A search over a family of grid orders.

Votes reveal only the order of a column RELATIVE to the others. For a grid of sources and targets, the family has every
pair of different orders among target-major, source-major, and group-major with every block size that divides the
sources or the targets; and, within one order, shifts of the column by up to ten rows and by every run length of the
grid. A column read in the right order agrees with the others: the score of an order is the column's mean Cohen's kappa
with them, and the gain is that score minus the score as released.

An alarm needs both:
- p <= 0.01, p = (1 + count) / (1 + permutations), where count is the number of random permutations of the column's rows
  whose best gain over the whole family is at least as large;
- an interval of the gain above 0 after the search: sources are resampled, deviations are measured in standard errors of
  their own order, and the 95% quantile of the LARGEST one over the whole family is taken on both sides. The interval
  thus holds for all orders at once, including the best one.
The first condition alone is not enough, because votes are correlated within a source and random permutations are not.
Of 180 simulated columns that agree only by chance, because each has strong opinions of its own on every source, 122
reach p <= 0.01 on a grid of 80 x 80; with both conditions, 4 of these 60 files raise an alarm (24 x 24: 12 of 100).

The column with the largest gain is raised first, and the rest is searched again as if it had been moved, so that one
wrong column does not implicate the others. Two columns cannot show which one is wrong: the second is named.

Shifts are determined only roughly. Only some are in the family, and a source gets similar answers on all targets, so
shifts by whole targets look nearly the same, and small ones raise no alarm. Trying all shifts would not settle it: in
400 simulated files (80 x 80, one column 1, 13, 37 or 90 rows down) the best score was at the true shift in 353.
`repair` therefore refuses an order with a shift. A column in another order and shifted as well is named without its
shift if that is by whole targets, and not found otherwise.

Votes become -1 (a) and +1 (b), so that all orders and permutations are one matrix product; every cell needs a vote.
"""

import dataclasses
import functools
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Int32, Int64

from perface_jax.annotations.lookups import variance_shares
from perface_jax.annotations.orders import GridOrder, OrderChange, grid_orders
from perface_jax.statistics.estimates import Estimate
from perface_jax.statistics.resampling import resample

ALARM = 0.01


class Finding(NamedTuple):
    """The best alternative order of one column.

    Attributes:
      column: its index.
      gain: mean kappa with the others after the change minus before, with its interval after the search.
      p: share of random permutations whose best gain is as large (1 if the gain is not above 0).
    """

    column: int
    change: OrderChange
    gain: Estimate
    p: float

    @property
    def alarm(self) -> bool:
        """Whether the column is in a different order, by the rule of the module docstring."""
        return self.p <= ALARM and self.gain.low > 0


class Family(NamedTuple):
    """All distinct ways to move a column in one grid.

    `positions` are the arrays of the named orders. `moves` are distinct permutations, none of them the identity, and
    `meanings` has for each of them the pairs (seen, index of the wanted order) that amount to it.
    """

    orders: tuple[GridOrder, ...]
    positions: Int64[np.ndarray, "orders rows"]
    moves: Int32[np.ndarray, "moves rows"]
    meanings: tuple[tuple[tuple[GridOrder, int], ...], ...]


@functools.lru_cache(maxsize=4)
def family(sources: int, targets: int) -> Family:
    """The family of a grid; for 80 x 80, 212 different moves, many of which have several meanings."""
    orders = grid_orders(sources, targets)
    runs = {a * b for a in _divisors(sources) for b in _divisors(targets)} | set(range(1, 11))
    shifts = [sign * run for run in sorted(runs) for sign in (1, -1) if run <= sources * targets // 2]
    positions, rows = np.array([order.positions() for order in orders]), np.arange(sources * targets)
    cell_of_row, meanings = np.argsort(positions, axis=1), {}
    for i, wanted in enumerate(orders):
        changes = [(seen, positions[i][cell_of_row[j]]) for j, seen in enumerate(orders)]
        changes += [(dataclasses.replace(wanted, shift=shift), (rows - shift) % len(rows)) for shift in shifts]
        for seen, move in changes:
            meanings.setdefault(move.tobytes(), (move, []))[1].append((seen, i))
    meanings.pop(rows.tobytes(), None)
    moves = np.array([move for move, _ in meanings.values()], dtype=np.int32).reshape(-1, len(rows))
    return Family(orders, positions, moves, tuple(tuple(pairs) for _, pairs in meanings.values()))


def likely_order(mean_vote: Float[np.ndarray, " rows"], sources: int, targets: int) -> GridOrder:
    """The named order under which the source explains most of the variance: a guess, used only to form clusters."""
    known = family(sources, targets)
    return known.orders[int(np.argmax(_source_shares(mean_vote, known, sources)))]


def search_orders(
    votes: Int[np.ndarray, "rows v"],
    sources: int,
    targets: int,
    *,
    seed: int = 0,
    permutations: int = 999,
    resamples: int = 1000,
) -> tuple[list[Finding], list[Finding]]:
    """Search every column for a better row order.

    Args:
      votes: 0 or 1, rows by triplet number, two columns or more.

    Returns:
      (the alarms, in the order in which they were raised; the best alternative order of every other column, after the
      alarmed columns were moved).

    Raises:
      ValueError: too few permutations or resamples for the rule.
    """
    if permutations < 99 or resamples < 100:
        counts = f"{permutations} and {resamples}"
        raise ValueError(f"p <= {ALARM} needs at least 99 permutations and the interval 100 resamples, got {counts}")
    signs = np.where(votes > 0, 1.0, -1.0)
    weights = resample(sources, resamples, seed=seed)
    alarms, wanted, left = [], None, [1] if votes.shape[1] == 2 else list(range(votes.shape[1]))
    while left:
        generator = np.random.default_rng(seed)
        found = [_best_move(signs, c, (sources, targets), wanted, weights, permutations, generator) for c in left]
        best = max(found, key=lambda finding: finding.gain.value)
        if len(alarms) == votes.shape[1] - 1 or not best.alarm:
            return alarms, found
        alarms.append(best)
        wanted = best.change.wanted
        left.remove(best.column)
        signs[np.asarray(best.change), best.column] = signs[:, best.column].copy()
    return alarms, []


def _best_move(signs, column: int, grid, wanted, weights, permutations: int, generator) -> Finding:
    """The best move of one column; if `wanted` is known, only moves into that order are tried."""
    known, own = family(*grid), signs[:, column]
    others = np.delete(signs, column, axis=1)
    shares = _source_shares(others.mean(axis=1), known, grid[0])
    meaning = [max(pairs, key=lambda pair: shares[pair[1]]) for pairs in known.meanings]
    if wanted is not None:
        meaning = [next((m for m in pairs if known.orders[m[1]] == wanted), None) for pairs in known.meanings]
    tried, meant = zip(*((i, m) for i, m in enumerate(meaning) if m is not None), strict=True)
    moves, bases = known.moves[list(tried)], np.array([base for _, base in meant])
    projected = _projected(own, others)
    score = projected[moves] - projected  # [F, rows]; its product with a column is the column's gain under each move
    gains = score @ own
    best = int(np.argmax(gains))
    interval = _interval(own, others, moves, bases, known.positions, grid, weights, best)
    p = _p_value(score, own, gains[best], permutations, generator) if gains[best] > 0 else 1.0
    seen, base = meant[best]
    return Finding(column, OrderChange(seen, known.orders[base]), Estimate(float(gains[best]), *interval), p)


def _projected(own: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The vector [rows] whose product with a column is, up to a constant, the column's mean kappa with the others.

    kappa = (mean(x y) - mean(x) mean(y)) / (1 - mean(x) mean(y)) for votes of -1 and 1: linear in x for a given mean,
    which no reordering changes.
    """
    chance = 1 - own.mean() * others.mean(axis=0)
    weight = np.divide(1, chance, out=np.zeros_like(chance), where=chance > 0)
    return others @ weight / others.size


def _p_value(score, own, gain: float, permutations: int, generator) -> float:
    shuffled = generator.permuted(np.tile(own.astype(np.float32), (permutations, 1)), axis=1)
    best = np.max(score.astype(np.float32) @ shuffled.T, axis=0)
    return (1 + int(np.sum(best >= np.float32(gain)))) / (1 + permutations)


def _interval(own, others, moves, bases, positions, grid, weights, best: int) -> tuple[float, float]:
    """Interval of the gain of one move that holds for all moves simultaneously, sources resampled."""
    moved = np.empty(moves.shape)
    np.put_along_axis(moved, moves, np.broadcast_to(own, moves.shape), axis=1)
    moved = np.take_along_axis(moved, positions[bases], axis=1)  # rows -> cells of the order of the others
    rest = np.moveaxis(others[positions], 2, 1)  # [orders, others, cells]
    before = _resampled_kappa(own[positions], rest, grid, weights)[bases]
    gains = _resampled_kappa(moved, rest[bases], grid, weights) - before
    observed, error = gains[:, 0], np.std(gains[:, 1:], axis=1)
    deviation = np.abs(gains[:, 1:] - observed[:, None]) / np.where(error > 0, error, np.inf)[:, None]
    margin = np.quantile(np.max(deviation, axis=0), 0.95) * error[best]
    return float(observed[best] - margin), float(observed[best] + margin)


def _resampled_kappa(x, y, grid, weights) -> np.ndarray:
    """Mean kappa of x [F, cells] with the columns of y [F, V, cells]: [F, 1 + resamples], without resampling first."""
    sources, targets = grid
    weights = np.concatenate((np.ones((1, sources)), weights))

    def summed(values):
        return values.reshape(*values.shape[:-1], targets, sources).sum(axis=-2) @ weights.T / (sources * targets)

    kappas, mean = [], summed(x)
    for k in range(y.shape[1]):
        chance = mean * summed(y[:, k])
        spread = 1 - chance
        kappas.append(np.divide(summed(x * y[:, k]) - chance, spread, out=np.zeros_like(spread), where=spread > 1e-12))
    return np.mean(kappas, axis=0)


def _source_shares(mean_vote: np.ndarray, known: Family, sources: int) -> list[float]:
    """The share of the variance of the mean vote explained by the source, under each named order."""
    target, source = np.divmod(np.arange(len(mean_vote)), sources)
    return [variance_shares(mean_vote[rows], source, target)["source"] for rows in known.positions]


def _divisors(n: int) -> list[int]:
    return [d for d in range(1, n + 1) if n % d == 0]
