"""Careless annotators of a simulated study are found, and nobody in a clean one."""

import numpy as np
import pytest
from scipy.stats import binomtest

from perface_jax.annotations import Votes, audit
from perface_jax.annotations.annotator_checks import check_annotators, check_study
from perface_jax.annotations.vote_details import Details

ANNOTATORS, TRIPLETS, REPEATS, DUMMIES = 18, 960, 8, 10


def study(seed: int, *, left=(), fast=(), chance=(), fickle=()) -> Votes:
    """Three votes on every triplet; the annotators in each group are careless in one way."""
    random = np.random.default_rng(seed)
    mine = np.argsort(random.random((ANNOTATORS, TRIPLETS)).argsort(0), axis=0)[:3].T  # three people a triplet
    truth, pace = random.beta(0.5, 0.5, TRIPLETS), np.exp(0.3 * random.standard_normal(ANNOTATORS))
    rows = [(t, who, 0) for t, people in enumerate(mine) for who in people]
    for who in range(ANNOTATORS):
        voted = [t for t, one, _ in rows[: 3 * TRIPLETS] if one == who]
        rows += [(t, who, 2) for t in random.permutation(voted)[:REPEATS]]
        rows += [(TRIPLETS + k, who, 1) for k in range(DUMMIES)]
    triplet, annotator, kind = np.array(rows).T
    n = len(rows)
    p = np.append(truth, np.ones(DUMMIES))[triplet]
    p = np.where(np.isin(annotator, chance) & (kind < 3), 0.5, p)
    b = random.random(n) < p
    b = np.where((kind == 2) & np.isin(annotator, fickle), ~_first(triplet, annotator, kind, b), b)
    a_left = random.random(n) < 0.5
    b = np.where(np.isin(annotator, left) & (random.random(n) < 0.35), ~a_left, b)
    times = 2500 * pace[annotator] * np.exp(0.4 * random.standard_normal(n))
    times = np.where(np.isin(annotator, fast), times / 6, times)
    details = Details(
        tuple(f"t{t:04d}" for t in triplet), annotator.astype(np.int32), b.astype(np.int8),
        np.where(kind == 1, 1, -1).astype(np.int8), kind.astype(np.int8), (b == a_left).astype(np.int8), times,
        np.full(n, -1), np.zeros(n, bool),
    )  # fmt: skip
    votes = b[: 3 * TRIPLETS].reshape(-1, 3).astype(np.int8)
    names = tuple(f"p{who}" for who in range(ANNOTATORS))
    ids = tuple(f"t{t:04d}" for t in range(TRIPLETS))
    return Votes(ids, votes, annotator=mine.astype(np.int32), annotators=names, details=details)


def _first(triplet, annotator, kind, b):
    """The vote that each repeat repeats."""
    votes = {(t, who): value for t, who, one, value in zip(triplet, annotator, kind, b, strict=True) if one == 0}
    return np.array([votes.get(key, False) for key in zip(triplet, annotator, strict=True)])


def _found(checks) -> dict[str, list[str]]:
    return {
        "left": [check.name for check in checks if check.side.biased],
        "fast": [check.name for check in checks if check.speed.too_fast],
        "chance": [check.name for check in checks if check.by_chance],
        "fickle": [check.name for check in checks if check.inconsistent],
    }


def test_careless_annotators_are_found_by_name():
    found = _found(check_annotators(study(1, left=[3], fast=[5], chance=[7], fickle=[9])))
    assert found == {"left": ["p3"], "fast": ["p5"], "chance": ["p7"], "fickle": ["p9"]}


def test_in_clean_studies_nobody_is_found():
    """Twenty studies; `docs/collection.md` has the result of a thousand."""
    found = [_found(check_annotators(study(seed))) for seed in range(100, 120)]
    assert sum(bool(names) for one in found for names in one.values()) <= 1


def _timed(times) -> Votes:
    """The votes of some annotators (rows of times) on as many triplets each."""
    who, triplet = np.indices(times.shape).reshape(2, -1)
    n, zero = times.size, np.zeros(times.size, np.int8)
    ids, names = tuple(f"t{t:04d}" for t in range(times.shape[1])), tuple(f"p{one}" for one in range(len(times)))
    details = Details(
        tuple(ids[t] for t in triplet), who.astype(np.int32), zero, zero - 1, zero, zero, times.ravel(),
        np.full(n, -1), zero.astype(bool),
    )  # fmt: skip
    annotator = np.tile(np.arange(len(times), dtype=np.int32), (times.shape[1], 1))
    return Votes(ids, np.zeros(times.T.shape, np.int8), annotator=annotator, annotators=names, details=details)


def _too_fast(times) -> list[str]:
    return [check.name for check in check_annotators(_timed(times)) if check.speed.too_fast]


def test_speed_is_no_finding_in_small_clean_studies_whose_times_vary_much():
    draws = (np.random.default_rng(seed).standard_normal((8, 13)) for seed in range(60))
    found = [_too_fast(2500 * np.exp(0.4 * z[:, :1] + 0.7 * z[:, 1:])) for z in draws]
    assert sum(map(bool, found)) <= 6  # 35 with a fifth of the median, and without the test


def test_two_hasty_answers_of_twelve_may_be_chance_and_four_are_not():
    times = np.full((6, 12), 2000.0)
    times[2, :2] = 200
    assert not _too_fast(times)
    times[3, :4] = 200
    assert _too_fast(times) == ["p3"]


def test_times_of_zero_are_too_fast_and_give_no_warning():
    assert _too_fast(np.zeros((3, 12))) == ["p0", "p1", "p2"]


@pytest.mark.slow  # three minutes
def test_false_alarms_and_power_of_many_studies():
    clean, planted = ([], [])
    for seed in range(1000):
        clean.append(_found(check_annotators(study(seed))))
        planted.append(_found(check_annotators(study(seed, left=[3], fast=[5], chance=[7], fickle=[9]))))
    false = {name: np.mean([bool(one[name]) for one in clean]) for name in clean[0]}
    power = {
        name: np.mean([who in one[name] for one in planted])
        for name, who in (("left", "p3"), ("fast", "p5"), ("chance", "p7"), ("fickle", "p9"))
    }
    print(f"clean studies with a finding: {false}; careless annotators found: {power}")
    assert max(false.values()) <= 0.02
    assert min(power.values()) >= 0.8


def test_the_test_of_sides_is_the_exact_one():
    votes = study(2, left=[3])
    check = check_annotators(votes)[3]
    own = (votes.details.annotator == 3) & ~votes.details.of_kind("dummy")
    left = int((votes.details.side[own] == 0).sum())
    assert check.side.p == pytest.approx(min(ANNOTATORS * binomtest(left, int(own.sum())).pvalue, 1))
    assert check.side.left.value == left / own.sum()


def test_a_run_on_one_side_is_found_in_the_order_of_trials():
    votes = study(3)
    own = np.flatnonzero((votes.details.annotator == 2) & ~votes.details.of_kind("dummy"))
    votes.details.side[own[20:50]] = 0
    votes.details.trial[own] = np.arange(len(own))
    check = check_annotators(votes)[2]
    assert check.side.run >= 30
    assert check.side.straight
    votes.details.trial[own] = np.argsort(np.random.default_rng(0).random(len(own)))
    assert not check_annotators(votes)[2].side.straight


def test_all_together_and_the_report():
    votes = study(1, left=[3], fast=[5], chance=[7])
    found = check_study(votes)
    assert found.repeats == ANNOTATORS * REPEATS
    assert found.left.low < 0.5 < found.left.high
    assert 1800 < found.milliseconds < 3500
    text = audit(votes, grid=None, resamples=100).report()
    assert "SIDE BIAS: p3 chose the left in 0." in text
    assert "SPEED: p5 has a median of" in text
    assert "POSITION BIAS" not in text
    (row,) = [line for line in text.split("\n") if line.startswith("  any but the paper's")]
    assert row.split()[4:6] == ["3", str(np.isin(votes.annotator, (3, 5, 7)).sum())]
    assert row.endswith("p3, p5, p7")
    assert max(map(len, text.split("\n"))) <= 110


def test_without_details_only_agreement_is_checked():
    votes = study(1, chance=[7])
    bare = Votes(votes.ids, votes.votes, annotator=votes.annotator, annotators=votes.annotators)
    checks = check_annotators(bare)
    assert [check.name for check in checks if check.by_chance] == ["p7"]
    assert {check.side for check in checks} == {check.speed for check in checks} == {None}
    assert check_study(bare) is None
    assert check_annotators(Votes(("t0000",), np.array([[1, 0]]))) == ()
