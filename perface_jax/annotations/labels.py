"""Labels from votes: the answer assigned to each triplet, and how many triplets have one.

0 = a, 1 = b, -1 = no label. The paper's D1 is `majority`, its D2 is `unanimous`.
"""

import dataclasses
import warnings

import numpy as np
from jaxtyping import Bool, Float64, Int8

from perface_jax.annotations.votes import Votes, share_by_row

# By simulation, three votes per triplet: tests/annotations/test_labels.py, docs/statistics.md.
FEWEST_VOTES = 100


class LabelWarning(UserWarning):
    """Labels that should not be trusted; the message says why."""


@dataclasses.dataclass(frozen=True, eq=False)
class Labels:
    """One label per triplet, and the rule that made them.

    `share` is the evidence for b, 0 to 1: the share of the votes, or the posterior of Dawid-Skene. `kept` is the number
    of triplets that have a label.
    """

    name: str
    label: Int8[np.ndarray, " t"]
    share: Float64[np.ndarray, " t"]
    kept: int

    def __str__(self) -> str:
        return f"{self.name}: keeps {self.kept:,} of {len(self.label):,} triplets"


def vote_share(votes: Votes) -> Float64[np.ndarray, " t"]:
    """The share of b among the votes on each triplet; NaN without votes."""
    return share_by_row(votes.votes)


def mean_vote(votes: Votes) -> Float64[np.ndarray, " t"]:
    """As `vote_share`, but one half where nobody voted."""
    return np.nan_to_num(vote_share(votes), nan=0.5)


def majority(votes: Votes) -> Labels:
    """The answer of more than half of the votes; no label for a tie or without votes. (D1)"""
    share = vote_share(votes)
    return _labels("majority", share, np.isfinite(share) & (share != 0.5))


def unanimous(votes: Votes, *, min_votes: int = 3) -> Labels:
    """The answer of all votes, if they are unanimous and there are at least `min_votes`. (D2)

    The default is the three votes of the release. Two of two votes are weaker evidence than three of three: with
    P(b) = .7, two votes agree in .58 of cases and three in .37. ValueError below 1.

        >>> import numpy as np
        >>> from perface_jax import annotations
        >>> votes = annotations.Votes(ids=("one", "two"), votes=np.array([[0, 0, 0], [0, 1, 1]]))
        >>> print(annotations.unanimous(votes))
        unanimous: keeps 1 of 2 triplets
        >>> print(annotations.majority(votes))
        majority: keeps 2 of 2 triplets
    """
    if min_votes < 1:
        raise ValueError(f"min_votes is {min_votes}; wanted at least 1 vote for a label")
    share = vote_share(votes)
    return _labels("unanimous", share, np.isin(share, (0.0, 1.0)) & (np.sum(votes.votes >= 0, axis=1) >= min_votes))


def dawid_skene(votes: Votes, *, iterations: int = 10_000, tolerance: float = 1e-6) -> Labels:
    """The more probable answer if every annotator has error rates of their own, by expectation maximization.

    P(truth = k | votes) ~ prior[k] * prod over votes of error[annotator, k, vote]; prior and error are re-estimated
    from these posteriors until none changes by more than `tolerance`. The iteration starts from the vote shares. Each
    count of `error` starts at 0.01, so that an annotator with few votes is never considered infallible.

    A posterior of exactly one half gives no label, nor does a triplet without votes. ValueError if the file does not
    say who voted: a column is not a person, and has no error rates.

    Issues a LabelWarning if the median annotator has fewer than `FEWEST_VOTES` votes, because the majority is then
    right more often. Issues another, with the remaining change, if `iterations` are not enough. On 1,000 triplets or
    more, 100 to 1,000 iterations are common.

    Source: Dawid and Skene, Applied Statistics 28 (1979), with the constant above added.
    """
    require_annotators(votes, "Dawid-Skene")
    annotator = np.asarray(votes.annotator, np.int64)
    row, slot = np.nonzero((votes.votes >= 0) & (annotator >= 0))
    kind = 2 * annotator[row, slot] + votes.votes[row, slot]  # annotator and vote in one
    _warn_of_few_votes(np.bincount(kind // 2))
    share = mean_vote(votes)
    change = np.inf if len(row) else 0.0
    for _ in range(iterations):
        if change < tolerance:
            break
        previous, share = share, _posterior(share, row, kind, len(votes.annotators))
        change = np.max(np.abs(share - previous))
    if change >= tolerance > 0:
        warnings.warn(
            f"Dawid-Skene: after {iterations} iterations a posterior still changes by {change:.1e}, wanted less than "
            f"{tolerance:.1e}; raise `iterations`",
            LabelWarning,
            stacklevel=2,
        )
    return labels_of("Dawid-Skene", share, np.bincount(row, minlength=len(share)) > 0)


def labels_of(name: str, share: Float64[np.ndarray, " t"], voted: Bool[np.ndarray, " t"]) -> Labels:
    """The labels of these posteriors of b; none where it is exactly one half, or where nobody known has voted."""
    return _labels(name, share, (share != 0.5) & voted)


def require_annotators(votes: Votes, what: str) -> None:
    """Raise a ValueError unless the votes say who gave them; `what` begins the message."""
    if votes.annotator is None:
        raise ValueError(
            f"{what} needs to know who gave each vote, and these votes have no annotator ids. A column is not a "
            "person: different people may have filled it. Use majority or unanimous, or read a file in the long form."
        )


def _posterior(share: np.ndarray, row: np.ndarray, kind: np.ndarray, annotators: int) -> np.ndarray:
    """One iteration: the error rates of the annotators, then the probability of b for every triplet."""
    evidence = np.full(len(share), np.log(share.mean() + 1e-12) - np.log(1 - share.mean() + 1e-12))
    odds = np.zeros((annotators, 2))  # annotator, vote
    for sign, truth in ((1, share), (-1, 1 - share)):
        counts = 0.01 + np.bincount(kind, truth[row], 2 * annotators).reshape(-1, 2)
        odds += sign * np.log(counts / counts.sum(axis=1, keepdims=True))
    evidence += np.bincount(row, odds.reshape(-1)[kind], len(share))
    return 1 / (1 + np.exp(-np.clip(evidence, -700, 700)))


def _warn_of_few_votes(given: np.ndarray) -> None:
    """`given` is the number of votes of every annotator."""
    typical = np.median(given[given > 0]) if given.any() else np.inf
    if typical < FEWEST_VOTES:
        warnings.warn(
            f"Dawid-Skene: the median annotator has {typical:g} votes. Below {FEWEST_VOTES}, error rates are too noisy "
            "and the majority is usually right more often; use it.",
            LabelWarning,
            stacklevel=3,
        )


def _labels(name: str, share: np.ndarray, kept: np.ndarray) -> Labels:
    label = np.where(kept, share > 0.5, -1).astype(np.int8)
    return Labels(name, label, share, int(kept.sum()))
