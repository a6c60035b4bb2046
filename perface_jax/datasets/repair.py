"""Checks whether the answers of a release follow its pictures, and moves answer columns into the order of the pictures.

The audit of `annotations` finds columns that disagree with each other. It cannot find answers whose columns all agree
but do not follow the pictures. This module can: votes depend mostly on the source, so under the right order the source
explains most of the variance of the mean votes. If it explains clearly more under another order than under that of the
pictures, the answers were written in that other order.

Simulated files like the real one, 24 x 24 (80 x 80 in brackets): of 400 (40) in the order of the pictures none is
suspected; of 800 (80) in another order all are suspected and moved, each from its own order.
"""

import dataclasses

import numpy as np
from jaxtyping import Float

from perface_jax import annotations
from perface_jax.annotations import GridOrder

LARGEST_P, LEAST_GAIN, LEAST_LEAD = 0.01, 0.1, 0.05


@dataclasses.dataclass(frozen=True)
class AnswerOrder:
    """The order under which sources explain most of the variance of the mean votes."""

    order: GridOrder
    gain: float  # the share of variance that sources explain, minus that in the order of the pictures
    lead: float  # the share that they explain, minus that in the next best order
    p: float  # share of random permutations of the votes whose best order gains as much

    @property
    def elsewhere(self) -> bool:
        """Whether the answers follow another order than the pictures: it gains .1 of the variance, not by chance."""
        return self.p <= LARGEST_P and self.gain >= LEAST_GAIN

    @property
    def sure(self) -> bool:
        """Whether that order is clear: it leads any third order by a twentieth of the variance."""
        return self.elsewhere and self.lead >= LEAST_LEAD


def better_order(
    mean_vote: Float[np.ndarray, " triplets"], pictures: GridOrder, *, permutations: int = 199
) -> AnswerOrder:
    """The order under which sources explain most of the variance of the mean votes, compared with that of the pictures.

    Mean votes are in the order of the triplet numbers; permutations of them show the gain by chance. The gain is 0 if
    the best order is that of the pictures.
    """
    generator = np.random.default_rng(0)
    votes = np.vstack([mean_vote, *(generator.permutation(mean_vote) for _ in range(permutations))])
    orders = annotations.grid_orders(pictures.sources, pictures.targets)
    spread = max(mean_vote.var(), 1e-12)

    def shares(order: GridOrder) -> np.ndarray:
        by_target = votes[:, order.positions()].reshape(len(votes), order.targets, order.sources)
        return by_target.mean(axis=1).var(axis=1) / spread

    explained = np.stack([shares(order) for order in orders])
    gains = explained.max(axis=0) - shares(pictures)
    second, best = np.sort(explained[:, 0])[-2:]
    found = orders[explained[:, 0].argmax()]
    return AnswerOrder(found, float(gains[0]), float(best - second), float((gains >= gains[0]).mean()))


def answers_order(answers: annotations.Votes, pictures: GridOrder) -> AnswerOrder:
    """`better_order` of the answers of a file; a triplet without votes counts as undecided."""
    mean_vote = annotations.vote_share(answers)[np.argsort(answers.places())]
    return better_order(np.nan_to_num(mean_vote, nan=0.5), pictures)


def to_pictures(
    answers: annotations.Votes, audit: annotations.Audit, pictures: GridOrder
) -> tuple[annotations.Votes, list[str]]:
    """The answers with every column moved into the order of the pictures.

    First, columns with an alarm of the audit join the others. If the answers then clearly follow an order other than
    that of the pictures, every column is moved from that order. Otherwise only columns are moved that disagree with a
    column in the order of the pictures.

    `audit` is the audit of these answers, with a grid. Also returned: for every moved column, a line that says from
    which order to which.

    Raises:
      ValueError: columns disagree and none clearly has the order of the pictures, or one seems shifted by some rows.
    """
    if audit.source_order is None:
        raise ValueError("the answers were audited without a grid: audit them with grid=(sources, targets)")
    together = annotations.repair(answers, audit, pictures=audit.source_order)
    found = answers_order(together, pictures)
    if found.sure:
        for column in answers.columns:
            together = annotations.reorder(together, column, annotations.OrderChange(found.order, pictures))
    else:
        together = annotations.repair(answers, audit, pictures=pictures)
    moved = []
    for k, column in enumerate(answers.columns):
        if (together.votes[:, k] != answers.votes[:, k]).any():
            seen = audit.column_orders.get(column, found.order)
            moved.append(f"{column}: {seen.words()} to {pictures.words()}")
    return together, moved


def disagreements(answers: annotations.Votes, alarms: tuple, pictures: GridOrder) -> list[str]:
    """What a user must know before using the answers with the pictures; empty if nothing is suspected.

    `alarms` are `Audit.order_alarms` of these answers; empty for answers moved by `to_pictures`.
    """
    if alarms:
        return [f"{column}: {change} (p = {p:.3f})" for column, change, p in alarms]
    found = answers_order(answers, pictures)
    if not found.elsewhere:
        return []
    return [f"all answers seem to be {found.order.words()}, the pictures are {pictures.words()} (p = {found.p:.3f})"]
