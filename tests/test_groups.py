import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy import stats

from perface_jax import groups
from perface_jax.groups import Rule, UnequalGroups, check_distances, check_groups
from tests import group_simulations as simulations
from tests.group_simulations import Remedy

# Compiled whole, not operation by operation; three tests call the functions as they are.
distances = jax.jit(groups.distances)
group_distances = jax.jit(groups.group_distances, static_argnames=("rule", "equalize"))
classify = jax.jit(groups.classify, static_argnames=("rule", "abstain", "equalize"))

# Two queries, five members; the first three are group 0, the last two group 1, and group 2 is the union of 1, 2 and 3.
DISTANCES = jnp.array([[0.2, 0.4, 0.6, 0.1, 0.9], [0.3, 0.3, 0.9, 0.2, 0.4]])
WHERE = jnp.array([[1, 1, 1, 0, 0], [0, 0, 0, 1, 1], [0, 1, 1, 1, 0]], bool)
# Query 0: .2 .4 .6 has mean .4, s^2 = (.04 + 0 + .04) / 2 = .04; .1 .9 has .5 and (.16 + .16) / 1 = .32;
#          .4 .6 .1 has mean 11/30, s^2 = (.01 + .49 + .64) / 9 / 2 = .19 / 3
# Query 1: .3 .3 .9 has mean .5, s^2 = (.04 + .04 + .16) / 2 = .12; .2 .4 has .3 and .02;
#          .3 .9 .2 has mean 14/30, s^2 = (.25 + 1.69 + .64) / 9 / 2 = .43 / 3
MEAN = np.array([[0.4, 0.5, 11 / 30], [0.5, 0.3, 14 / 30]])
SPREAD = np.sqrt([[0.04, 0.32, 0.19 / 3], [0.12, 0.02, 0.43 / 3]])
MEMBERS = np.array([3, 2, 3])


def test_distances_are_one_minus_the_cosine():
    queries, members = jnp.array([[2.0, 0.0], [1.0, 1.0]]), jnp.array([[3.0, 0.0], [0.0, -5.0], [-1.0, 1.0]])
    wanted = [[0, 1, 1 + 2**-0.5], [1 - 2**-0.5, 1 + 2**-0.5, 1]]
    np.testing.assert_allclose(distances(queries, members), wanted, atol=1e-6)


def test_a_zero_vector_is_at_distance_one_from_everything():
    np.testing.assert_allclose(distances(jnp.zeros((1, 2)), jnp.array([[1.0, 0.0], [0.0, 0.0]])), [[1, 1]])


def test_leading_dimensions_of_distances_broadcast_under_jit_and_vmap(key):
    queries, members = jax.random.normal(next(key), (2, 4, 3, 8)), jax.random.normal(next(key), (5, 8))
    wanted = np.stack([[distances(q, members) for q in row] for row in queries])
    mapped = jax.jit(jax.vmap(distances, in_axes=(0, None)))
    for got in (groups.distances(queries, members), mapped(queries, members)):
        np.testing.assert_allclose(got, wanted, atol=1e-6)


def test_the_gradient_of_a_distance_is_that_of_the_cosine():
    # d/dq of 1 - q.m / (|q| |m|) at q = (1, 0), m = (0, 2): -(0, 1), the part along q being none
    gradient = jax.grad(lambda q: distances(q, jnp.array([[0.0, 2.0]]))[0, 0])(jnp.array([[1.0, 0.0]]))
    np.testing.assert_allclose(gradient, [[0, -1]], atol=1e-6)


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        (Rule.CONFIDENCE_LIMIT, MEAN + 1.96 * SPREAD / np.sqrt(MEMBERS)),
        (Rule.SPREAD_LIMIT, MEAN + 1.96 * SPREAD),
        # the 97.5th of three lies .95 of the way from the second to the third, that of two .975 of it
        (Rule.PERCENTILE, [[0.59, 0.88, 0.59], [0.87, 0.395, 0.87]]),
        (Rule.MEAN, MEAN),
        (Rule.NEAREST, [[0.2, 0.1, 0.1], [0.3, 0.2, 0.2]]),
    ],
)
def test_each_rule_is_its_formula(rule, wanted):
    np.testing.assert_allclose(groups.group_distances(DISTANCES, where=WHERE, rule=rule), wanted, rtol=1e-6)
    mapped = jax.jit(jax.vmap(lambda d, w: group_distances(d[None], where=w, rule=rule)[0], in_axes=(0, None)))
    np.testing.assert_allclose(mapped(DISTANCES, WHERE), wanted, rtol=1e-6)


def test_the_default_is_the_confidence_limit_of_the_mean_and_factor_scales_it():
    np.testing.assert_allclose(
        group_distances(DISTANCES, where=WHERE), MEAN + 1.96 * SPREAD / np.sqrt(MEMBERS), rtol=1e-6
    )
    np.testing.assert_allclose(
        group_distances(DISTANCES, where=WHERE, factor=3.0), MEAN + 3 * SPREAD / np.sqrt(MEMBERS), rtol=1e-6
    )


def test_statistics_agree_with_numpy_and_scipy_under_any_mask(key):
    values = jax.random.uniform(next(key), (7, 60))
    where = jax.random.bernoulli(next(key), 0.3, (7, 4, 60))
    percentile, limit = (np.empty((7, 4)) for _ in range(2))
    for q, g in np.ndindex(7, 4):
        kept = np.asarray(values[q], np.float64)[np.asarray(where[q, g])]
        percentile[q, g] = np.percentile(kept, 97.5)
        limit[q, g] = kept.mean() + 1.96 * stats.sem(kept)
    np.testing.assert_allclose(group_distances(values, where=where, rule=Rule.PERCENTILE), percentile, rtol=1e-6)
    np.testing.assert_allclose(group_distances(values, where=where), limit, rtol=1e-6)


@pytest.mark.parametrize("rule", Rule)
def test_a_group_of_fewer_than_two_members_has_no_statistic(rule):
    where = jnp.array([[1, 1, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 0]], bool)
    np.testing.assert_array_equal(
        np.isnan(group_distances(DISTANCES, where=where, rule=rule)), [[False, True, True]] * 2
    )


def test_the_gradient_of_the_mean_is_shared_by_the_members():
    gradient = jax.grad(lambda d: group_distances(d, where=WHERE, rule=Rule.MEAN)[0, 1])(DISTANCES)
    np.testing.assert_allclose(gradient, [[0, 0, 0, 0.5, 0.5], [0] * 5])


def test_the_gradient_of_a_limit_is_finite_where_all_distances_are_equal():
    gradient = jax.grad(lambda d: group_distances(d, where=WHERE[:1])[0, 0])(jnp.full((1, 5), 0.5))
    np.testing.assert_allclose(gradient, [[1 / 3, 1 / 3, 1 / 3, 0, 0]], rtol=1e-6)


@pytest.mark.parametrize("size", [7, 8, 21])  # less than, equal to and no multiple of what is added up together
def test_derivatives_of_a_limit_are_those_of_differences(size, key):
    with jax.enable_x64(True):
        values = jax.random.uniform(next(key), (2, size), jnp.float64)
        where = jax.random.bernoulli(next(key), 0.7, (3, size))
        check_grads(lambda d: group_distances(d, where=where), (values,), order=2)


def test_float64_stays_float64():
    with jax.enable_x64(True):
        found = classify(jnp.asarray(DISTANCES, jnp.float64), where=WHERE)
        assert found.distances.dtype == found.low.dtype == jnp.float64


def test_the_nearest_group_is_chosen():
    # limits: query 0: .4 + .2263, .5 + .7840, .3667 + .2848; query 1: .5 + .3920, .3 + .1960, .4667 + .4284
    found = classify(DISTANCES, where=WHERE)
    np.testing.assert_array_equal(found.group, [0, 1])
    np.testing.assert_allclose(found.high, found.distances)
    np.testing.assert_allclose(found.low, MEAN - 1.96 * SPREAD / np.sqrt(MEMBERS), rtol=1e-5)
    # smallest: .2 .1 .1 and .3 .2 .2; of the equally near groups 1 and 2 the first
    np.testing.assert_array_equal(classify(DISTANCES, where=WHERE, rule=Rule.NEAREST).group, [1, 1])
    np.testing.assert_array_equal(classify(DISTANCES, where=WHERE, rule=Rule.MEAN).group, [2, 1])


def test_a_query_abstains_where_the_intervals_of_the_best_two_overlap():
    values = jnp.array([[0.1, 0.2, 0.3, 0.4, 0.8, 0.9], [0.1, 0.3, 0.2, 0.4, 0.8, 0.9]])
    where = jnp.array([[1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1]], bool)
    # s / sqrt(2) of two numbers is half their difference. Query 0: .15 +- f .05 and .35 +- f .05 touch at f = 2;
    # query 1: .2 +- f .1 and .3 +- f .1 overlap from f = .5. Group 2 is far from both.
    for factor, wanted in ((0.4, [0, 0]), (1.9, [0, -1]), (2.1, [-1, -1])):
        found = classify(values, where=where, factor=factor, abstain=True)
        np.testing.assert_array_equal(found.group, wanted)
    np.testing.assert_array_equal(classify(values, where=where, factor=2.1).group, [0, 0])


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        (Rule.MEAN, 1.96 / np.sqrt(MEMBERS)),
        (Rule.CONFIDENCE_LIMIT, 1.96 / np.sqrt(MEMBERS)),
        (Rule.SPREAD_LIMIT, 1.96 * np.sqrt(1 / MEMBERS + 1.96**2 / (2 * (MEMBERS - 1)))),
    ],
)
def test_the_interval_of_a_rule_is_its_formula(rule, wanted):
    found = classify(DISTANCES, where=WHERE, rule=rule)
    np.testing.assert_allclose((found.high - found.low) / 2, SPREAD * wanted, rtol=1e-5)
    middle = MEAN if rule is Rule.CONFIDENCE_LIMIT else found.distances
    np.testing.assert_allclose((found.high + found.low) / 2, middle, rtol=1e-5)


@pytest.mark.parametrize("rule", [Rule.PERCENTILE, Rule.NEAREST])
def test_the_interval_of_an_order_statistic_is_as_wide_as_scipy_says(rule):
    # The standard deviation of the lowest of n normal numbers, by integration; the percentile of 100 mixes two of them.
    for members, tolerance in ((5, 0.1), (100, 0.06)):
        ranked = np.sort(np.random.default_rng(0).normal(size=(4000, members)), axis=1)
        drawn = ranked[:, 0] if rule is Rule.NEAREST else np.percentile(ranked, 97.5, axis=1)
        values = jnp.asarray(stats.zscore(np.arange(2.0 * members).reshape(2, -1), axis=1, ddof=1).reshape(1, -1))
        where = jnp.arange(2 * members) < members
        found = groups.classify(values.astype("float32"), where=jnp.stack([where, ~where]), rule=rule)
        half = (found.high - found.low)[0, 0] / 2
        np.testing.assert_allclose(half, 1.96 * drawn.std(), rtol=tolerance)


def test_abstention_judges_the_interval_of_the_chosen_rule():
    # Both groups have a member at .1 and .2; the means are far apart, so their intervals do not overlap.
    values = jnp.array([[0.1, 0.11, 0.12, 0.1, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9]])
    where = jnp.arange(10) < 3
    where = jnp.stack([where, ~where])
    assert classify(values, where=where, rule=Rule.MEAN, abstain=True).group == 0
    assert classify(values, where=where, rule=Rule.NEAREST, abstain=True).group == -1


def test_the_limit_is_that_of_the_smallest_group_if_equalized():
    found = classify(DISTANCES, where=WHERE, equalize=True)
    np.testing.assert_allclose(found.distances, MEAN + 1.96 * SPREAD / np.sqrt(2), rtol=1e-6)
    np.testing.assert_allclose(found.low, MEAN - 1.96 * SPREAD / np.sqrt(2), rtol=1e-5)
    alone = jnp.concatenate([WHERE, jnp.array([[False] * 4 + [True]])])  # a group of one member is not the smallest
    found = group_distances(DISTANCES, where=alone, equalize=True)
    np.testing.assert_allclose(found[:, :3], MEAN + 1.96 * SPREAD / np.sqrt(2), rtol=1e-6)


def test_a_subsample_is_as_many_members_of_every_group_as_the_smallest_has(key):
    alone = jnp.concatenate([WHERE, jnp.array([[False] * 4 + [True]])])  # a group of one member is not the smallest
    drawn = np.array([jax.jit(groups.subsample)(next(key), alone) for _ in range(60)])
    assert not (drawn & ~np.asarray(alone)).any()
    np.testing.assert_array_equal(drawn.sum(-1), [[2, 2, 2, 1]] * 60)
    np.testing.assert_allclose(drawn[:, 0].mean(0), [2 / 3, 2 / 3, 2 / 3, 0, 0], atol=0.2)
    own = jnp.stack([alone, alone.at[0, 0].set(False)])  # the second query is a member
    both = groups.subsample(next(key), own)
    np.testing.assert_array_equal(both.sum(-1), [[2, 2, 2, 1]] * 2)
    np.testing.assert_array_equal(both[0, 1:], both[1, 1:])


def test_equalizing_is_refused_where_it_has_no_meaning():
    with pytest.raises(ValueError, match=r"equalize is for Rule.CONFIDENCE_LIMIT, got Rule.NEAREST; groups.subsample"):
        group_distances(DISTANCES, where=WHERE, rule=Rule.NEAREST, equalize=True)


def test_larger_groups_are_favored_unless_equalized():
    share = functools.partial(simulations.share_of_larger, jax.random.key(0), queries=400, sizes=(40, 4))
    assert share(rule=Rule.NEAREST) > 0.8
    assert 0.4 < share(rule=Rule.NEAREST, how=Remedy.SUBSAMPLE) < 0.6


@pytest.mark.slow
def test_how_often_the_larger_of_two_equal_groups_is_chosen():
    for rule, how in simulations.choices():
        shares = [
            float(simulations.share_of_larger(jax.random.key(0), rule=rule, how=how, queries=20_000, draw=draw))
            for draw in simulations.DRAWS
        ]
        print(f"| `{rule.name}` | {how.value} |", " | ".join(f"{share:.2f}" for share in shares), "|")
        if how is Remedy.NONE:
            assert abs(shares[0] - groups.LARGER[rule]) < 0.025
        else:
            np.testing.assert_allclose(shares, 0.5, atol=0.08 if how is Remedy.LIMIT else 0.025)


@pytest.mark.slow
def test_intervals_hold_the_mean_of_the_statistic():
    for rule in Rule:
        for draw in simulations.DRAWS:
            held = [
                float(simulations.coverage(jax.random.key(1), rule=rule, members=n, draws=10_000, draw=draw))
                for n in (5, 10, 100)
            ]
            print(f"| `{rule.name}` | {draw} |", " | ".join(f"{share:.2f}" for share in held), "|")
            if draw == "normal":
                assert 0.85 < held[0]
                np.testing.assert_allclose(held[1:], 0.935, atol=0.035)


@pytest.mark.parametrize("rule", Rule)
def test_a_distance_that_is_no_number_takes_the_choice_from_its_query(rule):
    found = classify(DISTANCES.at[0, 0].set(jnp.nan), where=WHERE, rule=rule)
    np.testing.assert_array_equal(np.isnan(found.distances), [[True, False, False], [False] * 3])
    np.testing.assert_array_equal(np.isnan(found.low), np.isnan(found.distances))
    whole = classify(DISTANCES, where=WHERE, rule=rule)
    np.testing.assert_array_equal(found.group, [-1, whole.group[1]])
    outside = jnp.array([[0, 1, 1, 0, 0], [0, 0, 0, 1, 1]], bool)  # no member, no harm
    np.testing.assert_array_equal(
        classify(DISTANCES.at[:, 0].set(jnp.nan), where=outside, rule=rule).group,
        classify(DISTANCES, where=outside, rule=rule).group,
    )


def test_faces_with_distances_that_are_no_numbers_are_named():
    names = {"queries": ["q0", "q1"], "members": list("abcde")}
    check_distances(DISTANCES, **names)
    for broken, named in (
        (DISTANCES.at[1].set(jnp.nan), "NaN: query q1. "),
        (DISTANCES.at[:, 2].set(jnp.nan), "NaN: member c. "),
        (DISTANCES.at[0, 3].set(jnp.nan), "NaN: q0 to d. "),
        (DISTANCES * jnp.nan, "NaN: query q0, query q1. "),
    ):
        with pytest.raises(ValueError, match=named):
            check_distances(broken, **names)
    with pytest.raises(ValueError, match=r"\(2, 5\) for 2 queries and 1 members"):
        check_distances(DISTANCES, queries=["q0", "q1"], members=["a"])


def test_groups_of_very_different_sizes_are_warned_of():
    where = np.arange(7) < 5
    where = np.stack([where, ~where])
    for rule, share in groups.LARGER.items():
        if rule is Rule.MEAN:
            check_groups("ab", where, rule=rule)
        else:
            with pytest.warns(
                UnequalGroups, match=rf"\(a 5, b 2\), and the rule {rule.name.lower()} .* {share:.2f} of"
            ):
                check_groups("ab", where, rule=rule)
            check_groups("ab", where, rule=rule, equalize=True)
            check_groups("ab", groups.subsample(jax.random.key(0), where), rule=rule)
    check_groups("ab", where[:, 1:])  # four and two


def test_a_group_without_statistic_is_never_chosen():
    alone = jnp.array([[1, 1, 1, 0, 0], [0, 0, 0, 1, 0]], bool)
    for abstain in (False, True):
        np.testing.assert_array_equal(classify(DISTANCES, where=alone, abstain=abstain).group, [0, 0])
    np.testing.assert_array_equal(classify(DISTANCES, where=jnp.zeros((2, 5), bool)).group, [-1, -1])


def test_a_query_that_is_a_member_is_left_out_of_its_own_groups():
    # Query 1 is member 3: without it, group 2 holds .3 and .9, and group 1 a single face.
    own = jnp.arange(5)[None] == jnp.array([-1, 3])[:, None]
    where = WHERE[None] & ~own[:, None]
    found = classify(DISTANCES, where=where)
    np.testing.assert_allclose(found.distances[0], group_distances(DISTANCES, where=WHERE)[0], rtol=1e-6)
    # .6 + 1.96 * .3, half their difference
    np.testing.assert_allclose(found.distances[1], [0.5 + 1.96 * 0.2, np.nan, 0.6 + 1.96 * 0.3], rtol=1e-6)
    np.testing.assert_array_equal(found.group, [0, 0])


@pytest.mark.parametrize("abstain", [False, True])
def test_classification_is_the_same_under_jit_and_vmap(key, abstain):
    values, where = jax.random.uniform(next(key), (3, 20, 30)), jax.random.bernoulli(next(key), 0.4, (4, 30))
    found = groups.classify(values, where=where, abstain=abstain)
    assert found.group.shape == (3, 20)
    assert found.low.shape == (3, 20, 4)
    assert abstain == (jnp.min(found.group) < 0)
    mapped = jax.jit(jax.vmap(lambda d: classify(d, where=where, abstain=abstain)))(values)
    np.testing.assert_array_equal(mapped.group, found.group)
    np.testing.assert_allclose(mapped.distances, found.distances, rtol=1e-6)


def test_wrong_shapes_and_dtypes_are_refused():
    with pytest.raises(ValueError, match=r"\(2, 3\), members \(4, 5\)"):
        distances(jnp.ones((2, 3)), jnp.ones((4, 5)))
    with pytest.raises(TypeError, match="embeddings are int32"):
        distances(jnp.ones((2, 3)), jnp.ones((4, 3), int))
    with pytest.raises(ValueError, match=r"\(2, 5\), `where` \(3, 4\)"):
        group_distances(DISTANCES, where=WHERE[:, :4])
    with pytest.raises(TypeError, match="`where` is float32"):
        group_distances(DISTANCES, where=WHERE.astype(jnp.float32))
    with pytest.raises(TypeError, match="'mean', expected one of Rule"):
        group_distances(DISTANCES, where=WHERE, rule="mean")
    with pytest.raises(ValueError, match=r"two or more groups, .* \(1, 5\)"):
        classify(DISTANCES, where=WHERE[:1])


def test_a_group_that_is_too_small_is_named():
    check_groups(["a", "b", "c"], WHERE)
    with pytest.raises(ValueError, match=r"without the query itself: b \(1\)\. "):
        check_groups(["a", "b"], np.array([[True, True], [True, False]]))
    own = np.ones((2, 2, 2), bool)
    own[1, 0, 1] = False
    with pytest.raises(ValueError, match=r"a \(1\)\. "):
        check_groups(["a", "b"], own)
    with pytest.raises(ValueError, match=r"1 names \(a\) for 3 groups"):
        check_groups(["a"], WHERE)
