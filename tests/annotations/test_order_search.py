"""The search for row orders: planted errors are found and named, clean files raise no alarm."""

import numpy as np
import pytest

from perface_jax.annotations import GridOrder, Kind, cells, grid_order, order_search
from perface_jax.annotations.lookups import variance_shares
from perface_jax.annotations.order_family import family
from perface_jax.annotations.order_search import likely_order, search_orders
from perface_jax.statistics.agreement import krippendorff_alpha, unanimous_share
from perface_jax.statistics.resampling import resample
from tests.annotations.test_order_family import moves_of
from tests.simulated_votes import in_order, simulated_cells

GROUPS = GridOrder(Kind.GROUP_MAJOR, 80, 80, 10)
BY_TARGET = GridOrder(Kind.TARGET_MAJOR, 80, 80)


def test_simulated_files_are_like_the_real_one():
    """The released file, repaired: source .628, unanimous .537, alpha .381."""
    rng = np.random.default_rng(0)
    target, source = np.divmod(np.arange(6400), 80)
    files = [simulated_cells(rng) for _ in range(10)]
    assert np.mean([variance_shares(v.mean(axis=1), source, target)["source"] for v in files]) == pytest.approx(
        0.63, abs=0.03
    )
    assert np.mean([unanimous_share(v).value() for v in files]) == pytest.approx(0.54, abs=0.03)
    assert np.mean([krippendorff_alpha(v).value() for v in files]) == pytest.approx(0.38, abs=0.03)


@pytest.mark.parametrize(
    ("wrong", "others"),
    [
        (BY_TARGET, GROUPS),
        (GROUPS, BY_TARGET),
        (GridOrder(Kind.SOURCE_MAJOR, 80, 80), GridOrder(Kind.GROUP_MAJOR, 80, 80, 16)),
        (GridOrder(Kind.GROUP_MAJOR, 80, 80, 10, shift=1), GROUPS),
        (GridOrder(Kind.GROUP_MAJOR, 80, 80, 10, shift=-800), GROUPS),
    ],
    ids=lambda order: order.words(),
)
def test_a_planted_error_is_found_and_named(wrong, others):
    orders = [others, wrong, others]
    votes = in_order(simulated_cells(np.random.default_rng(5)), *orders)
    alarms, rest = search_orders(votes, 80, 80, permutations=99, resamples=200)
    assert [alarm.column for alarm in alarms] == [1]
    assert (alarms[0].change.seen.words(), alarms[0].change.wanted.words()) == (wrong.words(), others.words())
    assert alarms[0].gain.low > 0.15
    assert alarms[0].p == 0.01
    assert sorted(finding.column for finding in rest) == [0, 2]


def test_a_grid_that_is_not_square_is_searched():
    orders = [GridOrder(Kind.GROUP_MAJOR, 60, 24, block) for block in (6, 6, 30)]
    votes = in_order(simulated_cells(np.random.default_rng(2), 60, 24), *orders)
    alarms, _ = search_orders(votes, 60, 24, permutations=99, resamples=200)
    assert [(a.column, a.change.seen.block, a.change.wanted.block) for a in alarms] == [(2, 30, 6)]


def test_two_wrong_columns_of_four_are_both_found():
    orders = [GROUPS, GROUPS, BY_TARGET, GridOrder(Kind.SOURCE_MAJOR, 80, 80)]
    votes = in_order(simulated_cells(np.random.default_rng(3), columns=4), *orders)
    alarms, _ = search_orders(votes, 80, 80, permutations=99, resamples=200)
    assert {alarm.column: alarm.change.seen.kind for alarm in alarms} == {2: "target_major", 3: "source_major"}
    assert {alarm.change.wanted for alarm in alarms} == {GROUPS}


def test_three_columns_in_three_orders_are_aligned_one_by_one():
    """The first joins one other column; the second joins two that agree by then, and so gains about twice as much."""
    votes = in_order(simulated_cells(np.random.default_rng(3)), GROUPS, BY_TARGET, GridOrder("source_major", 80, 80))
    (first, second), rest = search_orders(votes, 80, 80, permutations=99, resamples=200)
    assert 1.6 < second.gain.value / first.gain.value < 2.4
    assert first.change.wanted == second.change.wanted
    assert len(rest) == 1


def test_of_two_columns_the_second_is_named():
    votes = in_order(simulated_cells(np.random.default_rng(4), columns=2), BY_TARGET, GROUPS)
    alarms, rest = search_orders(votes, 80, 80, permutations=99, resamples=200)
    assert [alarm.column for alarm in alarms] == [1]
    assert rest == []


def test_columns_of_coin_flips_raise_no_alarm():
    rng = np.random.default_rng(6)
    for _ in range(5):
        assert search_orders(rng.integers(0, 2, (576, 3)), 24, 24, permutations=199, resamples=200)[0] == []


def test_one_column_of_coin_flips_with_two_good_ones_raises_no_alarm():
    votes = in_order(simulated_cells(np.random.default_rng(7)), GROUPS, GROUPS, GROUPS)
    votes[:, 2] = np.random.default_rng(8).integers(0, 2, 6400)
    assert search_orders(votes, 80, 80, permutations=199, resamples=200)[0] == []


def test_columns_with_their_own_opinion_of_every_source_rarely_raise_an_alarm():
    """Votes hang together by source, so some order agrees by luck: p alone would alarm in every third column."""
    rng, found, alarms = np.random.default_rng(1), [], []
    for _ in range(10):
        own_views = np.concatenate([simulated_cells(rng, 24, 24, columns=1) for _ in range(3)], axis=1)
        raised, rest = search_orders(own_views, 24, 24, permutations=199, resamples=200)
        alarms, found = alarms + raised, found + raised + rest
    assert len(alarms) <= 2
    assert sum(finding.p <= 0.01 for finding in found) >= 6


def test_a_column_that_never_changes_raises_no_alarm():
    votes = in_order(simulated_cells(np.random.default_rng(9), 12, 12), *[GridOrder(Kind.TARGET_MAJOR, 12, 12)] * 3)
    votes[:, 0] = 1
    alarms, rest = search_orders(votes, 12, 12, permutations=99, resamples=100)
    assert alarms == []
    assert next(finding for finding in rest if finding.column == 0).gain.value == pytest.approx(0)


def test_the_gain_is_the_difference_of_two_kappas():
    from sklearn.metrics import cohen_kappa_score

    votes = in_order(simulated_cells(np.random.default_rng(10)), GROUPS, GROUPS, BY_TARGET)
    alarm = search_orders(votes, 80, 80, permutations=99, resamples=200)[0][0]
    moved = np.empty(6400, int)
    moved[np.asarray(alarm.change)] = votes[:, 2]
    kappas = [[cohen_kappa_score(votes[:, k], column) for k in (0, 1)] for column in (moved, votes[:, 2])]
    assert alarm.gain.value == pytest.approx(np.mean(kappas[0]) - np.mean(kappas[1]))


def test_the_interval_is_that_of_resampled_kappas():
    """Written out: every move applied to the column, every kappa from the resampled votes."""
    votes = in_order(simulated_cells(np.random.default_rng(12), 6, 4), *[GridOrder(Kind.GROUP_MAJOR, 6, 4, 3)] * 3)
    votes[:, 2] = np.random.default_rng(13).integers(0, 2, 24)
    found = search_orders(votes, 6, 4, permutations=99, resamples=100)[1][2]
    weights, known, gains = np.concatenate((np.ones((1, 6)), resample(6, 100))), family(6, 4), []
    between = [votes[:, :2].mean(axis=1)[rows].reshape(6, 4).mean(axis=1).var() for rows in known.positions]
    for move, pairs in zip(moves_of(known), known.meanings, strict=True):
        seen, base = max(pairs, key=lambda pair: between[pair[1]])
        moved = np.empty(24, int)
        moved[move] = votes[:, 2]
        source = np.argsort(known.positions[base]) // 4
        kappas = [
            [np.mean([kappa(weight[source], column, votes[:, k]) for k in (0, 1)]) for weight in weights]
            for column in (moved, votes[:, 2])
        ]
        gains.append(np.subtract(*kappas))
    gains = np.array(gains)
    best = int(np.argmax(gains[:, 0]))
    error = gains[:, 1:].std(axis=1)
    margin = np.quantile(np.max(np.abs(gains[:, 1:] - gains[:, :1]) / error[:, None], axis=0), 0.95) * error[best]
    np.testing.assert_allclose(found.gain, gains[best, 0] + np.array([0, -margin, margin]))


def kappa(weight, x, y) -> float:
    """Cohen's kappa of two columns of 0 and 1, where each row occurs so often, 24 rows in all."""
    agreed, x, y = (weight @ values / 24 for values in (np.where(x == y, 1, -1), 2 * x - 1, 2 * y - 1))
    return (agreed - x * y) / (1 - x * y)


def test_no_permutation_is_drawn_where_none_would_gain_as_much(monkeypatch):
    votes = in_order(simulated_cells(np.random.default_rng(5)), GROUPS, GROUPS, BY_TARGET)
    bound = search_orders(votes, 80, 80, permutations=99, resamples=100)[0][0]
    monkeypatch.setattr(order_search, "CERTAIN", np.inf)
    assert search_orders(votes, 80, 80, permutations=99, resamples=100)[0][0] == bound


def test_the_likely_order_is_the_one_in_which_sources_explain_most():
    votes = in_order(simulated_cells(np.random.default_rng(11)), GROUPS, GROUPS, GROUPS)
    assert likely_order(votes.mean(axis=1), 80, 80) == GROUPS
    source, _ = cells("group_major", 80, 80)
    assert source[GROUPS.positions()[3]] == 3
    np.testing.assert_array_equal(grid_order("group_major", 80, 80), GROUPS.positions())


def test_too_few_permutations_for_the_rule_are_refused():
    with pytest.raises(ValueError, match="99 permutations"):
        search_orders(np.zeros((4, 2), int), 2, 2, permutations=19)


def alarms_in(files: int, faulty: bool, **options) -> list[int]:
    """For each of many simulated files, the columns with an alarm."""
    found = []
    for seed in range(files):
        orders = [GROUPS, GROUPS, BY_TARGET if faulty else GROUPS]
        votes = in_order(simulated_cells(np.random.default_rng((seed, faulty))), *orders)
        found.append([alarm.column for alarm in search_orders(votes, 80, 80, **options)[0]])
    return found


def test_a_few_simulated_files_are_classified_correctly():
    options = {"permutations": 99, "resamples": 200}
    assert alarms_in(4, faulty=False, **options) == [[]] * 4
    assert alarms_in(4, faulty=True, **options) == [[2]] * 4


@pytest.mark.slow
def test_of_200_clean_files_at_most_2_raise_an_alarm_and_of_200_faulty_ones_195_are_found():
    clean, faulty = alarms_in(200, faulty=False), alarms_in(200, faulty=True)
    assert sum(columns != [] for columns in clean) <= 2
    assert sum(columns == [2] for columns in faulty) >= 195
