"""Who judges which triplet: votes balanced over triplets, and over the sources and targets of each annotator."""

import numpy as np
from jaxtyping import Bool, Int


def assign(
    random: np.random.Generator,
    votes: Int[np.ndarray, " t"],
    source: Int[np.ndarray, " t"],
    target: Int[np.ndarray, " t"],
    *,
    annotators: int,
    taken: Bool[np.ndarray, "t annotators"] | None = None,
) -> Bool[np.ndarray, "t annotators"]:
    """Deal votes on triplets to annotators, at most one of each on a triplet.

    Every vote goes to the annotator with the fewest on this source, then the fewest in all, then the fewest on this
    target; ties are drawn.

    Args:
      votes: how many each triplet gets.
      source, target: of each triplet, numbered from 0.
      taken: what the annotators have already; they get no such triplet again.

    Raises:
      ValueError: a triplet is to get more votes than there are annotators left for it.
    """
    taken = np.zeros((len(votes), annotators), bool) if taken is None else taken
    if (votes > annotators - taken.sum(1)).any():
        raise ValueError(f"{votes.max()} votes on a triplet by {annotators} annotators; wanted at most one by each")
    dealt = np.zeros_like(taken)
    given = taken.sum(0)
    on_target = np.stack([taken[target == one].sum(0) for one in range(target.max() + 1)])
    for one in np.argsort(random.random(source.max() + 1)):
        rows = np.flatnonzero(source == one)
        on_source = taken[rows].sum(0)
        for row in rows[np.argsort(random.random(len(rows)))]:
            keys = (random.random(annotators), on_target[target[row]], given, on_source, taken[row])
            who = np.lexsort(keys)[: votes[row]]
            dealt[row, who] = True
            for count in (on_target[target[row]], given, on_source):
                count[who] += 1
    return dealt


def even_votes(random: np.random.Generator, total: int, source: Int[np.ndarray, " t"]) -> Int[np.ndarray, " t"]:
    """`total` votes on triplets, as evenly as possible; those with one more are spread over the sources."""
    draw = random.random(len(source))
    order = np.lexsort((draw, source))
    first = np.searchsorted(source[order], source[order])
    rank = np.empty(len(source), int)
    rank[order] = np.arange(len(source)) - first
    votes, more = np.divmod(total, len(source))
    out = np.full(len(source), votes)
    out[np.lexsort((draw, rank))[:more]] += 1
    return out
