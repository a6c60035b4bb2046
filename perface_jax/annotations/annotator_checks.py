"""Checks of each annotator of the long form: sides, speed, dummies, and agreement with himself or herself and others.

Each check is a test with a p-value, corrected over the annotators by Holm's method, or a fixed limit. In a study where
nobody is careless, each test finds somebody in at most 1% of studies. Simulated studies: docs/collection.md.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64

from perface_jax.annotations.annotator_quality import annotator_voters, missed_dummies
from perface_jax.annotations.vote_details import Details
from perface_jax.annotations.votes import Votes
from perface_jax.statistics.estimates import UNKNOWN, Estimate
from perface_jax.statistics.multiple import holm
from perface_jax.statistics.resampling import divide
from perface_jax.statistics.shares import share_of

LEVEL = 0.01  # of each test, over all annotators
CHANCE_LEVEL = 0.05  # agreement is shown to be better than chance below this p
SMALL_BIAS = 0.05  # a share of the left that is nearer to one half is no finding
FASTEST = 300.0  # milliseconds; nobody compares three faces faster
HASTY = 1 / 8  # of the study's median time: a faster answer is hasty
MANY_HASTY = 0.1  # of an annotator's answers
SOME_HASTY = 0.03  # which careful annotators may give
FAST = 1 / 3  # of the typical median time
FEWEST_TIMES = 10  # answers, for a median
LONG_RUN = 0.001  # chance of a run on one side, in the whole study


class Side(NamedTuple):
    """The share of answers on the left; p of the exact test against one half, corrected; the longest run on a side.

    `run_p` is the probability that independent answers with this share have such a run, times the annotators.
    """

    left: Estimate
    p: float
    run: int
    run_p: float

    @property
    def biased(self) -> bool:
        """Whether the share of the left is not one half, by more than a little."""
        return self.p < LEVEL and abs(self.left.value - 0.5) >= SMALL_BIAS

    @property
    def straight(self) -> bool:
        """Whether a run is too long for chance."""
        return self.run_p < LONG_RUN


class Speed(NamedTuple):
    """The median time of an answer in milliseconds, and as a share of the typical one; the share of hasty answers.

    `hasty_p` is that of the exact test that the share of hasty answers is at most SOME_HASTY, corrected.
    """

    median: float
    pace: float
    hasty: float
    hasty_p: float

    @property
    def too_fast(self) -> bool:
        """Whether the pictures were hardly looked at, in all trials or in many."""
        return self.pace < FAST or (self.hasty >= MANY_HASTY and self.hasty_p < LEVEL)


class AnnotatorCheck(NamedTuple):
    """One annotator; parts are None where the file does not have what they need.

    Attributes:
      votes: on triplets that are neither dummies nor repeats.
      dummies: (missed, seen), of those with a right answer.
      retest: the share of repeats that got the same answer again; `retest_p`: that others' share explains so few.
      others: the share of agreement where all others agree; `others_p`: that the share of the other annotators explains
        so few, `chance_p`: that one half explains so many, uncorrected.
    """

    name: str
    votes: int
    side: Side | None
    speed: Speed | None
    dummies: tuple[int, int] | None
    retest: Estimate | None
    retest_p: float
    others: Estimate
    others_p: float
    chance_p: float

    @property
    def inconsistent(self) -> bool:
        """Whether repeats are answered differently more often than by the others."""
        return self.retest_p < LEVEL

    @property
    def by_chance(self) -> bool:
        """Whether agreement is lower than that of the other annotators, and not shown to be better than chance."""
        return self.others_p < LEVEL and self.chance_p > CHANCE_LEVEL


class StudyCheck(NamedTuple):
    """All annotators together: left and retest with intervals over annotators, the median time, dummies missed."""

    left: Estimate
    retest: Estimate
    repeats: int
    milliseconds: float
    dummies: tuple[int, int]


def check_annotators(votes: Votes) -> tuple[AnnotatorCheck, ...]:
    """The checks of every annotator with a vote, in the order of the file; () if the file does not say who voted."""
    if votes.annotator is None:
        return ()
    found = votes.details
    count = len(votes.annotators)
    sides = [None] * count if found is None else _sides(found, count)
    speeds = [None] * count if found is None else _speeds(found, count)
    nothing = np.zeros(0, bool)
    again = [nothing] * count if found is None else _same_again(found, count)
    voters = annotator_voters(votes.annotators, votes.votes, votes.annotator)
    agreed = [(voter.votes == voter.others)[np.isin(voter.others, (0.0, 1.0))] for voter in voters]
    again_p, agreed_p, dummies = _fewer(again), _fewer(agreed), missed_dummies(votes)
    return tuple(
        AnnotatorCheck(
            voter.name,
            len(voter.votes),
            sides[k],
            speeds[k],
            dummies.get(voter.name),
            _share(again[k]) if len(again[k]) else None,
            float(again_p[k]),
            _share(agreed[k]),
            float(agreed_p[k]),
            _at_least(int(agreed[k].sum()), len(agreed[k])),
        )
        for k, voter in enumerate(voters)
    )


def check_study(votes: Votes) -> StudyCheck | None:
    """All annotators together; None without `Votes.details`."""
    if votes.details is None:
        return None
    found, missed = votes.details, list(missed_dummies(votes).values())
    again = _same_again(found, len(votes.annotators))
    same, who = np.concatenate(again), np.repeat(np.arange(len(again)), [len(own) for own in again])
    sided = _judged(found) & (found.side >= 0)
    times = found.milliseconds[_judged(found)]
    return StudyCheck(
        _share(found.side[sided] == 0, found.annotator[sided]),
        _share(same, who),
        len(same),
        float(np.nanmedian(times)) if np.isfinite(times).any() else np.nan,
        (sum(one for one, _ in missed), sum(seen for _, seen in missed)),
    )


def _judged(found: Details) -> Bool[np.ndarray, " n"]:
    """Answers without a right one: those of dummies say nothing about sides."""
    return ~found.of_kind("dummy")


def _share(values: np.ndarray, cluster: np.ndarray | None = None) -> Estimate:
    """The share with its exact interval; with clusters, that over clusters."""
    if not len(values):
        return UNKNOWN
    return share_of(values, np.arange(len(values)) if cluster is None else cluster)


def _sides(found: Details, count: int) -> list[Side | None]:
    known = _judged(found) & (found.side >= 0)
    mine = [_in_order(found, known & (found.annotator == k)) for k in range(count)]
    left = [int((found.side[rows] == 0).sum()) for rows in mine]
    p = holm(np.array([_two_sided(x, len(rows)) for x, rows in zip(left, mine, strict=True)]))
    voted = sum(len(rows) > 0 for rows in mine)
    return [_side(found.side[rows], float(p[k]), voted) if len(rows) else None for k, rows in enumerate(mine)]


def _side(side: np.ndarray, p: float, annotators: int) -> Side:
    edges = np.flatnonzero(np.diff(side, prepend=-1, append=-1))
    run, n = int(np.diff(edges).max()), len(side)
    share = max(np.mean(side == 0), np.mean(side == 1))
    chance = -np.expm1(-n * (1 - share) * share**run) if share < 1 else float(n * 0.5 ** (run - 1))
    return Side(_share(side == 0), p, run, float(min(annotators * chance, 1)))


def _in_order(found: Details, lines: np.ndarray) -> np.ndarray:
    """These lines by trial; in the order of the file where trials are unknown."""
    rows = np.flatnonzero(lines)
    return rows[np.argsort(found.trial[rows], kind="stable")]


def _speeds(found: Details, count: int) -> list[Speed | None]:
    times = np.where(_judged(found), found.milliseconds, np.nan)
    mine = [times[(found.annotator == k) & np.isfinite(times)] for k in range(count)]
    medians = np.array([np.median(own) if len(own) >= FEWEST_TIMES else np.nan for own in mine])
    if not np.isfinite(medians).any():
        return [None] * count
    typical, limit = np.nanmedian(medians), max(FASTEST, HASTY * float(np.nanmedian(times)))
    hasty = [int((own < limit).sum()) for own in mine]
    p = holm(np.array([_at_least(x, len(own), SOME_HASTY) for x, own in zip(hasty, mine, strict=True)]))
    pace = divide(medians, np.full(count, typical))  # NaN where all times are 0
    return [
        Speed(float(medians[k]), float(pace[k]), hasty[k] / len(own), float(p[k])) if np.isfinite(medians[k]) else None
        for k, own in enumerate(mine)
    ]


def _same_again(found: Details, count: int) -> list[Bool[np.ndarray, " r"]]:
    """For every annotator, whether each repeat has the answer of the vote that it repeats."""
    keys = list(zip(found.annotator.tolist(), found.ids, strict=True))
    first = {keys[k]: found.choice[k] for k in np.flatnonzero(found.of_kind("vote"))}
    repeats = np.flatnonzero(found.of_kind("repeat"))
    same = np.array([first[keys[k]] == found.choice[k] for k in repeats], bool)
    return [same[found.annotator[repeats] == who] for who in range(count)]


def _fewer(successes: Sequence[Bool[np.ndarray, " _"]]) -> Float64[np.ndarray, " annotators"]:
    """For every annotator, p of the exact test that the share is not lower than that of all others, corrected."""
    right, count = (np.array([of(own) for own in successes]) for of in (np.sum, len))
    others = divide(right.sum() - right, count.sum() - count)
    known = (count > 0) & np.isfinite(others)
    tested = zip(right[known].tolist(), count[known].tolist(), others[known].tolist(), strict=True)
    p = np.full(len(count), np.nan)
    p[known] = [_at_most(*one) for one in tested]
    return holm(p)


def _at_most(x: int, n: int, share: float) -> float:
    """P(X <= x) of n independent answers."""
    from scipy.special import bdtr  # takes a while to import

    return float(bdtr(x, n, share))


def _at_least(x: int, n: int, share: float = 0.5) -> float:
    """P(X >= x); NaN without answers."""
    return 1 - _at_most(x - 1, n, share) if n and x else (1.0 if n else np.nan)


def _two_sided(x: int, n: int) -> float:
    """The exact test of a share against one half; NaN without answers."""
    return min(2 * min(_at_most(x, n, 0.5), _at_least(x, n)), 1.0) if n else np.nan
