"""Labels: hand-worked tables, and Dawid-Skene against a plain loop and against known annotators."""

import time

import numpy as np
import pytest

from perface_jax.annotations import LabelWarning, Votes, dawid_skene, majority, unanimous, vote_share


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


def test_unanimous_needs_votes_that_agree_and_enough_of_them():
    labels = unanimous(TABLE)
    np.testing.assert_array_equal(labels.label, [-1, 1, -1, -1, -1])
    assert labels.kept == 1
    holes = votes_of([[0, 0, -1], [1, 1, 1], [-1, 1, -1], [0, 1, -1], [-1, -1, -1]])
    for least, wanted in {3: [-1, 1, -1, -1, -1], 2: [0, 1, -1, -1, -1], 1: [0, 1, 1, -1, -1]}.items():
        np.testing.assert_array_equal(unanimous(holes, min_votes=least).label, wanted)
    np.testing.assert_array_equal(unanimous(holes).label, unanimous(holes, min_votes=3).label)
    with pytest.raises(ValueError, match="min_votes is 0; wanted at least 1"):
        unanimous(holes, min_votes=0)


def test_vote_share_is_the_share_of_b():
    np.testing.assert_allclose(vote_share(TABLE), [1 / 3, 1, 1, 1 / 2, np.nan])


def test_dawid_skene_is_refused_without_annotators():
    with pytest.raises(ValueError, match="no annotator ids. A column is not a person"):
        dawid_skene(TABLE)


def simulated(rng, right: np.ndarray, triplets: int = 600, each: int = 3) -> tuple[Votes, np.ndarray]:
    """`each` votes a triplet from annotators who are right with their own probability, whatever the truth."""
    truth = rng.integers(0, 2, triplets)
    who = np.argsort(rng.random((triplets, len(right))), axis=1)[:, :each].astype(np.int32)
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


@pytest.mark.filterwarnings("ignore::perface_jax.annotations.LabelWarning")
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
    with pytest.warns(LabelWarning, match="has 2 votes"):
        assert dawid_skene(votes).label[1] == -1
    unnamed = votes_of([[0, 1], [1, 1], [1, 1]], np.array([[0, 1], [-1, -1], [0, 1]], np.int32), ("p", "q"))
    with pytest.warns(LabelWarning):
        assert dawid_skene(unnamed).label[1] == -1  # nobody knows whose votes these are
    nobody = votes_of(np.full((2, 1), -1), np.full((2, 1), -1), ("p",))
    np.testing.assert_array_equal(dawid_skene(nobody).label, [-1, -1])


def test_dawid_skene_iterates_until_nothing_changes_or_says_how_much_still_does():
    votes, _ = simulated(np.random.default_rng(2), np.linspace(0.55, 0.95, 12))
    with pytest.warns(LabelWarning, match=r"after 20 iterations a posterior still changes by \d.\de-0\d, wanted less"):
        early = dawid_skene(votes, iterations=20)
    settled = dawid_skene(votes, tolerance=1e-10)  # a warning would be an error
    np.testing.assert_allclose(dawid_skene(votes).share, settled.share, atol=1e-3)
    assert np.max(np.abs(early.share - settled.share)) > 0.01


def test_dawid_skene_is_fast_on_many_votes():
    """A guard for `benchmarks.million_triplets`: with one addition a vote this took a minute."""
    votes, _ = simulated(np.random.default_rng(3), np.linspace(0.55, 0.95, 40), triplets=20_000)
    began = time.perf_counter()
    dawid_skene(votes)
    assert time.perf_counter() - began < 10


def gain(rng, right: np.ndarray, votes_each: int, each: int = 3) -> float:
    """Accuracy of Dawid-Skene minus that of the majority, ties one half, where annotators have about so many votes."""
    votes, truth = simulated(rng, right, triplets=votes_each * len(right) // each, each=each)
    share = np.array([dawid_skene(votes).share, vote_share(votes)])
    return float(np.subtract(*np.mean((np.sign(share - 0.5) * np.where(truth, 1, -1) + 1) / 2, axis=1)))


def test_few_votes_make_dawid_skene_worse_than_the_majority_and_it_says_so():
    right = np.random.default_rng(4).uniform(0.55, 0.95, 10)
    with pytest.warns(LabelWarning, match="median annotator has .* Below 100, .*the majority is usually right more"):
        few = [gain(np.random.default_rng(seed), right, 18) for seed in range(20)]
    assert np.mean(few) < -0.02
    many = [gain(np.random.default_rng(seed), right, 400) for seed in range(3)]  # a warning would be an error
    assert np.mean(many) > 0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::perface_jax.annotations.LabelWarning")
def test_the_number_of_votes_from_which_dawid_skene_beats_the_majority():
    """The table of docs/statistics.md; by how much it is more often right, three votes a triplet, 40 annotators."""
    kinds = {
        "all .8": lambda rng: np.full(40, 0.8),
        ".55 to .95": lambda rng: rng.uniform(0.55, 0.95, 40),
        "a third guess": lambda rng: np.where(np.arange(40) % 3 == 0, 0.5, 0.9),
    }
    found = {}
    for given in (18, 30, 50, 100, 200, 400):
        for name, draw in kinds.items():
            rng = np.random.default_rng((given, len(name)))
            found[given, name] = np.mean([gain(rng, draw(rng), given) for _ in range(50)])
        print(given, *(f"{name}: {found[given, name]:+.3f}" for name in kinds))
    assert all(found[given, ".55 to .95"] < 0 for given in (18, 30))
    assert all(found[given, ".55 to .95"] > 0 for given in (100, 200, 400))
    assert min(found[100, name] for name in kinds) > -0.02 > found[50, "all .8"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::Warning:crowdkit")
def test_dawid_skene_agrees_with_crowd_kit():
    """crowd-kit smooths differently (1e-10 where a count is 0): labels agree, posteriors to .03."""
    DawidSkene = pytest.importorskip("crowdkit.aggregation").DawidSkene
    import pandas

    votes, _ = simulated(np.random.default_rng(5), np.linspace(0.55, 0.97, 20), triplets=2000)
    task, slot = np.nonzero(votes.votes >= 0)
    columns = {"task": task, "worker": votes.annotator[task, slot], "label": votes.votes[task, slot]}
    theirs = DawidSkene(n_iter=2000, tol=1e-9).fit_predict_proba(pandas.DataFrame(columns))[1].to_numpy()
    ours = dawid_skene(votes, tolerance=1e-8).share
    np.testing.assert_allclose(ours, theirs, atol=0.03)
    assert np.mean((ours > 0.5) == (theirs > 0.5)) > 0.998
