"""The best achievable accuracy: what no predictor can exceed on average, because people disagree.

Of all people, a share p says that a is closer; p differs from triplet to triplet. The best possible predictor knows the
p of each triplet and answers a where p > 1/2. It errs where the few collected votes disagree with most people. How
often it errs depends on the distribution of p, and the counts of votes restrict that distribution:

- `beta_binomial` is the value for the maximum-likelihood beta distribution of p;
- `lowest` and `highest` bound the value for every distribution of p that gives the same counts.

Both assume that the votes on a triplet are independent given its p, as votes of people drawn at random are.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Real

from perface_jax.arrays import AnyArray
from perface_jax.statistics.beta_binomial import cell_chances, fit_beta_binomial
from perface_jax.statistics.estimates import Estimate, percentile_estimate
from perface_jax.statistics.mixtures import GRID, bounds, chances_by_share, nearest_mixture
from perface_jax.statistics.resampling import MOST_CLUSTERS, divide, resample, sum_by
from perface_jax.statistics.votes import count_votes

Counts = Sequence[int] | Real[AnyArray, "*sources k"]


class Achievable(NamedTuple):
    """The best achievable value of one score; NaN where no triplet has this score.

    Attributes:
      beta_binomial: with a 95% interval (sources resampled) if the counts are by source. NaN if no triplet has two
        votes.
      lowest, highest: bounds for any distribution of p, without sampling error.
    """

    beta_binomial: Estimate
    lowest: float
    highest: float


class AchievableAccuracy(NamedTuple):
    """The best achievable values for the labels and scores of this package.

    Attributes:
      unanimous: accuracy on the triplets whose votes are unanimous.
      majority: accuracy on majority labels; a tie has none.
      soft: mean share of the votes that agree, `metrics.soft_scores`.
      a, b: parameters of the beta distribution of p.
      misfit: share of the triplets that would need other votes to fit the likeliest distribution of p exactly. Above 0
        by chance in small samples, and if triplets differ in their number of votes. The bounds are then over all
        distributions that fit as well.
    """

    unanimous: Achievable
    majority: Achievable
    soft: Achievable
    a: float
    b: float
    misfit: float


def vote_histograms(
    votes: Int[AnyArray, "t v"], *, source: Int[AnyArray, " t"] | None = None
) -> dict[int, Int[np.ndarray, "*sources k"]]:
    """By number of votes V: how many triplets have 0, 1, ..., V votes for a, `[V + 1]`, or `[S, V + 1]` by source.

    Votes are 0 = a, 1 = b, -1 = none. Triplets without votes are left out. Sources may be any numbers.
    """
    a, b = count_votes(np.asarray(votes))
    row = np.zeros(len(a), int) if source is None else np.unique(np.asarray(source), return_inverse=True)[1]
    rows = row.max(initial=-1) + 1
    found = {}
    for given in np.unique((a + b)[a + b > 0]).tolist():
        cell = (row * (given + 1) + a)[a + b == given]
        found[given] = np.bincount(cell, minlength=rows * (given + 1)).reshape(rows, given + 1)
    return {given: table[0] for given, table in found.items()} if source is None else found


def achievable_accuracy(
    counts: Counts | Mapping[int, Counts], *, min_votes: int | None = None, resamples: int = 2000, seed: int = 0
) -> AchievableAccuracy:
    """The best value that any predictor can be expected to achieve, even one that knows the p of each triplet.

    With V votes on each triplet, and expectations over the distribution of p:

        unanimous: E[max(p^V, (1 - p)^V)] / E[p^V + (1 - p)^V]
        majority:  E[max(M(p), M(1 - p))] / E[M(p) + M(1 - p)]     M(p): probability that more than half say a
        soft:      E[max(p, 1 - p)]

    If triplets differ in their number of votes, numerators and denominators are summed. On the host, in float64.

        >>> from perface_jax import metrics
        >>> best = metrics.achievable_accuracy([1819, 1619, 1345, 1617])  # 0 to 3 votes for a in the release
        >>> [round(x, 3) for x in (best.unanimous.beta_binomial.value, best.unanimous.lowest, best.unanimous.highest)]
        [0.948, 0.871, 0.987]

    Args:
      counts: how many triplets have 0, 1, ..., V votes for a: `[V + 1]`, or `[S, V + 1]` by source. If triplets differ
        in their number of votes, a mapping from V to these, such as `vote_histograms` gives.
      min_votes: how many votes a triplet needs to count as unanimous. By default 3, as for `annotations.unanimous`, and
        2 where no triplet has more.
      resamples, seed: of the interval. More than 1,000 sources are dealt into 1,000 groups.

    Raises:
      ValueError: counts that are negative, of another length than V + 1, or of different numbers of sources.
    """
    k, n, table = _cells(counts)
    sources, every = _resampled(table, resamples, seed)  # the data first
    total = every[0]
    fits, chances = fit_beta_binomial(k, n, every), chances_by_share(k, n)
    mixture = nearest_mixture(chances, total) if total.any() else np.full(len(GRID), np.nan)
    size = _triplets(n, every)
    min_votes = min(3, max(2, max(n))) if min_votes is None else min_votes
    best = {
        score: Achievable(
            percentile_estimate(*_under_beta(k, n, fits, size, *points), clusters=sources),
            *_bounds(chances, total, mixture, size[0], *points),
        )
        for score, points in _points(k, n, min_votes).items()
    }
    missed = np.abs(total - size[0] * (chances @ mixture)).sum() / 2
    a, b = (float(parameter[0]) for parameter in fits)
    return AchievableAccuracy(**best, a=a, b=b, misfit=float(divide(missed, total.sum())))


def _cells(counts):
    """Votes for a `[C]`, votes `[C]`, triplets `[S, C]`."""
    if not isinstance(counts, Mapping):
        counts = {np.shape(counts)[-1] - 1 if np.ndim(counts) else 0: counts}
    tables = {votes: np.atleast_2d(np.asarray(table, np.float64)) for votes, table in counts.items()}
    for votes, table in tables.items():
        if votes < 1 or table.ndim != 2 or table.shape[1] != votes + 1:
            seen = np.shape(counts[votes])
            raise ValueError(f"counts of {votes} votes have shape {seen}; wanted [V + 1] or [S, V + 1], V at least 1")
        if not (table >= 0).all():
            raise ValueError(f"counts of {votes} votes are {table.tolist()}; wanted numbers of triplets, at least 0")
    if len({len(table) for table in tables.values()}) != 1:
        seen = {votes: len(table) for votes, table in tables.items()}
        raise ValueError(
            f"by number of votes there are {seen} sources; wanted as many everywhere, and one number of votes"
        )
    k = np.concatenate([np.arange(votes + 1) for votes in tables])
    n = np.concatenate([np.full(votes + 1, votes) for votes in tables])
    return k, n, np.concatenate(list(tables.values()), axis=1)


def _resampled(table, resamples, seed):
    """The number of sources, and the counts of all triplets `[1 + resamples, C]`: as they are, then resampled."""
    table = table[table.any(axis=1)]
    if len(table) > MOST_CLUSTERS:
        table = sum_by(table, np.arange(len(table)) % MOST_CLUSTERS, MOST_CLUSTERS)
    drawn = [resample(len(table), resamples, seed=seed) @ table] if len(table) > 1 else []
    return len(table), np.concatenate([table.sum(axis=0, keepdims=True), *drawn])


def _triplets(n, counts):
    """For each cell, how many triplets have its number of votes."""
    return counts @ (n[:, None] == n)


def _points(k, n, min_votes):
    """By score: what a triplet of each cell adds if the predictor says a, and if it says b; 0 twice: not scored."""
    enough = n >= min_votes
    return {
        "unanimous": (enough & (k == n), enough & (k == 0)),
        "majority": (2 * k > n, 2 * k < n),
        "soft": (k / n, 1 - k / n),
    }


def _under_beta(k, n, fits, size, for_a, for_b):
    from scipy.special import betainc

    a, b = (parameter[:, None] for parameter in fits)
    expected = size * cell_chances(k, n, *fits)  # triplets in each cell
    below = betainc(a + k, b + n - k, 0.5)  # the probability of p < 1/2 for a triplet in this cell
    points = np.sum(expected * (for_a * (1 - below) + for_b * below), axis=1)
    values = divide(points, np.sum(expected * (for_a + for_b), axis=1))
    return values[0], values[1:]


def _bounds(chances, counts, mixture, size, for_a, for_b):
    scored = (size * (for_a + for_b)) @ chances
    if not scored @ mixture > 0:
        return np.nan, np.nan
    right = np.where(GRID < 0.5, for_b[:, None], for_a[:, None])
    total, expected = counts.sum(), size[:, None] * chances
    right = np.sum(right * expected, axis=0)
    return bounds(expected / total, counts / total, mixture, right / total, scored / total)
