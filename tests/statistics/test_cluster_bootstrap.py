"""The cluster bootstrap: by hand, against SciPy, against a plain loop. Coverage: `test_coverage.py`."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from perface_jax import metrics

# Two clusters, 9 right and 1 wrong. A draw is AA = 1 (1/4), AB = 9/10 (1/2) or BB = 0 (1/4).
SCORES, CLUSTERS = jnp.array([1.0] * 9 + [0.0]), jnp.array([3] * 9 + [5])


def test_clusters_of_unequal_size_weigh_by_their_triplets(key):
    means = metrics.bootstrap_means(next(key), SCORES, CLUSTERS, resamples=4000)
    for mean, share in ((1, 1 / 4), (0.9, 1 / 2), (0, 1 / 4)):
        np.testing.assert_allclose(np.mean(np.isclose(means, mean)), share, atol=0.03)
    np.testing.assert_allclose(metrics.cluster_interval(next(key), SCORES, CLUSTERS, level=0.9), [0, 1], atol=1e-6)


def test_the_interval_is_the_expanded_percentile_one(key):
    key, random = next(key), np.random.default_rng(4)
    scores, clusters = random.normal(size=40).astype(np.float32), np.arange(40) % 8
    means = np.asarray(metrics.bootstrap_means(key, scores, clusters))
    tail = scipy.stats.norm.cdf(-np.sqrt(8 / 7) * scipy.stats.t.ppf(0.975, 7))  # .0058 instead of .025
    expected = np.quantile(means, [tail, 1 - tail])
    np.testing.assert_allclose(metrics.cluster_interval(key, scores, clusters), expected, rtol=1e-4)


def test_scores_from_0_to_1_keep_a_width_where_all_are_right(key):
    ids = np.repeat(np.arange(20), 3)
    ends = metrics.cluster_interval(next(key), np.ones(60, np.float32), ids)
    np.testing.assert_allclose(ends, scipy.stats.binomtest(20, 20).proportion_ci(method="wilson"), atol=1e-6)
    np.testing.assert_allclose(metrics.cluster_interval(next(key), np.full(60, 2.0, np.float32), ids), [2, 2])


def test_clusters_may_be_named(key):
    key, names = next(key), np.array(["b", "a", "c"])[np.arange(10) % 3]
    scores = np.linspace(0, 2, 10).astype(np.float32)
    expected = metrics.cluster_interval(key, scores, np.array([1, 0, 2])[np.arange(10) % 3])
    np.testing.assert_array_equal(metrics.cluster_interval(key, scores, names), expected)


def test_every_resample_draws_as_many_clusters_as_occur_each_equally_often(key):
    # Cluster i has one triplet of score 1000 ** i: the sum of a resample, read in base 1000, says how often each came.
    scores, clusters = np.array([1.0, 1e3, 1e6]), np.array([7, 2, 4])
    with jax.enable_x64(True):
        means = np.asarray(metrics.bootstrap_means(next(key), scores, clusters, resamples=6000))
    drawn = np.rint(means[:, None] * 3) // scores % 1000
    assert (drawn.sum(axis=1) == 3).all()
    # Three draws of three: no cluster i with probability (2/3)^3 = 8/27, once 12/27, twice 6/27, three times 1/27.
    for times, share in enumerate((8 / 27, 12 / 27, 6 / 27, 1 / 27)):
        np.testing.assert_allclose(np.mean(drawn == times, axis=0), share, atol=0.025)


def test_homogeneous_clusters_give_a_wide_interval_and_independent_triplets_a_narrow_one(key):
    scores = jnp.repeat(jnp.array([1.0, 0, 1, 0, 1, 1, 0, 1, 1, 1]), 20)
    means = metrics.bootstrap_means(next(key), scores, jnp.repeat(jnp.arange(10), 20))
    np.testing.assert_allclose(jnp.std(means), np.sqrt(0.21 / 10), rtol=0.05)  # 10 clusters with mean .7
    by_triplet = metrics.cluster_interval(next(key), scores, jnp.arange(200))
    np.testing.assert_allclose(by_triplet, [0.7 - 1.96 * 0.0324, 0.7 + 1.96 * 0.0324], atol=0.01)  # sqrt(.21 / 200)


def test_with_one_triplet_a_cluster_it_is_the_percentile_bootstrap_of_scipy(key):
    scores = np.random.default_rng(0).gamma(1.0, size=40).astype(np.float32)
    ours = metrics.cluster_interval(next(key), scores, np.arange(40), level=0.9, resamples=20_000)
    theirs = scipy.stats.bootstrap(
        (scores,), np.mean, confidence_level=0.9, n_resamples=20_000, method="percentile", rng=1
    ).confidence_interval
    np.testing.assert_allclose(ours, theirs, atol=0.02)


def _crossed(rows=7, columns=5):
    """Unequal cells: source, target and score of 60 triplets."""
    random = np.random.default_rng(3)
    source, target = random.integers(0, rows, 60), random.integers(0, columns, 60)
    return source, target, (source / rows + random.random(60)).astype(np.float32)


def _plain_loop(source, target, scores, resamples):
    """The same means, written down triplet by triplet."""
    random, means = np.random.default_rng(0), []
    for _ in range(resamples):
        rows, columns = (
            np.bincount(random.choice(np.unique(ids), len(np.unique(ids))), minlength=10) for ids in (source, target)
        )
        weights = rows[source] * columns[target]
        means.append(np.sum(weights * scores) / np.sum(weights))
    return np.array(means)


def test_two_clusterings_are_drawn_independently_and_multiplied(key):
    source, target, scores = _crossed()
    ours = metrics.bootstrap_means(next(key), scores, source, target, resamples=20_000)
    theirs = _plain_loop(source, target, scores, 20_000)
    percents = [2.5, 25, 50, 75, 97.5]
    np.testing.assert_allclose(np.percentile(ours, percents), np.percentile(theirs, percents), atol=0.01)
    one_way = metrics.bootstrap_means(next(key), scores, source, resamples=20_000)
    assert jnp.std(ours) > 1.1 * jnp.std(one_way)


def test_ids_that_do_not_occur_or_are_masked_change_nothing(key):
    key = next(key)
    source, target, scores = _crossed()
    expected = metrics.bootstrap_means(key, scores, source, target)
    padded = np.append(scores, [np.nan, 7.0, 7.0]).astype(np.float32)
    sources, targets = np.append(source, [8, 9, -1]), np.append(target, [0, 12, 1])
    kept = np.append(np.ones(60, bool), [False, False, True])  # the last one has no source
    for sizes in (None, (10, 20)):
        ours = metrics.bootstrap_means(key, padded, sources, targets, sizes=sizes, where=kept)
        np.testing.assert_allclose(ours, expected, rtol=1e-6)


def test_a_triplet_with_an_id_out_of_range_does_not_count(key):
    key = next(key)
    source, target, scores = _crossed()
    expected = metrics.bootstrap_means(key, scores, source, target, sizes=(7, 5))
    more = np.append(scores, [7.0, 7.0, 7.0]).astype(np.float32)
    sources, targets = np.append(source, [2, 3, 7]), np.append(target, [5, -1, 0])
    ours = metrics.bootstrap_means(key, more, sources, targets, sizes=(7, 5))
    np.testing.assert_allclose(ours, expected, rtol=1e-6)


def test_models_in_one_call_and_in_calls_with_one_key_see_the_same_draws(key):
    key = next(key)
    source, _, scores = _crossed()
    together = metrics.bootstrap_means(key, np.stack([scores, 3 * scores + 1]), source)
    assert together.shape == (2, 2000)
    np.testing.assert_allclose(together[1], 3 * together[0] + 1, rtol=1e-5)
    np.testing.assert_allclose(metrics.bootstrap_means(key, scores, source), together[0], rtol=1e-6)


def test_there_is_no_interval_with_fewer_than_two_clusters(key):
    one = jnp.zeros(10, int)
    assert np.isnan(metrics.cluster_interval(next(key), SCORES, one)).all()
    assert np.isnan(metrics.cluster_interval(next(key), SCORES, CLUSTERS, one)).all()
    assert np.isnan(metrics.cluster_interval(next(key), SCORES, CLUSTERS, where=jnp.zeros(10, bool))).all()
    assert np.isnan(metrics.cluster_interval(next(key), jnp.zeros(0), jnp.zeros(0, int))).all()


def test_a_nan_score_gives_no_interval_unless_it_is_masked(key):
    broken = SCORES.at[0].set(jnp.nan)
    assert np.isnan(metrics.cluster_interval(next(key), broken, CLUSTERS)).all()
    assert np.isfinite(metrics.cluster_interval(next(key), broken, CLUSTERS, where=~jnp.isnan(broken))).all()


def test_a_resample_in_which_no_source_meets_a_target_is_left_out(key):
    # Two triplets, each alone in its row and column. Both rows and both columns: 1/2; the same one twice: 0 or 1.
    pair = jnp.array([0.0, 1.0]), jnp.arange(2), jnp.arange(2)
    means = metrics.bootstrap_means(next(key), *pair, resamples=4000)
    np.testing.assert_allclose(jnp.mean(jnp.isnan(means)), 1 / 8, atol=0.03)  # AA with BB, BB with AA
    np.testing.assert_allclose(metrics.cluster_interval(next(key), *pair), [0, 1])


def test_it_runs_under_jit_and_vmap_and_gives_the_same(key):
    keys = jax.random.split(next(key), 2)
    source, target, scores = (np.stack([x, x[::-1]]) for x in _crossed())
    kept = np.arange(60) < np.array([[60], [37]])
    interval = functools.partial(metrics.cluster_interval, sizes=(7, 5))
    together = jax.jit(jax.vmap(lambda key, x, a, b, kept: interval(key, x, a, b, where=kept)))(
        keys, scores, source, target, kept
    )
    for i in range(2):
        alone = interval(keys[i], scores[i][kept[i]], source[i][kept[i]], target[i][kept[i]])
        np.testing.assert_allclose([low_or_high[i] for low_or_high in together], alone, rtol=1e-5)


def test_arrays_it_cannot_use_are_refused_with_what_was_seen(key):
    key = next(key)
    with pytest.raises(TypeError, match="scores are int32"):
        metrics.cluster_interval(key, jnp.ones(3, int), jnp.zeros(3, int))
    with pytest.raises(TypeError, match="clusters are float32"):
        metrics.cluster_interval(key, jnp.ones(3), jnp.ones(3))
    with pytest.raises(ValueError, match=r"clusters have shape \(4,\), scores \(2, 3\)"):
        metrics.cluster_interval(key, jnp.ones((2, 3)), jnp.zeros(4, int))
    with pytest.raises(ValueError, match=r"scores have shape \(\)"):
        metrics.cluster_interval(key, jnp.float32(1), jnp.zeros((), int))
    with pytest.raises(ValueError, match="no clusters"):
        metrics.cluster_interval(key, jnp.ones(3))
    with pytest.raises(ValueError, match="2 clusterings have 1 sizes"):
        metrics.cluster_interval(key, jnp.ones(3), jnp.zeros(3, int), jnp.zeros(3, int), sizes=(2,))
    with pytest.raises(ValueError, match="level is 95; wanted a share"):
        metrics.cluster_interval(key, SCORES, CLUSTERS, level=95)


def test_traced_clusters_ask_for_their_sizes_and_constant_ones_do_not(key):
    key = next(key)
    with pytest.raises(ValueError, match=r"clusters are traced; give `sizes`"):
        jax.jit(metrics.cluster_interval)(key, SCORES, CLUSTERS)
    low, _ = jax.jit(lambda key, scores: metrics.cluster_interval(key, scores, CLUSTERS))(key, SCORES)
    np.testing.assert_allclose(low, metrics.cluster_interval(key, SCORES, CLUSTERS)[0], rtol=1e-6)


def test_double_precision_stays(key):
    with jax.enable_x64(True):
        low, high = metrics.cluster_interval(next(key), np.linspace(0, 1, 10), np.arange(10), np.arange(10) % 3)
    assert low.dtype == high.dtype == np.float64
