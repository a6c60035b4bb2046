"""The distances of queries to groups with other members: a bootstrap of the gallery.

The members of each group are drawn with replacement, as many as the group (or the subsample) has. A drawn gallery is a
weighting of the members. The rules of `perface_jax.groups` are computed from these weights, which is a hundred times
faster than from repeated members and gives the same numbers.
"""

import numpy as np
from jaxtyping import Bool, Float, Float64

from perface_jax.groups import Rule
from perface_jax.statistics.resampling import divide

Weights = Float64[np.ndarray, "r _"]  # how often each member of one group is drawn


def draw_members(
    members: Bool[np.ndarray, "g n"], *, resamples: int, size: int | None = None, seed: int = 0
) -> list[Weights]:
    """For each group, how often each of its members is drawn: `size` draws; None: as many as it has members."""
    random = np.random.default_rng(seed)
    counts = [int(one.sum()) for one in members]
    return [
        random.multinomial(size or n, np.full(n, 1 / n), size=resamples).astype(np.float64) if n else np.empty((0, 0))
        for n in counts
    ]


def drawn_distances(
    distances: Float[np.ndarray, "q n"],
    members: Bool[np.ndarray, "g n"],
    weights: list[Weights],
    *,
    own: Bool[np.ndarray, "q n"] | None = None,
    rule: Rule,
    factor: float,
    equalize: bool = False,
) -> Float64[np.ndarray, "r q g"]:
    """`groups.group_distances` for each draw of the members; NaN where fewer than two remain.

    `own` says which member is the query itself, and is left out.
    """
    free = np.ones(distances.shape) if own is None else (~own).astype(np.float64)
    counts = [w @ free[:, one].T for one, w in zip(members, weights, strict=True)]
    common = np.min(np.where(np.array(counts) < 2, np.inf, counts), axis=0)
    found = []
    for one, w, count in zip(members, weights, counts, strict=True):
        values, kept = distances[:, one].astype(np.float64), free[:, one]
        if rule in (Rule.PERCENTILE, Rule.NEAREST):
            statistic = _at_rank(values, kept, w, 0.025 * (count - 1) if rule is Rule.PERCENTILE else 0 * count, rule)
        else:
            mean, spread = _moments(values, kept, w, count)
            size = common if equalize else count
            width = {Rule.CONFIDENCE_LIMIT: divide(spread, np.sqrt(size)), Rule.SPREAD_LIMIT: spread, Rule.MEAN: 0}
            statistic = mean + factor * width[rule]
        found.append(np.where(count < 2, np.nan, statistic))
    return np.stack(found, axis=-1)


def _moments(values, kept, weights, count):
    """Weighted mean and standard deviation of the values `[q, n]` for each draw: `[r, q]`."""
    center = values.mean(axis=1, keepdims=True)
    values = (values - center) * kept
    mean = divide(weights @ values.T, count)
    squares = weights @ np.square(values).T - count * np.square(mean)
    return mean + center.T, np.sqrt(np.maximum(divide(squares, count - 1), 0))


def _at_rank(values, kept, weights, rank, rule):
    """The interpolated value at a rank from 0, counted from below, or from above for the percentile: `[r, q]`."""
    order = np.argsort(-values if rule is Rule.PERCENTILE else values, axis=1)
    near = order[:, : int(rank.max()) * 4 + 40]  # a draw without as many of these looks at all
    kept, found = np.take_along_axis(kept, order, axis=1), np.empty(rank.shape)
    for i, (weight, at) in enumerate(zip(weights, rank, strict=True)):
        for places in (near, order):
            drawn = np.cumsum(weight[places] * kept[:, : places.shape[1]], axis=1)
            if (drawn[:, -1] > np.ceil(at)).all():
                break
        low, high = (_value_at(values, places, drawn, end(at)) for end in (np.floor, np.ceil))
        found[i] = low + (at - np.floor(at)) * (high - low)
    return found


def _value_at(values, places, drawn, rank):
    """For each query, the value at which a cumulative count `[q, k]` reaches a whole rank from 0."""
    query = np.arange(len(values))
    first = np.minimum(np.sum(drawn <= rank[:, None], axis=1), places.shape[1] - 1)
    return values[query, places[query, first]]
