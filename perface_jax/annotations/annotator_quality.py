"""Quality of each voter: position bias, straight-lining, dummy triplets, and columns that copy each other.

A voter is an answer column, or an annotator if the file says who voted. Rows are ordered by triplet number, the best
available guess of the order in which a column was filled.
"""

import itertools
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from perface_jax.annotations.votes import Votes, share_by_row
from perface_jax.statistics.agreement import share_of_b
from perface_jax.statistics.estimates import Estimate
from perface_jax.statistics.resampling import Cluster, Weights, divide, ratio
from perface_jax.statistics.votes import count_votes

RARE = 0.001  # a run is flagged if its probability is below this
FEWEST_SOURCES = 5  # and if it covers this many sources: on one or two, equal answers may be an honest opinion
CONSTANT, MIXED = 0.9, 0.75  # a window is flagged if one letter has this share, and among the others at most that


class Stretch(NamedTuple):
    """Rows in which a voter repeats one answer, or two columns agree; from the id `first` to the id `last`.

    Attributes:
      letter: the repeated answer; `=` for agreement of two columns.
      share: the share of that answer in the stretch.
      others: its share among the other votes on the same triplets (NaN if there are none).
      chance: probability of a run this long anywhere in the column (runs only, otherwise NaN).
      flagged: whether the rule of `runs`, `window` or `copies` calls it too long.
    """

    first: str
    last: str
    length: int
    letter: str
    share: float
    others: float
    chance: float
    flagged: bool


class Voter(NamedTuple):
    """The votes of one column or annotator, in the order of the triplets.

    Attributes:
      places: the number of the triplet on whose line of the file each vote is.
      rows: the triplet that the vote belongs to; differs from `places` only if the row order of the column is wrong.
      others: the share of b among the other votes on that triplet; NaN if there are none.
    """

    name: str
    places: Int[np.ndarray, " n"]
    rows: Int[np.ndarray, " n"]
    votes: Int[np.ndarray, " n"]
    others: Float[np.ndarray, " n"]


def column_voters(
    columns: tuple[str, ...], votes: Int[np.ndarray, "t v"], change: dict[str, Int[np.ndarray, " t"]]
) -> list[Voter]:
    """The columns as voters; rows by triplet number, all columns in one row order.

    `change` has the rows to which the votes of a moved column went; its votes stay in the order of the file.
    """
    voters = []
    for k, name in enumerate(columns):
        rows = change.get(name, np.arange(len(votes)))
        own, rest = votes[rows, k], np.delete(votes, k, axis=1)[rows]
        places = np.flatnonzero(own >= 0)
        voters.append(Voter(name, places, rows[places], own[places], share_by_row(rest)[places]))
    return voters


def annotator_voters(
    annotators: tuple[str, ...], votes: Int[np.ndarray, "t v"], annotator: Int[np.ndarray, "t v"]
) -> list[Voter]:
    """The annotators as voters; rows by triplet number."""
    row, slot = np.nonzero((votes >= 0) & (annotator >= 0))
    order = np.lexsort((row, annotator[row, slot]))
    row, who, own = row[order], annotator[row, slot][order], votes[row, slot][order]
    first = np.flatnonzero(np.diff(who * np.int64(len(votes)) + row, prepend=-1))  # of each annotator and triplet
    given = np.diff(np.append(first, len(row)))
    of_b = np.add.reduceat(own, first, dtype=np.int64) if len(first) else np.zeros(0, np.int64)
    who, row = who[first], row[first]
    a, b = count_votes(votes[row])
    others = divide(b - of_b, a + b - given)
    edges = np.searchsorted(who, np.arange(len(annotators) + 1))
    return [
        Voter(name, row[start:stop], row[start:stop], (of_b[start:stop] > 0).astype(votes.dtype), others[start:stop])
        for name, (start, stop) in zip(annotators, itertools.pairwise(edges), strict=True)
    ]


def position_bias(voter: Voter, cluster: Cluster, weights: Weights) -> Estimate:
    """The share of b; one half without bias, if a and b were assigned at random."""
    return share_of_b(voter.votes[:, None]).estimate(cluster[voter.rows], weights)


def agreement_with_unanimous_others(voter: Voter, cluster: Cluster, weights: Weights) -> Estimate:
    """How often the voter agrees with the others where the others are unanimous."""
    agreed = np.isin(voter.others, (0.0, 1.0))
    return ratio(agreed & (voter.votes == voter.others), agreed).estimate(cluster[voter.rows], weights)


def runs(voter: Voter, source: Int[np.ndarray, " t"]) -> list[Stretch]:
    """Runs of equal answers: the longest, and those of the twenty longest that are flagged.

    A run is flagged if it covers at least five sources, and if independent votes would produce one this long anywhere
    in the column with a probability below 0.001. For that probability, q is the share of the letter in the column, or
    among the other votes on the same triplets if that is larger (the run may consist of clear cases).

        chance = 1 - exp(-n (1 - q) q^length)
    """
    found = []
    starts, lengths = _equal_stretches(voter.votes)
    for k in np.argsort(-lengths, kind="stable")[:20]:
        start, stop = int(starts[k]), int(starts[k] + lengths[k])
        letter = int(voter.votes[start])
        share = np.mean(voter.votes == letter)
        others = _letter_share(voter.others[start:stop], letter)
        chance = _chance_of_run(len(voter.votes), stop - start, np.nanmax((share, others)))
        flagged = chance < RARE and _sources(voter, source, start, stop) >= FEWEST_SOURCES
        found.append(_stretch(voter, start, stop, "ab"[letter], 1.0, others, chance, flagged))
    return found[:1] + [stretch for stretch in found[1:] if stretch.flagged]


def window(voter: Voter, source: Int[np.ndarray, " t"], length: int) -> Stretch:
    """The window of `length` consecutive votes with the largest share of one letter.

    Flagged if that share is at least .9, the share among the others there is at most .75, and it covers five sources.
    """
    total = np.concatenate(([0], np.cumsum(voter.votes)))
    share = (total[length:] - total[:-length]) / length
    start = int(np.argmax(np.maximum(share, 1 - share)))
    letter = int(share[start] >= 0.5)
    own, others = max(share[start], 1 - share[start]), _letter_share(voter.others[start : start + length], letter)
    flagged = own >= CONSTANT and others <= MIXED and _sources(voter, source, start, start + length) >= FEWEST_SOURCES
    return _stretch(voter, start, start + length, "ab"[letter], float(own), others, np.nan, flagged)


def copies(
    columns: tuple[str, ...], votes: Int[np.ndarray, "t v"], source: Int[np.ndarray, " t"]
) -> dict[tuple[str, str], Stretch]:
    """For every pair of columns, the longest run in which they agree, rows by triplet number; flagged as in `runs`."""
    found = {}
    for i, j in itertools.combinations(range(len(columns)), 2):
        same = (votes[:, i] == votes[:, j]) & (votes[:, i] >= 0)
        other_pairs = [
            votes[:, k] == votes[:, m] for k, m in itertools.combinations(range(len(columns)), 2) if (k, m) != (i, j)
        ]
        others = np.mean(other_pairs, axis=0) if other_pairs else np.full(len(same), np.nan)
        pair = Voter("", np.arange(len(same)), np.arange(len(same)), same.astype(np.int8), others)
        if not same.any():
            continue
        starts, lengths = _equal_stretches(pair.votes)
        longest = int(np.argmax(np.where(same[starts], lengths, 0)))
        start, stop = int(starts[longest]), int(starts[longest] + lengths[longest])
        nearby = _letter_share(others[start:stop], 1)
        chance = _chance_of_run(len(same), stop - start, np.nanmax((same.mean(), nearby)))
        flagged = bool(same.all()) or (chance < RARE and _sources(pair, source, start, stop) >= FEWEST_SOURCES)
        found[columns[i], columns[j]] = _stretch(pair, start, stop, "=", 1.0, nearby, chance, flagged)
    return found


def missed_dummies(votes: Votes) -> dict[str, tuple[int, int]]:
    """For every annotator who saw dummy triplets with a known answer: (missed, seen)."""
    dummies = votes.dummies
    if dummies is None:
        return {}
    missed, known = dummies.choice != dummies.expected, dummies.expected >= 0
    seen = {name: missed[known & (dummies.annotator == who)] for who, name in enumerate(votes.annotators)}
    return {name: (int(mine.sum()), len(mine)) for name, mine in seen.items() if len(mine)}


def _letter_share(share_of_b: np.ndarray, letter: int) -> float:
    known = share_of_b[np.isfinite(share_of_b)]
    mean = np.mean(known) if len(known) else np.nan
    return float(mean if letter else 1 - mean)


def _equal_stretches(votes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The start and the length of each stretch of equal votes."""
    starts = np.flatnonzero(np.diff(votes, prepend=-1)) if len(votes) else np.zeros(0, np.int64)
    return starts, np.diff(np.append(starts, len(votes)))


def _chance_of_run(n: int, length: int, share: float) -> float:
    return float(-np.expm1(-n * (1 - share) * share**length)) if share < 1 else 1.0


def _sources(voter: Voter, source: np.ndarray, start: int, stop: int) -> int:
    return len(np.unique(source[voter.rows[start:stop]]))


def _stretch(voter: Voter, start: int, stop: int, letter: str, share, others, chance, flagged) -> Stretch:
    first, last = (f"t{voter.places[i]:04d}" for i in (start, stop - 1))
    return Stretch(first, last, stop - start, letter, share, others, chance, bool(flagged))
