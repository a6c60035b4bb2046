"""Drawn members as weights give the numbers of the same members repeated."""

import numpy as np
import pytest

from perface_jax import groups
from perface_jax.classification import Drawn, classification_report, top1_gain
from perface_jax.evaluation.group_draws import draw_members, drawn_distances
from perface_jax.groups import Rule

MEMBERS = np.array([[1] * 9 + [0] * 5, [0] * 7 + [1] * 7], bool)  # two members are of both groups
DISTANCES = np.random.default_rng(0).uniform(size=(6, 14)).astype(np.float32)


def repeated(weights, own, **options):
    """By `groups.group_distances`, with every member as often as it is drawn."""
    columns, where = [], []
    for group, (members, weight) in enumerate(zip(MEMBERS, weights, strict=True)):
        columns.append(np.repeat(np.flatnonzero(members), weight.astype(int)))
        where.append(np.full(len(columns[-1]), group))
    column = np.concatenate(columns)
    mask = (np.concatenate(where) == np.arange(2)[:, None])[None] & ~own[:, None, column]
    return np.asarray(groups.group_distances(DISTANCES[:, column], where=mask, **options))


@pytest.mark.parametrize(("rule", "equalize"), [(Rule.CONFIDENCE_LIMIT, True), *((rule, False) for rule in Rule)])
def test_weights_are_repeated_members(rule, equalize):
    own = np.zeros(DISTANCES.shape, bool)
    own[0, 1] = own[1, 12] = True  # two queries are members
    weights = draw_members(MEMBERS, resamples=3, seed=1)
    assert [(w.shape, *w.sum(1)) for w in weights] == [((3, 9), 9, 9, 9), ((3, 7), 7, 7, 7)]
    options = {"rule": rule, "factor": 1.5, "equalize": equalize}
    found = drawn_distances(DISTANCES, MEMBERS, weights, own=own, **options)
    for i in range(3):
        np.testing.assert_allclose(found[i], repeated([w[i] for w in weights], own, **options), rtol=1e-4)


def test_a_subsample_draws_as_many_as_it_has():
    assert [w.sum(1).tolist() for w in draw_members(MEMBERS, resamples=2, size=4)] == [[4, 4], [4, 4]]


def test_a_group_that_a_draw_leaves_with_fewer_than_two_is_nan():
    weights = [np.array([[0.0] * 8 + [9]]), np.array([[7.0] + [0] * 6])]
    own = np.zeros(DISTANCES.shape, bool)
    own[2, 8] = True
    found = drawn_distances(DISTANCES, MEMBERS, weights, own=own, rule=Rule.NEAREST, factor=1.96)
    np.testing.assert_array_equal(np.isnan(found[0]), [[row == 2, False] for row in range(6)])


def test_the_rank_of_a_percentile_is_found_far_from_the_end():
    values = np.arange(200.0)[None] / 200
    weight = np.zeros((1, 200))
    weight[0, :100] = 2  # nothing of the upper half is drawn
    found = drawn_distances(values, np.ones((1, 200), bool), [weight], rule=Rule.PERCENTILE, factor=1.96)
    np.testing.assert_allclose(found[0, 0], np.percentile(np.repeat(values[0, :100], 2), 97.5))


def simulated(random, members=12, queries=250, dimensions=12):
    """Two groups in a few dimensions, a gallery and queries of their own, seen by two equally good models."""
    truth, owner = np.repeat([0, 1], queries), np.repeat([0, 1], members)
    models = []
    for _ in range(2):
        ends = 0.35 * np.array([[1.0], [-1.0]]) / np.sqrt(dimensions) * np.ones(dimensions)
        one, other = (random.normal(size=(len(of), dimensions)) + 3 * ends[of] for of in (truth, owner))
        models.append(np.asarray(groups.distances(one.astype(np.float32), other.astype(np.float32))))
    return truth, owner == np.array([[0], [1]]), models


@pytest.mark.slow
def test_intervals_of_members_and_queries_cover_and_those_of_queries_alone_do_not():
    random, tops, intervals, p_values = np.random.default_rng(0), [], [], []
    for seed in range(300):
        truth, members, models = simulated(random)
        weights = draw_members(members, resamples=200, seed=seed)
        options = {"rule": Rule.CONFIDENCE_LIMIT, "factor": 1.96}
        chosen, drawn = [], []
        for distances in models:
            found = drawn_distances(distances, members, [np.ones((1, w.shape[1])) for w in weights], **options)[0]
            other = drawn_distances(distances, members, weights, **options)
            chosen.append((found.argmin(-1), found))
            drawn.append(Drawn(other.argmin(-1), other, 12))
        reports = [
            classification_report(truth, *chosen[0], ["a", "b"], drawn=one, resamples=200) for one in (drawn[0], None)
        ]
        intervals.append([report.top1[1:] for report in reports])
        tops.append(reports[0].top1.value)
        p_values.append(top1_gain(truth, chosen[0][0], chosen[1][0], drawn=tuple(drawn)).p)
    low, high = np.moveaxis(intervals, -1, 0)
    both, alone = ((low <= np.mean(tops)) & (np.mean(tops) <= high)).mean(axis=0)
    size = np.mean(np.array(p_values) < 0.05)
    print(f"coverage {both:.3f}, of queries alone {alone:.3f}; two equal models differ in {size:.3f}")
    assert 0.92 < both
    assert alone < 0.9
    assert size < 0.08
