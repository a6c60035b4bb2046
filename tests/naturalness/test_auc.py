import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from perface_jax.naturalness import auc, auc_estimate


def test_it_is_that_of_scikit_learn_with_ties():
    random = np.random.default_rng(0)
    natural, unnatural = random.integers(0, 9, 40).astype(float) + 1, random.integers(0, 9, 60).astype(float)
    wanted = roc_auc_score(np.repeat([1, 0], [40, 60]), np.concatenate([natural, unnatural]))
    assert auc(natural, unnatural) == pytest.approx(wanted)
    assert auc(np.array([1.0, 2]), np.array([1.0])) == 0.75


def test_the_interval_is_over_persons():
    random = np.random.default_rng(1)
    person = np.repeat(np.arange(20), 3)
    mood = random.normal(size=20)[person]  # of a person, on both sides
    natural, unnatural = mood + random.normal(size=60) + 1, mood + random.normal(size=60)
    found = auc_estimate(natural, unnatural, person, person, resamples=300)
    assert found.value == auc(natural, unnatural)
    assert 0.5 < found.low < found.value < found.high < 1
    assert found == auc_estimate(natural, unnatural, person + 5, person + 5, resamples=300)


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="unnatural scores have shape"):
        auc(np.ones(2), np.ones(0))
    with pytest.raises(ValueError, match="natural scores .* NaN"):
        auc(np.array([np.nan]), np.ones(2))
