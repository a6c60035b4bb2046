"""Simulated annotators: who answers "is a or b closer to the reference c?", and what they look at. NumPy only.

The distance of two swaps is a weighted length of the difference of their perceptual features; weights, sensitivity,
position bias and lapse rate are each annotator's own:

    P(a) = (1 - lapse) * logistic(gain * sensitivity * (d(b, c) - d(a, c)) + bias) + lapse / 2

`gain` is one number for the world. It is solved, not drawn: the value at which two annotators are expected to agree
in `agreement` of the triplets. The released SimCelebA answers have .691 after repair (unanimous .537, and
.537 = (3 x .691 - 1) / 2).

Some annotators are careless. Everybody answers ten dummies, in which two pictures show one person; whoever misses more
than two is dropped, and others give the three valid votes. The paper drops whoever misses a dummy and does not say how
many each saw: here two slips are forgiven, because for a single one a ninth of the careful would go.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

AGREEMENT = 0.691
DUMMIES = 10  # an annotator answers
MISSES = 2  # of them are forgiven


class Annotators(NamedTuple):
    """The people; leading axis = annotator."""

    weights: np.ndarray  # of the features, rows sum to 1, [A, K]
    sensitivity: np.ndarray  # 1 = average, [A]
    bias: np.ndarray  # towards a, in logits, [A]
    lapse: np.ndarray  # share of answers at random, [A]


class Answers(NamedTuple):
    """What they said."""

    votes: np.ndarray  # 0 = a, 1 = b, int8 [T, 3]
    annotator: np.ndarray  # who gave the vote, int [T, 3]
    kept: np.ndarray  # who passed the dummies, bool [A]
    discarded: np.ndarray  # (triplet, annotator, vote) of those who did not, int [X, 3]
    dummies: np.ndarray  # (annotator, expected, vote), int [A * 10, 3]
    noise_free: np.ndarray  # what an average annotator without noise would say, int8 [T]


def recruit(seed: Sequence[int] | int, features: int, *, annotators: int = 18, careless: int = 2) -> Annotators:
    """Annotators with weights of their own over `features` features.

    Args:
      seed: integers that name the random stream.
      features: number of features K.
      annotators: how many.
      careless: how many of them answer mostly at random.

    Returns:
      `Annotators`; the careless ones are at random places.
    """
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


def margins(people: Annotators, features: np.ndarray) -> np.ndarray:
    """d(b, c) - d(a, c) as each annotator sees it.

    Args:
      people: `Annotators`.
      features: of the pictures a, b, c of every triplet, [T, 3, K].

    Returns:
      float64 [T, A].
    """
    a, b, c = np.moveaxis(np.asarray(features, np.float64), 1, 0)
    return np.sqrt((b - c) ** 2 @ people.weights.T) - np.sqrt((a - c) ** 2 @ people.weights.T)


def chances(people: Annotators, margin: np.ndarray, gain: float) -> np.ndarray:
    """P(a) of every annotator at every triplet, [T, A]."""
    logit = gain * people.sensitivity * margin + people.bias
    return (1.0 - people.lapse) * 0.5 * (1.0 + np.tanh(0.5 * logit)) + people.lapse / 2.0


def expected_agreement(chance: np.ndarray) -> float:
    """Share of triplets on which two different annotators are expected to agree, from P(a) [T, A]."""
    n = chance.shape[1]
    both_a = (chance.sum(1) ** 2 - (chance**2).sum(1)) / (n * (n - 1))
    return float(np.mean(1.0 - 2.0 * chance.mean(1) + 2.0 * both_a))


def calibrate(people: Annotators, margin: np.ndarray, *, agreement: float = AGREEMENT) -> float:
    """The gain at which two annotators are expected to agree in `agreement` of the triplets (or as near as it gets)."""
    low, high = 0.0, 1e3
    for _ in range(60):
        middle = (low + high) / 2.0
        if expected_agreement(chances(people, margin, middle)) < agreement:
            low = middle
        else:
            high = middle
    return high


def answer(
    seed: Sequence[int] | int, people: Annotators, features: np.ndarray, *, agreement: float = AGREEMENT
) -> Answers:
    """Three valid votes a triplet by different annotators, and everything said on the way.

    Args:
      seed: integers that name the random stream.
      people: `Annotators`.
      features: perceptual features of a, b, c of every triplet, [T, 3, K].
      agreement: expected share of agreeing pairs of votes.

    Returns:
      `Answers`.

    Raises:
      ValueError: fewer than three annotators pass the dummies.
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
    # in a dummy one picture shows the reference's person: nobody who looks can miss it
    slips = random.random((len(lapse), DUMMIES)) < lapse[:, None] / 2.0
    who = np.repeat(np.arange(len(lapse)), DUMMIES)
    return np.column_stack([who, expected.ravel(), (expected ^ slips).ravel()]), slips.sum(1)
