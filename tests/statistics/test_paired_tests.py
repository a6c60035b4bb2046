"""Paired tests: by hand, against SciPy and statsmodels, and how often they reject a true hypothesis."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.weightstats import ttost_paired

from perface_jax import metrics


def _scores(*, clusters=10, each=6):
    """Two models' scores of triplets in clusters of unequal size, the first somewhat better, and the cluster ids."""
    random = np.random.default_rng(1)
    ids = np.repeat(np.arange(clusters), random.integers(1, each + 1, clusters))
    first, second = random.random((2, len(ids))) < np.array([[0.7], [0.5]])
    second[random.random(len(ids)) < 0.1] = 0.5
    return first.astype(np.float32), np.where(ids % 4 == 0, first, second).astype(np.float32), ids


def test_the_difference_and_its_interval_are_those_of_the_differences(key):
    key = next(key)
    first, second, ids = _scores()
    test = metrics.paired_bootstrap(key, first, second, ids)
    np.testing.assert_allclose(test.difference, np.mean(first - second), rtol=1e-6)
    expected = metrics.cluster_interval(key, first - second, ids)
    np.testing.assert_allclose([test.low, test.high], expected, rtol=1e-6)
    swapped = metrics.paired_bootstrap(key, second, first, ids)
    np.testing.assert_allclose([swapped.low, swapped.high, swapped.p], [-test.high, -test.low, test.p], rtol=1e-6)


def test_the_bootstrap_p_counts_the_resamples_on_the_other_side(key):
    # Differences 1, 1 and -1 in three clusters: their mean is at most 0 with two or three draws of the third:
    # 3 (1/3)^2 (2/3) + (1/3)^3 = 7/27. With three clusters that is a t of 2 degrees, sqrt(2/3) times the normal one.
    first, ids = jnp.array([1.0, 1.0, 0.0]), jnp.arange(3)
    p = metrics.paired_bootstrap(next(key), first, 1 - first, ids).p
    np.testing.assert_allclose(p, _expanded(7 / 27, 3), atol=0.05)
    always = metrics.paired_bootstrap(next(key), jnp.ones(3), jnp.zeros(3), ids)
    np.testing.assert_allclose(always, [1, 1, 1, _expanded(1 / 2001, 3)], rtol=1e-5)  # .11, and not .001
    never = metrics.paired_bootstrap(next(key), first, first, ids)
    np.testing.assert_allclose(never, [0, 0, 0, 1])


def _expanded(share, clusters):
    t = np.sqrt((clusters - 1) / clusters) * scipy.stats.norm.ppf(share)
    return 2 * scipy.stats.t.cdf(t, clusters - 1)


def test_p_falls_below_five_percent_where_the_interval_excludes_zero(key):
    random = np.random.default_rng(0)
    ids = np.repeat(np.arange(20), 5)
    for shift in np.linspace(-0.3, 0.3, 7):
        first = (shift + random.standard_normal((20, 1)) / 2 + np.zeros((20, 5))).reshape(-1).astype(np.float32)
        test = metrics.paired_bootstrap(next(key), first, np.zeros_like(first), ids)
        assert (test.p < 0.05) == (test.low > 0 or test.high < 0)


def test_source_and_target_can_both_be_drawn(key):
    random = np.random.default_rng(2)
    source, target = (grid.reshape(-1) for grid in np.mgrid[:10, :6])
    first = (random.standard_normal((10, 1)) + random.standard_normal((1, 6))).reshape(-1).astype(np.float32)
    zero, where = np.zeros_like(first), source < 8
    one = metrics.paired_bootstrap(next(key), first, zero, source, where=where)
    both = metrics.paired_bootstrap(next(key), first, zero, source, target, where=where, level=0.9)
    np.testing.assert_allclose(one.difference, np.mean(first[where]), rtol=1e-5)
    np.testing.assert_allclose(both.difference, one.difference, rtol=1e-5)
    assert both.p > one.p


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_sign_flips_agree_with_the_exact_permutation_test_of_scipy(key, seed):
    random = np.random.default_rng(seed)
    ids = np.repeat(np.arange(9), 4)
    first, second = random.choice([0, 0.5, 1], (2, 36), p=[0.3, 0.1, 0.6]).astype(np.float32)
    sums = [np.bincount(ids, x) for x in (first, second)]
    exact = scipy.stats.permutation_test(
        sums, lambda x, y: np.sum(x - y), permutation_type="samples", n_resamples=np.inf
    ).pvalue
    ours = metrics.sign_flip_test(next(key), first, second, ids, resamples=20_000)
    np.testing.assert_allclose(ours, exact, atol=0.015)


def test_few_clusters_cannot_give_a_small_p_however_many_triplets(key):
    # Five sources, all in favor of the first: 2 of the 32 choices of signs are as extreme.
    ids = jnp.repeat(jnp.arange(5), 100)
    p = metrics.sign_flip_test(next(key), jnp.ones(500), jnp.zeros(500), ids, resamples=20_000)
    np.testing.assert_allclose(p, 2 / 32, atol=0.01)


def test_sums_that_differ_only_by_rounding_count_as_equal(key):
    # 4 * .3 - .5 - .7 is 6e-8 in single precision; every choice of signs is at least as extreme as a difference of 0.
    first, second = jnp.array([0.3, 0.3, 0.3, 0.3, 0.0, 0.0]), jnp.array([0.0, 0.0, 0.0, 0.0, 0.5, 0.7])
    assert metrics.sign_flip_test(next(key), first, second, jnp.arange(6)) == 1


def test_without_triplets_or_with_nan_scores_there_is_no_p(key):
    ones, ids = jnp.ones(4), jnp.arange(4)
    broken = ones.at[1].set(jnp.nan)
    for second, where in ((broken, None), (0 * ones, jnp.zeros(4, bool))):
        assert np.isnan(metrics.paired_bootstrap(next(key), ones, second, ids, where=where)).all()
        assert np.isnan(metrics.sign_flip_test(next(key), ones, second, ids, where=where))
    kept = ~jnp.isnan(broken)
    assert metrics.sign_flip_test(next(key), ones, broken, ids, where=kept) == 1
    np.testing.assert_array_equal(metrics.paired_bootstrap(next(key), ones, broken, ids, where=kept), [0, 0, 0, 1])


def test_with_one_cluster_only_the_difference_is_known(key):
    test = metrics.paired_bootstrap(next(key), jnp.ones(4), jnp.zeros(4), jnp.zeros(4, int))
    np.testing.assert_array_equal(test, [1, np.nan, np.nan, np.nan])
    assert metrics.sign_flip_test(next(key), jnp.ones(4), jnp.zeros(4), jnp.zeros(4, int)) == 1


def test_they_run_under_jit_and_vmap_and_with_leading_dimensions(key):
    keys = jax.random.split(next(key), 2)
    first, second, ids = (np.stack([x, x[::-1]]) for x in _scores())
    kept = np.arange(ids.shape[1]) < np.array([[ids.shape[1]], [20]])

    def both(key, first, second, ids, kept):
        flips = metrics.sign_flip_test(key, first, second, ids, size=16, where=kept)
        return metrics.paired_bootstrap(key, first, second, ids, sizes=(16,), where=kept), flips

    together, alone = jax.jit(jax.vmap(both)), jax.jit(both)
    _same(
        together(keys, first, second, ids, kept),
        [alone(*row) for row in zip(keys, first, second, ids, kept, strict=True)],
    )
    models = alone(keys[0], first, second, ids[0], kept[0])  # two pairs of models on the same triplets
    _same(models, [alone(keys[0], *pair, ids[0], kept[0]) for pair in zip(first, second, strict=True)])


def _same(together, rows):
    rows = jax.tree.map(lambda *x: np.stack(x), *rows)
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-5), together, rows)


def test_scores_of_different_triplets_are_refused(key):
    key = next(key)
    for test in (metrics.paired_bootstrap, metrics.sign_flip_test):
        with pytest.raises(ValueError, match=r"first \(3,\), second \(2,\)"):
            test(key, jnp.ones(3), jnp.ones(2), jnp.zeros(3, int))
        with pytest.raises(ValueError, match="clusters are traced"):
            jax.jit(test)(key, jnp.ones(3), jnp.ones(3), jnp.zeros(3, int))


def test_the_robust_test_is_the_t_test_of_the_differences():
    # With one triplet a source it is SciPy's, because V = n / (n - 1) * sum r^2 / n^2 is the variance of a mean.
    random = np.random.default_rng(0)
    first, second = random.normal(size=(2, 12)).astype(np.float32)
    found, ids = metrics.robust_test(first, second, jnp.arange(12)), jnp.arange(12)
    theirs = scipy.stats.ttest_rel(first, second)
    np.testing.assert_allclose(found.difference, np.mean(first - second), rtol=1e-5)
    np.testing.assert_allclose(found.p, theirs.pvalue, rtol=1e-4)
    np.testing.assert_allclose([found.low, found.high], theirs.confidence_interval(), rtol=1e-4)
    np.testing.assert_allclose([found.low, found.high], metrics.robust_interval(first - second, ids), rtol=1e-5)


def test_equivalence_is_the_two_one_sided_tests_of_statsmodels():
    random = np.random.default_rng(1)
    first, second = random.normal(size=(2, 40)).astype(np.float32)
    for margin in (0.1, 0.5, 2.0):
        theirs, _, _ = ttost_paired(first, second, -margin, margin)
        ours = metrics.equivalence_test(first, second, jnp.arange(40), margin=margin)
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    with pytest.raises(ValueError, match="margin is 0; wanted a difference that does not matter"):
        metrics.equivalence_test(first, second, jnp.arange(40), margin=0)


def test_differences_without_variance_are_counted_in_clusters():
    source, target = (grid.reshape(-1) for grid in np.mgrid[:8, :5])
    ones = jnp.ones(40)
    np.testing.assert_array_equal(metrics.robust_test(ones, ones, source, target), [0, 0, 0, 1])
    np.testing.assert_allclose(metrics.robust_test(ones, 0 * ones, source, target), [1, 1, 1, 2 / 2**5])
    np.testing.assert_allclose(metrics.robust_test(0 * ones, 0.1 * ones, source).p, 2 / 2**8, rtol=1e-6)
    np.testing.assert_allclose(metrics.equivalence_test(ones, ones, source, target, margin=0.02), 1 / 2**5)
    assert metrics.equivalence_test(ones, 0 * ones, source, margin=1.0) == 1
    assert np.isnan(metrics.equivalence_test(ones, ones, 0 * source, margin=0.02))
    assert np.isnan(metrics.robust_test(ones, 0 * ones, 0 * source)[1:]).all()


RIGHT = np.array([1, 1, 1, 1, 1, 0, 0, 0.5, 0.5, 1])
OTHER = np.array([0, 0, 0, 0, 1, 0, 1, 1.0, 0.0, 0.5])


def test_mcnemar_counts_triplets_that_one_gets_right_and_the_other_wrong():
    # Four for the first, one for the second: p = 2 (1 + 5) / 32; the three triplets with a tie say nothing.
    assert metrics.mcnemar(RIGHT, OTHER) == (4, 1, 0.375)
    assert metrics.mcnemar(OTHER, RIGHT) == (1, 4, 0.375)
    assert metrics.mcnemar(RIGHT, RIGHT) == (0, 0, 1.0)


@pytest.mark.parametrize(("first_only", "second_only"), [(30, 12), (7, 7), (0, 6), (200, 150)])
def test_mcnemar_agrees_with_statsmodels(first_only, second_only):
    first = np.repeat([1.0, 0.0, 1.0, 0.0], [first_only, second_only, 40, 20])
    second = np.repeat([0.0, 1.0, 1.0, 0.0], [first_only, second_only, 40, 20])
    theirs = statsmodels_mcnemar([[40, first_only], [second_only, 20]], exact=True).pvalue
    ours = metrics.mcnemar(first, second)
    assert ours[:2] == (first_only, second_only)
    np.testing.assert_allclose(ours.p, theirs, rtol=1e-9)


def test_mcnemar_refuses_other_scores():
    with pytest.raises(ValueError, match=r"0, 1/2 or 1, got \[0.7\]"):
        metrics.mcnemar(RIGHT, np.where(OTHER == 0.5, 0.7, OTHER))
    with pytest.raises(ValueError, match=r"got \[nan\]; leave out"):
        metrics.mcnemar(RIGHT, np.where(OTHER == 0.5, np.nan, OTHER))
    with pytest.raises(ValueError, match=r"\[T\] twice, got \(10,\) and \(9,\)"):
        metrics.mcnemar(RIGHT, OTHER[1:])


def _alike(data_sets, sources, targets):
    """Scores of two models that are equally good, but each on sources of its own: `[data_sets, 2, triplets]`."""
    random = np.random.default_rng(5)
    p = random.beta(0.6, 0.2, (data_sets, 2, sources, 1)).astype(np.float32)
    right = random.random((data_sets, 2, sources, targets), np.float32) < p
    return right.reshape(data_sets, 2, -1).astype(np.float32)


@functools.partial(jax.jit, static_argnames="resamples")
def _rejected(keys, scores, source, *, resamples):
    """Whether p is below .05: `[2, data_sets]`, of the paired bootstrap and of the sign flips."""

    def rejected(key_and_scores):
        key, (first, second) = key_and_scores
        flips = metrics.sign_flip_test(key, first, second, source, size=80, resamples=resamples)
        test = metrics.paired_bootstrap(key, first, second, source, sizes=(80,), resamples=resamples)
        return test.p < 0.05, flips < 0.05

    return jnp.stack(jax.lax.map(rejected, (keys, scores), batch_size=10))


def _rejections(key, *, data_sets, sources, targets, resamples):
    """Shares of data sets with p below .05: paired bootstrap, sign flips, McNemar."""
    scores, source = _alike(data_sets, sources, targets), np.repeat(np.arange(sources), targets)
    ours = _rejected(jax.random.split(key, data_sets), scores, source, resamples=resamples)
    return *np.mean(ours, axis=1), np.mean([metrics.mcnemar(*pair).p < 0.05 for pair in scores])


def test_equal_models_are_rejected_at_the_nominal_rate_except_by_mcnemar(key):
    bootstrap, flips, mcnemar = _rejections(next(key), data_sets=300, sources=40, targets=10, resamples=400)
    assert 0.015 <= bootstrap <= 0.1  # 300 data sets: a standard error of .013
    assert 0.015 <= flips <= 0.1
    assert mcnemar > 0.3


@pytest.mark.slow
@pytest.mark.parametrize(("sources", "targets"), [(80, 80), (20, 20), (8, 80)])
def test_how_often_equal_models_are_rejected(key, sources, targets):
    shares = _rejections(next(key), data_sets=2000, sources=sources, targets=targets, resamples=2000)
    print(f"\n{sources} x {targets}: bootstrap {shares[0]:.3f}, sign flips {shares[1]:.3f}, McNemar {shares[2]:.3f}")
    assert shares[1] <= 0.065  # 2,000 data sets: a standard error of .005
    if sources == 80:
        assert 0.035 <= shares[0] <= 0.065
