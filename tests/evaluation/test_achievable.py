"""Best achievable scores of a setting: computed once for the same votes."""

import numpy as np

from perface_jax import metrics
from perface_jax.annotations import Setting
from perface_jax.evaluation import achievable
from tests.fake_faces import RIGHT, Colors, data, run, similarities


def test_the_same_counts_of_votes_are_computed_once_and_others_are_not(monkeypatch):
    computed, compute = [], metrics.achievable_accuracy
    monkeypatch.setattr(
        metrics, "achievable_accuracy", lambda *args, **kw: computed.append(args) or compute(*args, **kw)
    )

    def best(votes, seed):
        triplets = Colors()
        triplets.votes = np.array(votes, np.int8)
        of = run(data(triplets), vectors=similarities(*[RIGHT] * 5))
        return achievable.best_achievable(Setting.BOTH_UNSEEN, seed)([of])

    votes = [[0, 0, 0], [0, 0, 1], [1, 1, 0], [1, 1, 1], [0, 0, 0]]
    first = best(votes, 321)
    assert best(votes, 321) is first
    assert len(computed) == 1
    assert best(votes, 322) is not first  # the interval draws others
    assert best([[0, 0, 1], *votes[1:]], 321).a != first.a
    assert len(computed) == 3
