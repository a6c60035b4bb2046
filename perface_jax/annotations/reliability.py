"""How reliable is each annotator? Hierarchical Dawid-Skene: few votes of one are judged by what all have in common.

    P(z_t = b) = prior                                                     z_t: the true answer of triplet t
    logit P(annotator i is right | z_t) = ability_i +- bias_i              + if z_t = b, - if it is a
    ability_i ~ normal(mean, spread_ability)    bias_i ~ normal(0, spread_bias)

`labels.dawid_skene` estimates two free rates of every annotator, which takes a hundred votes each. Here mean and
spreads are estimated too, so that somebody with few votes is taken to be much like the others: with few votes the
labels are those of the majority, with many those of Dawid and Skene. NumPy only.

Not modeled: that some triplets are harder than others (`crowd.glad` does). The errors on a hard triplet count as if
they were independent.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int

from perface_jax.annotations.labels import Labels, labels_of, mean_vote, require_annotators
from perface_jax.annotations.votes import Votes
from perface_jax.statistics.estimates import Estimate

Z = 1.959964
NEWTON = 5  # steps from the last iteration's estimates; one is nearly enough
# The prior of the spreads of ability and bias (logit): scaled inverse chi-squared. Without it, few votes give 0.
USUAL, DEGREES = np.array([1.0, 0.3]), 4


class Reliability(NamedTuple):
    """One annotator.

    Attributes:
      votes: how many votes are counted.
      right: the probability of the true answer, over triplets like these, with its 95% interval.
      bias: the log-odds of b beyond those of the truth, halved; 0 without a preference for a side.
    """

    name: str
    votes: int
    right: Estimate
    bias: Estimate


class Hierarchy(NamedTuple):
    """What all annotators have in common, on the logit scale."""

    ability: float
    spread_ability: float
    spread_bias: float
    prior: float  # the share of triplets whose true answer is b
    iterations: int


class ReliabilityResult(NamedTuple):
    """The labels by the posterior of the truth, every annotator, and what they have in common."""

    labels: Labels
    annotators: tuple[Reliability, ...]
    hierarchy: Hierarchy


class _Data(NamedTuple):
    """The votes that count, one entry each."""

    row: Int[np.ndarray, " n"]
    who: Int[np.ndarray, " n"]
    vote: Int[np.ndarray, " n"]
    rows: int
    people: int

    def sums(self, values: np.ndarray) -> np.ndarray:
        return np.bincount(self.who, values, self.people)


class _State(NamedTuple):
    """Estimates of one iteration: `theta` is ability and bias of each annotator."""

    theta: Float64[np.ndarray, "a 2"]
    mean: float
    spread: Float64[np.ndarray, " 2"]
    share: Float64[np.ndarray, " t"]

    @property
    def prior(self) -> float:
        return float(np.clip(self.share.mean(), 1e-6, 1 - 1e-6))


def annotator_reliability(votes: Votes, *, iterations: int = 2000, tolerance: float = 1e-6) -> ReliabilityResult:
    """Labels and annotators by hierarchical Dawid-Skene.

    Expectation maximization with Laplace's approximation for the annotators, from the vote shares, until no posterior
    changes by more than `tolerance`. The interval of an annotator adds what the unknown truths leave open (Louis'
    identity) to the prior's and the votes' information, and takes the spreads as known. docs/annotators.md has how
    often it covers the truth.

    Raises:
      ValueError: the votes do not say who gave them.

    Source: Dawid and Skene, Applied Statistics 28 (1979); Louis, J. R. Statist. Soc. B 44 (1982); the hierarchy is
    ours, as in Paun et al., TACL 6 (2018), with a bias in place of two abilities.
    """
    require_annotators(votes, "The reliability of an annotator")
    annotator = np.asarray(votes.annotator, np.int64)
    row, slot = np.nonzero((votes.votes >= 0) & (annotator >= 0))
    who = annotator[row, slot]
    data = _Data(row, who, votes.votes[row, slot].astype(int), len(votes.ids), len(votes.annotators))
    people = data.people
    state = _State(np.tile([1.0, 0.0], (people, 1)), 1.0, np.array([1.0, 0.5]), mean_vote(votes))
    step, change = 0, np.inf
    while change >= tolerance and step < iterations:
        previous, state = state.share, _maximize(state, data)
        state = state._replace(share=_posterior(state, data))
        step, change = step + 1, np.max(np.abs(state.share - previous), initial=0)
    labels = labels_of("hierarchical Dawid-Skene", state.share, np.bincount(row, minlength=data.rows) > 0)
    ability, bias = map(float, state.spread)
    common = Hierarchy(state.mean, ability, bias, state.prior, step)
    return ReliabilityResult(labels, tuple(_annotators(votes.annotators, state, data)), common)


def _right(theta: Float[np.ndarray, "a 2"]) -> Float64[np.ndarray, "a 2"]:
    """The probability of the true answer, if it is a and if it is b."""
    return 1 / (1 + np.exp(-np.clip(theta @ np.array([[1.0, 1.0], [-1.0, 1.0]]), -30, 30)))


def _maximize(state: _State, data: _Data) -> _State:
    """Annotators, then mean and spreads, from the posteriors of the truth."""
    truth_b = state.share[data.row]
    given = np.stack([data.sums(1 - truth_b), data.sums(truth_b)], axis=1)
    right = np.stack([data.sums((1 - truth_b) * (data.vote == 0)), data.sums(truth_b * (data.vote == 1))], axis=1)
    theta, center = state.theta, np.array([state.mean, 0.0])
    for _ in range(NEWTON):
        chance = _right(theta)
        gradient = _turned(right - given * chance) - (theta - center) / state.spread**2
        information = _information(given * chance * (1 - chance), state.spread)
        theta = theta + np.clip(np.linalg.solve(information, gradient[..., None])[..., 0], -2, 2)
    chance = _right(theta)
    rest = np.diagonal(np.linalg.inv(_information(given * chance * (1 - chance), state.spread)), axis1=1, axis2=2)
    seen = given.sum(axis=1) > 0
    mean = float(theta[seen, 0].mean()) if seen.any() else state.mean
    around = np.sum((theta - [mean, 0.0])[seen] ** 2 + rest[seen], axis=0)
    spread = np.sqrt((around + DEGREES * USUAL**2) / (seen.sum() + DEGREES + 2))
    return state._replace(theta=theta, mean=mean, spread=spread)


def _turned(by_truth: np.ndarray) -> np.ndarray:
    """From derivatives by the two logits to those by ability and bias."""
    return np.stack([by_truth[:, 1] + by_truth[:, 0], by_truth[:, 1] - by_truth[:, 0]], axis=1)


def _information(weight: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """The negative second derivatives of each annotator: `[a, 2, 2]`."""
    both, differ = weight.sum(axis=1), weight[:, 1] - weight[:, 0]
    found = np.stack([np.stack([both, differ], -1), np.stack([differ, both], -1)], -2)
    return found + np.diag(1 / spread**2)


def _posterior(state: _State, data: _Data) -> np.ndarray:
    """The probability that the true answer is b."""
    if_a, if_b = np.moveaxis(_right(state.theta)[data.who], 1, 0)
    says_b = data.vote == 1
    odds = np.log(np.where(says_b, if_b, 1 - if_b)) - np.log(np.where(says_b, 1 - if_a, if_a))
    prior = np.log(state.prior / (1 - state.prior))
    return 1 / (1 + np.exp(-np.clip(prior + np.bincount(data.row, odds, data.rows), -700, 700)))


def _annotators(names, state: _State, data: _Data):
    """Every annotator with intervals from the observed information of all of them."""
    chance, covariance = _right(state.theta), _covariance(state, data)
    given = data.sums(np.ones(len(data.row)))
    mix = np.array([1 - state.prior, state.prior])
    for i, name in enumerate(names):
        own = covariance[2 * i : 2 * i + 2, 2 * i : 2 * i + 2]
        right = float(chance[i] @ mix)
        slope = _turned((mix * chance[i] * (1 - chance[i]))[None])[0] / (right * (1 - right))
        logit, half = np.log(right / (1 - right)), Z * np.sqrt(slope @ own @ slope)
        low, high = (float(1 / (1 + np.exp(-end))) for end in (logit - half, logit + half))
        bias, wide = float(state.theta[i, 1]), Z * float(np.sqrt(own[1, 1]))
        yield Reliability(name, int(given[i]), Estimate(right, low, high), Estimate(bias, bias - wide, bias + wide))


def _covariance(state: _State, data: _Data) -> Float64[np.ndarray, "p p"]:
    """The inverse of Louis' observed information of all abilities, biases and the prior; NaN if it is not positive."""
    from scipy import sparse  # takes a while to import

    chance, share = _right(state.theta)[data.who], state.share
    of_b, of_a = (data.vote == 1) - chance[:, 1], (data.vote == 0) - chance[:, 0]
    entries = np.concatenate([of_b - of_a, of_b + of_a])  # by ability, by bias; if the truth is b minus if it is a
    places = np.concatenate([data.row, data.row]), np.concatenate([2 * data.who, 2 * data.who + 1])
    size = 2 * data.people
    moves = sparse.csr_matrix((entries, places), (data.rows, size))
    moves = sparse.hstack([moves, np.ones((data.rows, 1)), sparse.csr_matrix((data.rows, 1))]).tocsr()
    missing = (moves.T @ sparse.diags_array(share * (1 - share)) @ moves).toarray()
    truth_b = share[data.row]
    weight = np.stack([data.sums((1 - truth_b) * chance[:, 0] * (1 - chance[:, 0])),
                       data.sums(truth_b * chance[:, 1] * (1 - chance[:, 1]))], axis=1)  # fmt: skip
    complete = np.zeros((size + 2, size + 2))  # the last two: prior, and mean of the abilities
    for i, block in enumerate(_information(weight, state.spread)):
        complete[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = block
    complete[-2, -2] = data.rows * state.prior * (1 - state.prior)
    complete[-1, -1] = data.people / state.spread[0] ** 2
    complete[-1, :size:2] = complete[:size:2, -1] = -1 / state.spread[0] ** 2
    values, vectors = np.linalg.eigh(complete - missing)
    if values[0] <= 0:
        return np.full_like(complete, np.nan)
    return vectors / values @ vectors.T
