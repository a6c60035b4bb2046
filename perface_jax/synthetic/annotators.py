"""Simulated annotators, who answer "is a or b closer to the reference c?", and the features they use. NumPy only.

The distance of two swaps is a weighted length of the difference of their perceptual features; weights, sensitivity,
position bias and lapse rate are each annotator's own:

    P(a) = (1 - lapse) * logistic(gain * sensitivity * (d(b, c) - d(a, c)) + bias) + lapse / 2

`gain` is one number for the world. It is solved, not drawn: two annotators are then expected to agree on the share
`agreement` of the triplets. The released SimCelebA answers have .691 after repair (unanimous .537, and
.537 = (3 x .691 - 1) / 2).

Some annotators are careless. Each answers ten dummies, in which two pictures show one person; those who miss more
than two are dropped, and others give the three valid votes. The paper drops an annotator for one miss and does not say
how many dummies each saw. Two misses are allowed here, because allowing none would drop a ninth of the careful.

`features` are perceptual features of the pictures a, b, c of every triplet; a `seed` is a number or several.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

AGREEMENT = 0.691
DUMMIES = 10  # an annotator answers
MISSES = 2  # of them are forgiven


class Annotators(NamedTuple):
    """The people; leading axis = annotator."""

    weights: Float[np.ndarray, "people k"]  # of the features, rows sum to 1
    sensitivity: Float[np.ndarray, " people"]  # 1 = average
    bias: Float[np.ndarray, " people"]  # towards a, in logits
    lapse: Float[np.ndarray, " people"]  # share of answers at random


class Answers(NamedTuple):
    """The answers of the annotators."""

    votes: Int[np.ndarray, "t 3"]  # 0 = a, 1 = b
    annotator: Int[np.ndarray, "t 3"]  # who gave the vote
    kept: Bool[np.ndarray, " people"]  # who passed the dummies
    discarded: Int[np.ndarray, "_ 3"]  # (triplet, annotator, vote) of those who did not
    dummies: Int[np.ndarray, "_ 3"]  # (annotator, expected, vote)
    noise_free: Int[np.ndarray, " t"]  # what an average annotator without noise would say


def recruit(seed: Sequence[int] | int, features: int, *, annotators: int = 18, careless: int = 2) -> Annotators:
    """Annotators with individual weights over `features` features; `careless` of them, at random, mostly guess."""
    random = np.random.default_rng(seed)
    weights = np.exp(0.45 * random.standard_normal((annotators, features)))
    lapse = random.uniform(0.0, 0.05, annotators)
    lapse[random.permutation(annotators)[:careless]] = 0.85
    return Annotators(
        weights=weights / weights.sum(1, keepdims=True),
        sensitivity=np.exp(0.2 * random.standard_normal(annotators)),
        bias=0.12 * random.standard_normal(annotators),
        lapse=lapse,
    )


def margins(people: Annotators, features: Float[np.ndarray, "t 3 k"]) -> Float[np.ndarray, "t people"]:
    """d(b, c) - d(a, c) for each annotator."""
    a, b, c = np.moveaxis(np.asarray(features, np.float64), 1, 0)
    return np.sqrt((b - c) ** 2 @ people.weights.T) - np.sqrt((a - c) ** 2 @ people.weights.T)


def chances(people: Annotators, margin: Float[np.ndarray, "t people"], gain: float) -> Float[np.ndarray, "t people"]:
    """P(a) of every annotator at every triplet."""
    logit = gain * people.sensitivity * margin + people.bias
    return (1.0 - people.lapse) * 0.5 * (1.0 + np.tanh(0.5 * logit)) + people.lapse / 2.0


def expected_agreement(chance: Float[np.ndarray, "t people"]) -> float:
    """Share of triplets on which two different annotators are expected to agree, from their P(a)."""
    n = chance.shape[1]
    both_a = (chance.sum(1) ** 2 - (chance**2).sum(1)) / (n * (n - 1))
    return float(np.mean(1.0 - 2.0 * chance.mean(1) + 2.0 * both_a))


def calibrate(people: Annotators, margin: Float[np.ndarray, "t people"], *, agreement: float = AGREEMENT) -> float:
    """The gain at which two annotators are expected to agree on `agreement` of the triplets, as nearly as possible."""
    low, high = 0.0, 1e3
    for _ in range(60):
        middle = (low + high) / 2.0
        too_low = expected_agreement(chances(people, margin, middle)) < agreement
        low, high = (middle, high) if too_low else (low, middle)
    return high


def answer(
    seed: Sequence[int] | int, people: Annotators, features: Float[np.ndarray, "t 3 k"], *, agreement: float = AGREEMENT
) -> Answers:
    """Three valid votes per triplet by different annotators, and all other answers.

    ValueError if fewer than three annotators pass the dummies.
    """
    random = np.random.default_rng(seed)
    triplets, everybody = len(features), len(people.lapse)
    dummies, missed = _ask_dummies(random, people.lapse)
    kept = missed <= MISSES
    if kept.sum() < 3:
        raise ValueError(f"only {kept.sum()} of {everybody} annotators pass the dummies: three are needed")
    margin = margins(people, features)
    valid = Annotators(*(field[kept] for field in people))
    gain = calibrate(valid, margin[:, kept], agreement=agreement)
    says_b = (random.random((triplets, everybody)) >= chances(people, margin, gain)).astype(np.int8)
    places = np.flatnonzero(kept)[np.argsort(random.random((triplets, kept.sum())), 1)[:, :3]]
    lost = random.random((triplets, everybody)) < np.where(kept, 0.0, 3.0 / everybody)
    return Answers(
        votes=np.take_along_axis(says_b, places, 1),
        annotator=places,
        kept=kept,
        discarded=np.column_stack([*np.nonzero(lost), says_b[lost]]),
        dummies=dummies,
        noise_free=(margin[:, kept].mean(1) < 0.0).astype(np.int8),
    )


def _ask_dummies(random: np.random.Generator, lapse: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of (annotator, expected, vote), and how many each missed."""
    expected = random.integers(0, 2, (len(lapse), DUMMIES))
    # in a dummy one picture shows the reference's person: only who answers at random misses it
    slips = random.random((len(lapse), DUMMIES)) < lapse[:, None] / 2.0
    who = np.repeat(np.arange(len(lapse)), DUMMIES)
    return np.column_stack([who, expected.ravel(), (expected ^ slips).ravel()]), slips.sum(1)
