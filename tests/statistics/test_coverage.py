"""How often a 95% interval of a mean score holds it: the table of docs/statistics.md, and a guard.

`pytest tests/statistics/test_coverage.py -m slow -s` prints the tables.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax import metrics
from perface_jax.statistics.shares import share_of
from tests.statistics.simulated_scores import MEAN, WORLDS, crossing, simulate

GRIDS = ((24, 40), (80, 80), (80, 16), (16, 16), (16, 80), (200, 6), (8, 80))


@functools.partial(jax.jit, static_argnames=("sources", "targets", "resamples"))
def _held(keys, scores, *, sources, targets, resamples):
    """Whether each interval holds the mean: `[data_sets, 5]`."""
    source, target = crossing(sources, targets)
    options = {"sizes": (sources, targets), "resamples": resamples}

    def held(key_and_scores):
        key, scores = key_and_scores
        means = metrics.bootstrap_means(key, scores, source, sizes=(sources,), resamples=resamples)
        intervals = (
            metrics.score_interval(scores, source, target),
            metrics.robust_interval(scores, source, target),
            metrics.cluster_interval(key, scores, source, sizes=(sources,), resamples=resamples),
            metrics.cluster_interval(key, scores, source, target, **options),
            jnp.percentile(means, jnp.array([2.5, 97.5])),
        )
        return jnp.stack([(low <= MEAN) & (high >= MEAN) for low, high in intervals])

    return jax.lax.map(held, (keys, scores), batch_size=25)


def _coverage(sources, targets, *, shares, votes, data_sets, resamples):
    scores = simulate(data_sets, sources, targets, shares=shares, votes=votes)
    keys = jax.random.split(jax.random.key(1), data_sets)
    return np.mean(_held(keys, scores, sources=sources, targets=targets, resamples=resamples), axis=0)


def test_where_targets_matter_sources_alone_are_not_enough():
    found = _coverage(20, 20, shares=(0.3, 0.5, 0.0), votes=1, data_sets=200, resamples=200)
    score, robust, source, pigeonhole, _ = found
    assert 0.9 <= score <= 0.99  # 200 data sets: a standard error of .015
    assert 0.88 <= robust <= 0.99
    assert source < 0.85
    assert pigeonhole >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("votes", [1, 3])
@pytest.mark.parametrize(("sources", "targets"), GRIDS)
def test_coverage(sources, targets, votes, world):
    found = _coverage(sources, targets, shares=WORLDS[world], votes=votes, data_sets=1000, resamples=400)
    print(f"\n| {sources} x {targets} | {world} | {votes} | " + " | ".join(f"{x:.3f}" for x in found) + " |")
    assert found[0] >= 0.9  # .91 with eight sources


@pytest.mark.slow
@pytest.mark.parametrize("persons", [20, 60])
@pytest.mark.parametrize(("each", "alike"), [(1, 0.0), (3, 0.0), (3, 0.5), (20, 0.0), (20, 0.5)])
def test_coverage_of_shares(persons, each, alike):
    """Pictures of a person are correlated with the coefficient `alike`: p ~ Beta."""
    found, random = [], np.random.default_rng(2)
    person, ids = np.repeat(np.arange(persons), each), np.arange(persons * each) // each
    for mean in (0.5, 0.9, 0.95, 0.99):
        size = (1 - alike) / alike if alike else np.inf
        p = random.beta(mean * size, (1 - mean) * size, (2000, persons)) if alike else np.full((2000, persons), mean)
        values = random.random((2000, persons * each)) < p[:, ids]
        exact = np.array([share_of(one, person)[1:] for one in values])
        wilson = np.stack(metrics.score_interval(values.astype(np.float32), person), axis=1)
        found += [np.mean((ends[:, 0] <= mean) & (ends[:, 1] >= mean)) for ends in (exact, wilson)]
    print(f"\n| {persons} x {each} | {alike} | " + " | ".join(f"{x:.3f}" for x in found) + " |")
    assert min(found[::2]) >= 0.93
