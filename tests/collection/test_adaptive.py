"""The adaptive share: doubtful triplets get more votes, within what the plan can hold."""

import collections

import numpy as np
import pytest
from scipy.stats import beta

from perface_jax.collection import Kind, Share, plan_trials
from perface_jax.collection.adaptive import deal_in_proportion, doubt, read_margins, write_adaptive
from tests.collection.simulated_session import votes_of
from tests.collection.small_study import write_study


def test_doubt_is_the_smaller_tail_of_the_posterior():
    a, b = np.array([0, 2, 5, 1]), np.array([0, 1, 0, 4])
    wanted = [min(beta.cdf(0.5, 1 + x, 1 + y), beta.sf(0.5, 1 + x, 1 + y)) for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(doubt(a, b), wanted, rtol=1e-12)


def test_a_sure_model_lowers_doubt_until_people_say_otherwise():
    nobody = np.zeros(3, int)
    without = doubt(nobody, nobody)
    small, large, unknown = doubt(nobody, nobody, np.array([0.1, -0.4, 0.0]))
    assert large < small < unknown == without[0] == 0.5
    (against,) = doubt(np.array([0]), np.array([1]), np.array([0.4]))
    assert against > doubt(np.array([1]), np.array([0]), np.array([0.4]))[0]


def test_votes_are_dealt_in_proportion_within_limits():
    weight, source = np.array([0.5, 0.25, 0.25, 0.0]), np.array([0, 0, 1, 1])
    deal = deal_in_proportion(weight, 8, source, most=9, most_of_source=99)
    np.testing.assert_array_equal(deal, [4, 2, 2, 0])
    np.testing.assert_array_equal(deal_in_proportion(weight, 8, source, most=3, most_of_source=99), [3, 3, 2, 0])
    assert deal_in_proportion(weight, 8, source, most=9, most_of_source=3).tolist() == [2, 1, 3, 0]


@pytest.fixture
def study(tmp_path):
    return write_study(tmp_path / "study", sources=24, targets=10, annotators=8, adaptive=0.4)


def test_the_next_wave_asks_more_of_what_is_in_doubt_and_keeps_a_random_share(study):
    votes = [vote for annotator in range(8) for vote in votes_of(study, annotator)]
    dealt = write_adaptive(study, 1, votes)
    assert sum(dealt.values()) == int(0.4 * 3 * 240)
    given = collections.defaultdict(list)
    for vote in votes:
        if vote.kind is Kind.VOTE:
            given[vote.triplet].append(vote.choice)
    split, agreed = ([name for name, all_ in given.items() if (len(set(all_)) > 1) is mixed] for mixed in (True, False))
    assert np.mean([dealt.get(name, 0) for name in split]) > 3 * np.mean([dealt.get(name, 0) for name in agreed])
    trials = [trial for annotator in range(8, 16) for trial in plan_trials(study, annotator)]
    counts = collections.Counter((trial.triplet, trial.share) for trial in trials if trial.kind is Kind.VOTE)
    assert {name: counts[name, Share.ADAPTIVE] for name in dealt} == dealt
    assert {counts[name, Share.RANDOM] for name in given} == {1, 2}
    with pytest.raises(ValueError, match="there already"):
        write_adaptive(study, 1, votes)


def test_margins_are_read_strictly(study, tmp_path):
    path = tmp_path / "margins.csv"
    path.write_text("triplet,margin\nt0000,-.25\nt0003,1e-3\n")
    assert read_margins(path, study) == {"t0000": -0.25, "t0003": 0.001}
    for text in ("triplet,margin\nt9999,1", "triplet,margin\nt0000,large", "triplet,margin\nt0000,1\nt0000,2"):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"margins.csv, line \d"):
            read_margins(path, study)


def test_a_plan_without_an_adaptive_share_is_refused(tmp_path):
    with pytest.raises(ValueError, match="adaptive: 0.5"):
        write_adaptive(write_study(tmp_path / "study"), 1, [])
