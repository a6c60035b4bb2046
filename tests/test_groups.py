import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy import stats

from perface_jax import groups
from perface_jax.groups import Rule, check_groups

# Compiled whole, not operation by operation; three tests call the functions as they are.
distances = jax.jit(groups.distances)
group_distances = jax.jit(groups.group_distances, static_argnames="rule")
classify = jax.jit(groups.classify, static_argnames=("rule", "abstain"))

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
