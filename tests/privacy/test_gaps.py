import itertools

import numpy as np
import pytest

from perface_jax.privacy import largest_gap
from perface_jax.statistics.estimates import expanded_tails
from perface_jax.statistics.resampling import resample

VALUES = np.array([1, 1, 1, 0, 1, 0, 0, 0, 1])
GROUPS = np.array(["a", "a", "a", "b", "b", "b", "c", "c", ""])


def test_the_gap_is_between_the_best_and_the_worst_group():
    # a 3/3, b 1/3, c 0/2; the last is in none
    found = largest_gap(VALUES, GROUPS)
    assert (found.lowest, found.highest, found.gap.value) == ("c", "a", 1)
    assert largest_gap(VALUES[:6], GROUPS[:6]).gap.value == pytest.approx(2 / 3)


def test_chance_deals_the_groups_among_persons():
    # Two of four are protected. Of the six ways to make pairs, two put both together (gap 1), four do not (gap 0).
    found = largest_gap([1, 1, 0, 0], ["a", "a", "b", "b"], resamples=6000)
    assert found.by_chance.value == pytest.approx(1 / 3, abs=0.03)
    assert found.p_value == pytest.approx(1 / 3, abs=0.03)
    assert found.by_chance[1:] == (0, 1)


def test_pictures_of_a_person_are_dealt_and_drawn_together():
    random = np.random.default_rng(0)
    values, groups = random.uniform(size=30), random.choice(["a", "b", "c"], 30)
    once = largest_gap(values, groups, np.arange(30))
    often = largest_gap(np.repeat(values, 4), np.repeat(groups, 4), np.repeat(np.arange(30), 4))
    assert often[:2] == once[:2]
    for found, wanted in zip(often[2:4], once[2:4], strict=True):
        np.testing.assert_allclose(found, wanted)
    assert often.p_value == once.p_value


def test_the_interval_draws_persons_and_takes_the_largest_gap_of_each_draw():
    random = np.random.default_rng(1)
    values, groups, persons = random.uniform(size=24), np.repeat(["a", "b", "c"], 8), np.repeat(np.arange(12), 2)
    gaps = []
    for draw in resample(12, 300, seed=2):
        weight = draw[persons]
        sums = [(weight[groups == name].sum(), weight[groups == name] @ values[groups == name]) for name in "abc"]
        if all(count for count, _ in sums):
            gaps.append(max(abs(x / n - y / m) for (n, x), (m, y) in itertools.combinations(sums, 2)))
    found = largest_gap(values, groups, persons, seed=2, resamples=300)
    np.testing.assert_allclose(found.gap[1:], np.percentile(gaps, expanded_tails(12)))


def test_groups_that_are_alike_have_a_gap_that_chance_explains():
    random, p_values, gaps, chance = np.random.default_rng(0), [], [], []
    for _ in range(300):
        found = largest_gap(random.uniform(size=80) < 0.7, np.repeat(list("abcd"), 20), resamples=99)
        p_values.append(found.p_value)
        gaps.append(found.gap.value)
        chance.append(found.by_chance.value)
    # the range of four shares of 20: 2.06 standard deviations of a share, sqrt(.7 * .3 / 20) = .102
    assert np.mean(gaps) == pytest.approx(0.21, abs=0.02)
    assert np.mean(chance) == pytest.approx(np.mean(gaps), abs=0.02)
    assert 0.01 < np.mean(np.array(p_values) <= 0.05) < 0.1


def test_a_real_gap_is_not_explained_by_chance():
    found = largest_gap(np.repeat([1, 0, 1], [60, 20, 20]), np.repeat(["a", "b"], [50, 50]))
    assert found.gap.value == pytest.approx(0.4)  # a 50 of 50, b 30 of 50
    assert found.p_value == 1 / 1001  # no deal of 1,000 reaches it
    assert found.by_chance.high < found.gap.value
    assert 0.2 < found.gap.low < 0.4 < found.gap.high < 0.6


def test_groups_that_cannot_be_compared_are_refused():
    with pytest.raises(ValueError, match="every picture is in a; a gap needs two groups or more"):
        largest_gap([1, 0], ["a", "a"])
    with pytest.raises(ValueError, match="1 of 2 persons are in two groups; wanted one group for all pictures"):
        largest_gap([1, 0, 1], ["a", "b", "b"], [1, 1, 2])
    with pytest.raises(ValueError, match=r"groups have shape \(2,\), 2 with a name; wanted \(3,\)"):
        largest_gap([1, 0, 1], ["a", "b"])
    with pytest.raises(ValueError, match=r"groups have shape \(2,\), 0 with a name"):
        largest_gap([1, 0], ["", ""])
