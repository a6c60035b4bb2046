"""What an interval of an evaluation is over, and what it says where ids are missing."""

import numpy as np
import pytest

from perface_jax import metrics
from perface_jax.evaluation.intervals import Inference, Judged, Method, basis, equivalent, interval, paired

SOURCE, TARGET = (grid.reshape(-1) for grid in np.mgrid[:8, :5])
SCORES = (np.random.default_rng(0).random(40) < 0.5 + SOURCE / 20).astype(np.float32)
UNKNOWN, ONE = np.full(40, -1), np.zeros(40, int)
BOTH = Judged(SOURCE, TARGET)


def test_by_default_it_is_over_sources_and_targets():
    expected = [float(end) for end in metrics.score_interval(SCORES, SOURCE, TARGET)]
    assert interval(SCORES, BOTH, Inference()) == pytest.approx(expected, rel=1e-5)
    assert interval(SCORES, BOTH, Inference(Method.SOURCE)) != pytest.approx(expected, rel=1e-3)


def test_what_is_unknown_is_left_out_and_said():
    expected = [float(end) for end in metrics.score_interval(SCORES, SOURCE)]
    for target, note in ((UNKNOWN, "targets unknown"), (ONE, "one target")):
        judged = Judged(SOURCE, target)
        assert interval(SCORES, judged, Inference()) == pytest.approx(expected, rel=1e-5)
        assert basis(judged, Method.TWO_WAY).note == f"{note}: interval over sources only"
    assert basis(Judged(UNKNOWN, TARGET), Method.TWO_WAY).note == "sources unknown: interval over targets only"
    assert np.isfinite(interval(SCORES, Judged(UNKNOWN, TARGET), Inference())).all()


@pytest.mark.parametrize(
    ("judged", "method", "note"),
    [
        (Judged(UNKNOWN, UNKNOWN), Method.TWO_WAY, "sources unknown"),
        (Judged(UNKNOWN, TARGET), Method.SOURCE, "sources unknown"),
        (Judged(ONE, TARGET), Method.TWO_WAY, "one source"),
        (Judged(ONE, UNKNOWN), Method.PIGEONHOLE, "one source"),
    ],
)
def test_without_two_sources_or_targets_there_is_none(judged, method, note):
    assert basis(judged, method) == ((), note)
    assert np.isnan(interval(SCORES, judged, Inference(method))).all()
    found = paired(SCORES, 1 - SCORES, judged, Inference(method))
    assert found.value == pytest.approx(np.mean(2 * SCORES - 1))
    assert np.isnan(found[1:]).all()


def test_scores_that_are_no_numbers_do_not_count():
    broken = np.append(SCORES, [np.nan, np.nan]).astype(np.float32)
    judged = Judged(np.append(SOURCE, [8, -1]), np.append(TARGET, [0, 0]))
    assert interval(broken, judged, Inference()) == pytest.approx(interval(SCORES, BOTH, Inference()))
    other = np.roll(SCORES, 7)
    found = paired(broken, np.append(other, [1, 1]).astype(np.float32), judged, Inference())
    assert found == pytest.approx(paired(SCORES, other, BOTH, Inference()))
    assert found[1:] == pytest.approx(
        [float(x) for x in metrics.robust_test(SCORES, other, SOURCE, TARGET)[1:]], rel=1e-5
    )
    assert 0 <= equivalent(SCORES, other, BOTH, Inference(), 0.5) <= 1
