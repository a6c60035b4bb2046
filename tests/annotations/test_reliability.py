"""Hierarchical Dawid-Skene: labels, abilities, intervals, against known annotators and against plain integration."""

import itertools

import numpy as np
import pytest

from perface_jax.annotations import Votes, annotator_reliability, dawid_skene, vote_share
from perface_jax.annotations import reliability as module
from tests.annotations.test_labels import simulated


def right_share(share, truth):
    return np.mean((np.sign(share - 0.5) * np.where(truth, 1, -1) + 1) / 2)


def test_a_careless_annotator_is_found_and_the_others_are_about_right():
    right = np.array([0.95, 0.9, 0.85, 0.8, 0.7, 0.5, 0.9, 0.9])
    votes, truth = simulated(np.random.default_rng(0), right, triplets=1000)
    found = annotator_reliability(votes)
    for one, wanted in zip(found.annotators, right, strict=True):
        assert one.right.low - 0.02 < wanted < one.right.high + 0.02, one
        assert one.votes == np.sum(votes.annotator[votes.votes >= 0] == votes.annotators.index(one.name))
    assert found.annotators[5].right.high < 0.62
    assert right_share(found.labels.share, truth) > right_share(vote_share(votes), truth) + 0.01
    assert found.hierarchy.iterations < 500


def test_a_habit_of_saying_b_is_a_bias_and_no_lack_of_ability():
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 1500)
    who = np.argsort(rng.random((1500, 6)), axis=1)[:, :3]
    bias = np.array([0, 0, 1.0, 0, -0.8, 0])[who]
    logit = np.where(truth, 1, -1)[:, None] * 1.8 + bias
    says_b = (rng.random(who.shape) < 1 / (1 + np.exp(-logit))).astype(np.int8)
    votes = Votes(
        tuple(f"t{i:04d}" for i in range(1500)), says_b, annotator=who.astype(np.int32), annotators=tuple("uvwxyz")
    )
    found = annotator_reliability(votes)
    for one, wanted in zip(found.annotators, (0, 0, 1.0, 0, -0.8, 0), strict=True):
        assert one.bias.low - 0.1 < wanted < one.bias.high + 0.1, one
    assert found.hierarchy.ability == pytest.approx(1.8, abs=0.35)


def test_posteriors_are_those_of_bayes_rule():
    """Of one step, by hand: two people with abilities 1 and 2 and biases .5 and 0, prior .5."""
    data = module._Data(np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([1, 0, 1]), 2, 2)
    state = module._State(np.array([[1, 0.5], [2, 0.0]]), 1.0, np.ones(2), np.array([0.5, 0.5]))

    def logistic(x):
        return 1 / (1 + np.exp(-x))

    b = logistic(1.5) * (1 - logistic(2))  # the first says b, the second a
    a = (1 - logistic(0.5)) * logistic(2)
    wanted = b / (a + b), logistic(1.5) / (logistic(1.5) + 1 - logistic(0.5))
    np.testing.assert_allclose(module._posterior(state, data), wanted)


def test_the_information_is_the_curvature_of_the_likelihood():
    """Louis' identity against second differences of the log-likelihood, prior of the truths and hierarchy included."""
    rng = np.random.default_rng(2)
    votes, _ = simulated(rng, np.array([0.9, 0.7, 0.8]), triplets=60)
    row, slot = np.nonzero(votes.votes >= 0)
    data = module._Data(row, votes.annotator[row, slot].astype(int), votes.votes[row, slot].astype(int), 60, 3)
    theta, spread = np.array([[2.0, 0.1], [1.0, 0.3], [1.4, -0.2]]), np.array([0.8, 0.4])
    at = np.append(theta.ravel(), [0.2, 1.3])  # log-odds of b, mean ability

    def log_posterior(at):
        theta, prior = at[:6].reshape(3, 2), 1 / (1 + np.exp(-at[6]))
        chance = module._right(theta)[data.who]
        joint = []
        for truth, weight in ((0, 1 - prior), (1, prior)):
            each = np.where(data.vote == truth, chance[:, truth], 1 - chance[:, truth])
            joint.append(np.log(weight) + np.bincount(row, np.log(each), 60))
        return np.logaddexp(*joint).sum() - np.sum(((theta - [at[7], 0]) / spread) ** 2) / 2

    step, eye = 1e-4, np.eye(8)
    curvature = np.zeros((8, 8))
    for i, j in itertools.product(range(8), repeat=2):
        ends = [log_posterior(at + step * (s * eye[i] + r * eye[j])) * s * r for s in (1, -1) for r in (1, -1)]
        curvature[i, j] = -sum(ends) / (4 * step**2)
    prior = 1 / (1 + np.exp(-0.2))
    odds = module._State(theta, 1.3, spread, np.full(60, prior))
    share = module._posterior(odds, data)

    class Fixed(module._State):
        prior = 1 / (1 + np.exp(-0.2))

    found = np.linalg.inv(module._covariance(Fixed(theta, 1.3, spread, share), data))
    np.testing.assert_allclose(found, curvature, atol=2e-3 * np.abs(curvature).max())


def test_few_votes_give_the_labels_of_the_majority_where_dawid_skene_is_worse():
    right, gains = np.full(20, 0.8), []
    for seed in range(4):
        votes, truth = simulated(np.random.default_rng(seed), right, triplets=120)
        shares = annotator_reliability(votes).labels.share, vote_share(votes)
        gains.append([right_share(shares[0], truth), right_share(shares[1], truth)])
    assert np.subtract(*np.mean(gains, axis=0)) > -0.01


def test_nobody_is_judged_without_a_vote_and_a_column_is_nobody():
    votes, _ = simulated(np.random.default_rng(3), np.array([0.9, 0.8]), triplets=30, each=2)
    silent = Votes(votes.ids, votes.votes, annotator=votes.annotator, annotators=(*votes.annotators, "silent"))
    one = annotator_reliability(silent).annotators[-1]
    assert (one.name, one.votes) == ("silent", 0)
    assert one.right.high - one.right.low > 0.3  # what is known of people in general
    with pytest.raises(ValueError, match="The reliability of an annotator needs to know who gave each vote"):
        annotator_reliability(Votes(votes.ids, votes.votes))
    nothing = annotator_reliability(Votes(("t0000",), np.array([[-1]]), annotator=np.array([[-1]]), annotators=("p",)))
    assert nothing.labels.kept == 0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::perface_jax.annotations.LabelWarning")
def test_labels_are_not_worse_than_the_majority_and_intervals_cover():
    """The table of docs/annotators.md: 40 annotators, three votes a triplet, 10 studies each."""
    kinds = {
        "all .8": lambda rng: np.full(40, 0.8),
        ".55 to .95": lambda rng: rng.uniform(0.55, 0.95, 40),
        "a third guess": lambda rng: np.where(np.arange(40) % 3 == 0, 0.5, 0.9),
    }
    for given in (18, 30, 50, 100, 200, 400):
        for name, draw in kinds.items():
            gains, covered = [], []
            for seed in range(10):
                rng = np.random.default_rng((given, seed, len(name)))
                right = draw(rng)
                votes, truth = simulated(rng, right, triplets=given * 40 // 3)
                found = annotator_reliability(votes)
                shares = found.labels.share, dawid_skene(votes).share, vote_share(votes)
                accuracy = [right_share(share, truth) for share in shares]
                gains.append([accuracy[0] - accuracy[2], accuracy[1] - accuracy[2]])
                pairs = zip(found.annotators, right, strict=True)
                covered += [one.right.low <= wanted <= one.right.high for one, wanted in pairs]
            ours, dawid = np.mean(gains, axis=0)
            print(given, name, f"{ours:+.3f} {dawid:+.3f} {np.mean(covered):.3f}", flush=True)
            assert ours > -0.005
            assert np.mean(covered) > (0.9 if given >= 100 else 0.8)
