"""Is one answer column in a different row order than the others? A search over a family of grid orders.

Votes reveal only the order of a column RELATIVE to the others. The search tries a family of moves. For a grid of
sources and targets, the family has every pair of different orders among target-major, source-major, and group-major
with every block size that divides the sources or the targets. Within one order, it also has shifts of the column by up
to ten rows and by every run length of the grid. A column in the right order agrees with the others: the score of an
order is the column's mean Cohen's kappa with them, and the gain is that score minus the score as released.

An alarm needs both:
- p <= 0.01, p = (1 + count) / (1 + permutations). The count is the number of random permutations of the column's rows
  whose best gain over the whole family is at least as large. If it reaches 20, p = 20 / permutations drawn by then.
- an interval of the gain above 0, corrected for the search. Sources are resampled, and deviations are measured in
  standard errors of their own order. The 95% quantile of the LARGEST deviation over the whole family is used on both
  sides, so the interval holds for all orders at once, including the best one.
The first condition alone is not enough, because votes are correlated within a source and random permutations are not.
In 60 simulated files (80 x 80), columns agree only by chance, because each has strong opinions of its own on every
source: 122 of 180 columns reach p <= 0.01, but with both conditions only 4 files raise an alarm (24 x 24: 12 of 100).

The search raises the column with the largest gain first, and then searches the rest as if that column had been moved,
so that one wrong column does not implicate the others. Two columns cannot show which one is wrong: the second is named.

Shifts are determined only roughly. Only some are in the family, and a source gets similar answers on all targets, so
shifts by whole targets look nearly the same, and small ones raise no alarm. Trying all shifts would not settle it: in
400 simulated files (80 x 80, one column 1, 13, 37 or 90 rows down) the best score was at the true shift in 353.
`repair` therefore refuses an order with a shift. A column that is both in another order and shifted is named without
its shift if it is shifted by whole targets, and not found otherwise.

Votes become -1 (a) and +1 (b), so that kappa follows from sums of products; every cell needs a vote. Memory and time
grow with the rows times the number of named orders, not with the rows times the number of moves.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from perface_jax.annotations.order_family import Family, family, variance_of_sources
from perface_jax.annotations.orders import GridOrder, OrderChange
from perface_jax.statistics.estimates import Estimate
from perface_jax.statistics.resampling import resample

ALARM = 0.01
CERTAIN = np.log(1e6)  # if the odds that no permutation gains as much exceed this, none is drawn
ENOUGH = 20  # random permutations that gain as much: p is known well enough
BLOCK = 65_536  # rows at once


class Finding(NamedTuple):
    """The best alternative order of one column.

    Attributes:
      column: its index.
      gain: mean kappa with the others after the change minus before, with its interval after the search.
      p: share of random permutations whose best gain is at least as large (1 if the gain is not above 0).
    """

    column: int
    change: OrderChange
    gain: Estimate
    p: float

    @property
    def alarm(self) -> bool:
        """Whether the column is in a different order, by the rule of the module docstring."""
        return self.p <= ALARM and self.gain.low > 0


def likely_order(mean_vote: Float[np.ndarray, " rows"], sources: int, targets: int) -> GridOrder:
    """The named order under which the source explains most of the variance: a guess, used only to form clusters."""
    known = family(sources, targets)
    return known.orders[int(np.argmax(variance_of_sources(mean_vote, known, sources)))]


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
    signs = np.where(votes > 0, 1, -1).astype(np.int8)
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
    shares = variance_of_sources(others.mean(axis=1), known, grid[0])
    meaning = [max(pairs, key=lambda pair: shares[pair[1]]) for pairs in known.meanings]
    if wanted is not None:
        meaning = [next((m for m in pairs if known.orders[m[1]] == wanted), None) for pairs in known.meanings]
    meant = [one for one in meaning if one is not None]
    before, after = _source_sums(own, others, meant, known, grid)
    bases = np.array([base for _, base in meant])
    weight = _kappa_weight(own, others)
    gains = (after.xy - before.xy[bases]).sum(axis=-1, dtype=np.float64) @ weight
    best = int(np.argmax(gains))
    p = _p_value(own, others @ weight, meant, known, gains[best], permutations, generator) if gains[best] > 0 else 1.0
    seen, base = meant[best]
    estimate = Estimate(float(gains[best]), *_interval(before, after, bases, weights, len(own), best))
    return Finding(column, OrderChange(seen, known.orders[base]), estimate, p)


def _kappa_weight(own: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Weights [V] of the sums of x y with the other columns y: up to a constant, they give the mean kappa of x.

    kappa = (mean(x y) - mean(x) mean(y)) / (1 - mean(x) mean(y)) for votes of -1 and 1: linear in x for a given mean,
    which no reordering changes.
    """
    chance = 1 - own.mean() * others.mean(axis=0)
    return np.divide(1, chance, out=np.zeros_like(chance), where=chance > 0) / others.size


class _Sums(NamedTuple):
    """Sums over the targets of each source, [F, sources] and for the other columns y [F, V, sources]."""

    x: Float[np.ndarray, "f sources"]
    y: Float[np.ndarray, "f v sources"]
    xy: Float[np.ndarray, "f v sources"]


def _source_sums(own, others, meant, known: Family, grid) -> tuple[_Sums, _Sums]:
    """The sums of the column x as read, in every named order, and of x as moved, in the wanted order of each move.

    The sums of products for all pairs of named orders are one matrix product per source, [orders, targets] times
    [targets, orders]; they are whole numbers, so float32 is exact. Shifts are summed one by one.
    """
    sources, targets = grid

    def cells(column):
        found = column[known.positions].astype(np.float32)
        return found.reshape(-1, sources, targets).swapaxes(0, 1)  # [sources, orders, targets]

    wanted = np.array([base for _, base in meant])
    seen = np.array([0 if order.shift else known.orders.index(order) for order, _ in meant])
    x, y, ones = cells(own), [cells(column) for column in others.T], np.ones(targets, np.float32)
    products = np.stack([x @ one.swapaxes(1, 2) for one in y], axis=-1)  # [sources, seen, wanted, V]
    products = np.moveaxis(products, 0, -1)
    totals, of_others = (x @ ones).T, np.stack([one @ ones for one in y]).transpose(2, 0, 1)
    same = np.arange(len(totals))
    before = _Sums(totals, of_others, products[same, same])
    after = _Sums(totals[seen], of_others[wanted], products[seen, wanted])
    for f, (order, base) in enumerate(meant):
        if order.shift:
            moved = np.roll(own, -order.shift)[known.positions[base]].reshape(sources, targets).astype(np.float32)
            after.x[f] = moved @ ones
            after.xy[f] = [np.einsum("st,st->s", moved, one[:, base]) for one in y]
    return before, after


def _p_value(own, projected, meant, known: Family, gain: float, permutations: int, generator) -> float:
    """The share of random permutations of a column that gain as much; `projected` [rows] times a column is its kappa.

    No permutation is drawn if, by Hoeffding's bound for sampling without replacement, none of them would gain as much:
    with m votes of the rarer answer, and terms between -R and R, a gain above g has a probability of at most
    exp(-g^2 / (8 m R^2)). Otherwise draws end with the twentieth that gains as much (Besag and Clifford, Biometrika 78,
    1991).
    """
    rarer = max(min(np.sum(own > 0), np.sum(own < 0)), 1)
    if gain**2 / (8 * rarer * np.ptp(projected) ** 2) > CERTAIN + np.log(len(meant) * permutations):
        return 1 / (1 + permutations)
    count = drawn = 0
    while drawn < permutations:
        batch = min(permutations - drawn, max(2**28 // len(own), 1), 1000 if drawn else 2 * ENOUGH)
        shuffled = np.tile(own, (batch, 1))
        generator.permuted(shuffled, axis=1, out=shuffled)
        reached = np.cumsum(_largest_gain(shuffled, projected, meant, known) >= gain * (1 - 1e-5))
        if count + reached[-1] >= ENOUGH:
            return ENOUGH / (drawn + int(np.searchsorted(reached, ENOUGH - count)) + 1)
        count, drawn = count + int(reached[-1]), drawn + batch
    return (1 + count) / (1 + permutations)


def _largest_gain(columns, projected, meant, known: Family) -> np.ndarray:
    """The gain of the best move of each of the columns [B, rows], in blocks of rows."""
    bases, base = np.unique([wanted for _, wanted in meant], return_inverse=True)
    shifts = np.array([order.shift for order, _ in meant])
    seen = [known.orders.index(order) for order, _ in meant if not order.shift]
    in_order = np.stack([projected[known.positions[one]] for one in bases], axis=1).astype(np.float32)  # [cells, bases]
    gains = np.zeros((len(columns), len(meant)))
    for start in range(0, len(projected), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(projected)))
        block = columns[:, rows].astype(np.float32)
        moved = {one: block @ in_order[known.cells[one][rows]] for one in set(seen)}  # into each of the bases
        gains[:, shifts == 0] += np.stack([moved[one][:, k] for one, k in zip(seen, base[shifts == 0], strict=True)], 1)
        shifted = projected[(rows[:, None] - shifts[shifts != 0]) % len(projected)]
        gains[:, shifts != 0] += block @ shifted.astype(np.float32)
        gains -= (block @ projected[rows].astype(np.float32))[:, None]
    return np.max(gains, axis=1)


def _interval(before: _Sums, after: _Sums, bases, weights, size: int, best: int) -> tuple[float, float]:
    """Interval of the gain of one move that holds for all moves simultaneously, sources resampled."""
    weights = np.concatenate((np.ones((1, weights.shape[1])), weights)).T
    weights = weights.astype(np.float32 if size < 2**24 else np.float64)  # sums of whole numbers are exact in both

    def mean(sums):
        return (sums @ weights).astype(np.float64) / size

    of_others = mean(before.y)
    gains = _kappa(mean(after.x), of_others[bases], mean(after.xy))
    gains -= _kappa(mean(before.x), of_others, mean(before.xy))[bases]
    observed, error = gains[:, 0], np.std(gains[:, 1:], axis=1)
    deviation = np.abs(gains[:, 1:] - observed[:, None]) / np.where(error > 0, error, np.inf)[:, None]
    margin = np.quantile(np.max(deviation, axis=0), 0.95) * error[best]
    return float(observed[best] - margin), float(observed[best] + margin)


def _kappa(x, y, xy) -> np.ndarray:
    """Mean kappa with the other columns from the means of votes and products: [F, R] and [F, V, R] to [F, R]."""
    chance = x[:, None] * y
    spread = 1 - chance
    return np.mean(np.divide(xy - chance, spread, out=np.zeros_like(spread), where=spread > 1e-12), axis=1)
