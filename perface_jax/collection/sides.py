"""Which candidate is on the left: as often a as b, for every annotator and for every triplet at the same time."""

import numpy as np
from jaxtyping import Bool, Int


def balanced_sides(
    random: np.random.Generator, annotator: Int[np.ndarray, " n"], triplet: Int[np.ndarray, " n"]
) -> Bool[np.ndarray, " n"]:
    """Whether a is on the left in each of n trials.

    For each annotator, and for each triplet, the numbers of trials with a on the left and on the right differ by at
    most one. The trials of an annotator are paired, and so are those of a triplet; paired trials get opposite sides.
    As every trial is in at most one pair of each sort, the pairs form paths and circles of even length, along which
    sides alternate.
    """
    partners = _pairs(random, annotator), _pairs(random, triplet)
    ends = np.flatnonzero((partners[0] < 0) | (partners[1] < 0))
    side = np.full(len(annotator), -1)
    for start in (*ends, *range(len(side))):
        if side[start] < 0:
            _walk(partners, side, int(start), bool(random.random() < 0.5))
    return side == 1


def _pairs(random: np.random.Generator, group: np.ndarray) -> np.ndarray:
    """For each trial, another one of the same group, each in one pair at most; -1 for one that is left over."""
    order = np.lexsort((random.random(len(group)), group))
    inside = np.arange(len(group)) - np.searchsorted(group[order], group[order])
    first = np.flatnonzero((inside[:-1] % 2 == 0) & (group[order][:-1] == group[order][1:]))
    partner = np.full(len(group), -1)
    partner[order[first]], partner[order[first + 1]] = order[first + 1], order[first]
    return partner


def _walk(partners: tuple[np.ndarray, np.ndarray], side: np.ndarray, trial: int, left: bool) -> None:
    """Set the sides along the path or circle of a trial, which is at an end if it is a path."""
    sort = 1 if partners[0][trial] < 0 else 0
    while trial >= 0 and side[trial] < 0:
        side[trial], left = left, not left
        trial, sort = int(partners[sort][trial]), 1 - sort
