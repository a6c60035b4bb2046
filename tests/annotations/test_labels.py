"""Labels: hand-worked tables, and Dawid-Skene against a plain loop and against known annotators."""

import numpy as np
import pytest

from perface_jax.annotations import Votes, dawid_skene, majority, unanimous, vote_share


def votes_of(votes, annotator=None, annotators=()) -> Votes:
    ids = tuple(f"t{i:04d}" for i in range(len(votes)))
    return Votes(ids, np.array(votes), annotator=annotator, annotators=annotators)


#            2:1 for a  3:0 for b  one vote    a tie       no vote
TABLE = votes_of([[0, 1, 0], [1, 1, 1], [1, -1, -1], [0, 1, -1], [-1, -1, -1]])


def test_majority_needs_more_than_half_of_the_votes():
    labels = majority(TABLE)
    np.testing.assert_array_equal(labels.label, [0, 1, 1, -1, -1])
    assert labels.kept == 3
    assert str(labels) == "majority: keeps 3 of 5 triplets"


def test_unanimous_needs_two_votes_that_agree():
    labels = unanimous(TABLE)
    np.testing.assert_array_equal(labels.label, [-1, 1, -1, -1, -1])
    assert labels.kept == 1


def test_vote_share_is_the_share_of_b():
    np.testing.assert_allclose(vote_share(TABLE), [1 / 3, 1, 1, 1 / 2, np.nan])


def test_dawid_skene_is_refused_without_annotators():
    with pytest.raises(ValueError, match="no annotator ids. A column is not a person"):
        dawid_skene(TABLE)


def simulated(rng, right: np.ndarray, triplets: int = 600) -> tuple[Votes, np.ndarray]:
    """Three votes a triplet from annotators who are right with their own probability, whatever the truth."""
    truth = rng.integers(0, 2, triplets)
    who = np.stack([rng.choice(len(right), 3, replace=False) for _ in range(triplets)]).astype(np.int32)
    votes = np.where(rng.random(who.shape) < right[who], truth[:, None], 1 - truth[:, None])
    return votes_of(votes, who, tuple(f"p{i}" for i in range(len(right)))), truth


def dawid_skene_by_loops(votes: Votes, rounds: int) -> np.ndarray:
    """The same model written out vote by vote."""
    posterior = [list(row) for row in np.stack((1 - vote_share(votes), vote_share(votes)), axis=1)]
    given = [(t, votes.annotator[t, v], votes.votes[t, v]) for t in range(len(votes.ids)) for v in range(3)]
    for _ in range(rounds):
        prior = [sum(row[k] for row in posterior) / len(posterior) for k in (0, 1)]
        counts = {(a, k, x): 0.01 for a in range(len(votes.annotators)) for k in (0, 1) for x in (0, 1)}
        for t, a, x in given:
            for k in (0, 1):
                counts[a, k, x] += posterior[t][k]
        joint = [[prior[0], prior[1]] for _ in posterior]
        for t, a, x in given:
            for k in (0, 1):
                joint[t][k] *= counts[a, k, x] / (counts[a, k, 0] + counts[a, k, 1])
        posterior = [[row[0] / sum(row), row[1] / sum(row)] for row in joint]
    return np.array(posterior)[:, 1]


def test_dawid_skene_agrees_with_plain_loops():
    votes, _ = simulated(np.random.default_rng(0), np.array([0.95, 0.8, 0.6, 0.3]), triplets=60)
    share = dawid_skene(votes, iterations=7, tolerance=0).share
    np.testing.assert_allclose(share, dawid_skene_by_loops(votes, 7), rtol=1e-9, atol=1e-9)


def test_dawid_skene_beats_the_majority_where_some_annotators_guess():
    votes, truth = simulated(np.random.default_rng(1), np.array([0.97] * 4 + [0.5] * 6))
    found, plain = dawid_skene(votes), majority(votes)
    right = np.mean(found.label == truth), np.mean(plain.label == truth)
    assert right[0] > right[1] + 0.05
    assert found.kept == 600


def test_dawid_skene_gives_no_label_without_votes():
    votes = votes_of([[0, 1], [-1, -1], [1, 1]], np.array([[0, 1], [-1, -1], [0, 1]], np.int32), ("p", "q"))
    assert dawid_skene(votes).label[1] == -1
