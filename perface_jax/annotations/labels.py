"""Labels from votes: the answer assigned to each triplet, and how many triplets have one.

0 = a, 1 = b, -1 = no label. The paper's D1 is `majority`, its D2 is `unanimous`.
"""

import dataclasses

import numpy as np
from jaxtyping import Float64, Int8

from perface_jax.annotations.votes import Votes, share_by_row


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


def unanimous(votes: Votes) -> Labels:
    """The answer of all votes, if they are unanimous and there are at least two. (D2)"""
    share = vote_share(votes)
    return _labels("unanimous", share, np.isin(share, (0.0, 1.0)) & (np.sum(votes.votes >= 0, axis=1) >= 2))


def dawid_skene(votes: Votes, *, iterations: int = 100, tolerance: float = 1e-6) -> Labels:
    """The more probable answer if every annotator has individual error rates, by expectation maximization.

    P(truth = k | votes) ~ prior[k] * prod over votes of error[annotator, k, vote]; prior and error are re-estimated
    from these posteriors until none changes by more than `tolerance`. The vote shares are the start. Each count of
    `error` starts at 0.01, so that an annotator with few votes is never considered infallible.

    A posterior of exactly one half gives no label, nor does a triplet without votes. ValueError if the file does not
    say who voted: a column is not a person, and has no error rates.

    Source: Dawid and Skene, Applied Statistics 28 (1979), with the constant above added.
    """
    if votes.annotator is None:
        raise ValueError(
            "Dawid-Skene needs to know who gave each vote, and these votes have no annotator ids. A column is not a "
            "person: different people may have filled it. Use majority or unanimous, or read a file in the long form."
        )
    row, slot = np.nonzero(votes.votes >= 0)
    vote, who = votes.votes[row, slot], votes.annotator[row, slot]
    share = mean_vote(votes)
    for _ in range(iterations):
        truth = np.stack((1 - share, share), axis=1)  # [T, 2]
        counts = np.full((len(votes.annotators), 2, 2), 0.01)  # annotator, truth, vote
        np.add.at(counts.swapaxes(1, 2), (who, vote), truth[row])
        error = counts / counts.sum(axis=2, keepdims=True)
        evidence = np.log(truth.mean(axis=0) + 1e-12) * np.ones((len(share), 1))
        np.add.at(evidence, row, np.log(error[who, :, vote]))
        previous, share = share, 1 / (1 + np.exp(np.clip(evidence[:, 0] - evidence[:, 1], -700, 700)))
        if np.max(np.abs(share - previous)) < tolerance:
            break
    return _labels("Dawid-Skene", share, (share != 0.5) & np.any(votes.votes >= 0, axis=1))


def _labels(name: str, share: np.ndarray, kept: np.ndarray) -> Labels:
    label = np.where(kept, share > 0.5, -1).astype(np.int8)
    return Labels(name, label, share, int(kept.sum()))
