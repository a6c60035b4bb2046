"""GLAD and MACE through crowd-kit find a careless annotator, and are refused without annotators or the package."""

import sys

import numpy as np
import pytest

from perface_jax import extras
from perface_jax.annotations import Votes, glad, mace
from tests.annotations.test_labels import simulated

RIGHT = np.array([0.95, 0.9, 0.85, 0.5, 0.9])


@pytest.mark.parametrize("rule", [glad, mace])
def test_without_annotators_or_the_package_they_are_refused(rule, monkeypatch):
    votes, _ = simulated(np.random.default_rng(0), RIGHT, triplets=10)
    with pytest.raises(ValueError, match=rf"{rule.__name__.upper()} needs to know who gave each vote"):
        rule(Votes(votes.ids, votes.votes))
    monkeypatch.setitem(sys.modules, "crowdkit.aggregation", None)
    monkeypatch.setitem(sys.modules, "crowdkit", None)
    with pytest.raises(extras.MissingExtra, match=r"perface_jax\[crowd\]"):
        rule(votes)


@pytest.mark.slow  # crowd-kit takes half a minute
@pytest.mark.filterwarnings("ignore::Warning")
@pytest.mark.parametrize("rule", [glad, mace])
def test_abilities_are_in_the_order_of_the_truth(rule):
    pytest.importorskip("crowdkit.aggregation")
    votes, truth = simulated(np.random.default_rng(0), RIGHT, triplets=300)
    found = rule(votes)
    assert np.argmin(found.ability) == 3
    assert found.ability[3] < 0.25 < np.delete(found.ability, 3).min()
    assert np.mean(found.labels.label == truth) > 0.88
    assert (found.ease is not None) == (rule is glad)
    more, who = (np.vstack([one, [[-1] * 3]]) for one in (votes.votes, votes.annotator))
    unvoted = Votes((*votes.ids, "t9999"), more, annotator=who, annotators=(*votes.annotators, "silent"))
    silent = rule(unvoted)
    assert silent.labels.label[-1] == -1
    assert np.isnan(silent.ability[-1])
