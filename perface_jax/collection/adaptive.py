"""The adaptive share of a wave: more votes on triplets whose majority may be wrong.

What is known of a triplet is a Beta distribution of the probability that a person chooses a: one vote for each side at
first, or as a model's margin says, and then the votes that were given. The doubt of a triplet is the probability that
the other side has the majority of all people:

    doubt = min(P(p < 1/2), P(p > 1/2)),  p ~ Beta(prior_a + votes for a, prior_b + votes for b)

Votes are dealt in proportion to the doubt, in whole numbers. The others of the wave stay random: only they say how
often a model is right on all triplets.
"""

import heapq
import os
from collections.abc import Iterable, Mapping

import numpy as np
from jaxtyping import Float, Int

from perface_jax import files
from perface_jax.annotations import tables
from perface_jax.annotations.tables import real, wrong
from perface_jax.collection.plan import plan_trials
from perface_jax.collection.study import Study
from perface_jax.collection.trials import Choice, Kind, Vote

PRIOR = 2.0  # votes that the prior counts as


def doubt(
    votes_a: Int[np.ndarray, " t"], votes_b: Int[np.ndarray, " t"], margin: Float[np.ndarray, " t"] | None = None
) -> Float[np.ndarray, " t"]:
    """The probability that the majority of all people is on the other side, 0 to 1/2.

    Args:
      votes_a, votes_b: given so far.
      margin: of a model, positive where a is more like the reference, on any scale; 0 = unknown.

        >>> import numpy as np
        >>> from perface_jax.collection.adaptive import doubt
        >>> doubt(np.array([0, 1, 3]), np.array([0, 0, 0])).round(3).tolist()
        [0.5, 0.25, 0.062]
    """
    from scipy.special import betainc  # takes a while to import

    scaled = np.zeros(len(votes_a)) if margin is None else _scaled(margin)
    prior_a = PRIOR / (1 + np.exp(-scaled))
    below = betainc(prior_a + votes_a, PRIOR - prior_a + votes_b, 0.5)
    return np.minimum(below, 1 - below)


def _scaled(margin: np.ndarray) -> np.ndarray:
    """Margins in units of the typical one, at most 3: a model is never as sure as many people."""
    typical = np.median(np.abs(margin[margin != 0])) if np.any(margin) else 1.0
    return np.clip(margin / typical, -3, 3)


def deal_in_proportion(
    weight: Float[np.ndarray, " t"],
    total: int,
    source: Int[np.ndarray, " t"],
    *,
    most: int,
    most_of_source: int,
) -> Int[np.ndarray, " t"]:
    """Votes on triplets in proportion to their weights, by Jefferson's method.

    Args:
      total: votes; fewer are dealt where the limits leave no room, or weights are 0.
      source: of each triplet, numbered from 0.
      most, most_of_source: votes on a triplet, and on all triplets of a source.
    """
    votes, given = np.zeros(len(weight), int), np.zeros(int(source.max()) + 1, int)
    heap = [(-value, k) for k, value in enumerate(weight.tolist()) if value > 0 and most > 0]
    heapq.heapify(heap)
    while heap and votes.sum() < total:
        _, k = heapq.heappop(heap)
        if given[source[k]] >= most_of_source:
            continue
        votes[k] += 1
        given[source[k]] += 1
        if votes[k] < most:
            heapq.heappush(heap, (-weight[k] / (votes[k] + 1), k))
    return votes


def write_adaptive(
    study: Study, wave: int, votes: Iterable[Vote], *, margins: Mapping[str, float] | None = None
) -> dict[str, int]:
    """Write the adaptive share of a wave in which nobody has begun; returns the votes of each triplet that gets some.

    Args:
      votes: all that were collected so far; dummies, practice and repeats do not count.
      margins: of a model, by triplet, as for `doubt`.

    Raises:
      ValueError: the plan has no adaptive share, or the wave has a file already.
    """
    plan, triplets = study.plan, study.of_kind(Kind.VOTE)
    if not plan.adaptive:
        raise ValueError(f"{study.folder}: the plan has no adaptive share; wanted for instance 'adaptive: 0.5' in it")
    path = study.adaptive_path(wave)
    if path.exists():
        raise ValueError(f"{path} is there already, and was not changed: annotators may have begun with it")
    names = [one.name for one in triplets]
    a, b = _counts(names, votes)
    margin = np.array([(margins or {}).get(name, 0.0) for name in names])
    source = np.unique([one.source for one in triplets], return_inverse=True)[1]
    total = int(plan.adaptive * plan.votes * len(triplets))
    random_votes = -(-(plan.votes * len(triplets) - total) // len(triplets))  # on a triplet, at most
    trials = plan.votes * len(triplets) // plan.annotators
    of_source = plan.annotators * max(trials // (plan.spacing + 1) - 1, 0)
    limits = {"most": plan.annotators - random_votes, "most_of_source": of_source - random_votes * _largest(source)}
    dealt = deal_in_proportion(doubt(a, b, margin), total, source, **limits)
    chosen = {name: int(count) for name, count in zip(names, dealt, strict=True) if count}
    if not chosen:
        raise ValueError(f"{study.folder}: sources are too few for an adaptive share with a spacing of {plan.spacing}")
    files.write_csv(path, [("triplet", "votes"), *chosen.items()])
    try:
        for number in range(wave * plan.annotators, (wave + 1) * plan.annotators):
            plan_trials(study, number)
    except ValueError:
        path.unlink()
        raise
    return chosen


def read_margins(path: str | os.PathLike, study: Study) -> dict[str, float]:
    """The margin of a model for some or all triplets: a CSV with the columns triplet, margin.

    ValueError for an unknown or repeated triplet, or a margin that is no number.
    """
    known = {one.name for one in study.of_kind(Kind.VOTE)}
    rows = tables.read_table(path, ("triplet", "margin"), known=known)
    margins = {}
    for line, (name, cells) in enumerate(rows.items(), 2):
        try:
            margins[name] = real(cells["margin"])
        except ValueError as error:
            raise wrong(path, line, str(error), "the margin of a model, such as 0.13") from error
    return margins


def _counts(names: list[str], votes: Iterable[Vote]) -> tuple[np.ndarray, np.ndarray]:
    row = {name: k for k, name in enumerate(names)}
    counts = np.zeros((2, len(names)), int)
    for vote in votes:
        if vote.kind is Kind.VOTE:
            counts[int(vote.choice is Choice.B), row[vote.triplet]] += 1
    return counts[0], counts[1]


def _largest(source: np.ndarray) -> int:
    return int(np.bincount(source).max())
