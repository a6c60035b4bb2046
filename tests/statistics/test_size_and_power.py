"""How often paired tests find a difference, where there is none and where there is one: tables of docs/statistics.md.

`pytest tests/statistics/test_size_and_power.py -m slow -s` prints them.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax import metrics
from tests.statistics.simulated_scores import WORLDS, crossing, simulate

GRIDS = ((24, 40), (80, 80), (80, 16), (16, 16))


@functools.partial(jax.jit, static_argnames=("sources", "targets", "resamples"))
def _rejected(keys, pairs, *, sources, targets, resamples):
    """Whether p is below .05: `[data_sets, 4]`, of the robust test, both bootstraps and the sign flips."""
    source, target = crossing(sources, targets)
    options = {"resamples": resamples}

    def rejected(key_and_pair):
        key, (first, second) = key_and_pair
        p = (
            metrics.robust_test(first, second, source, target).p,
            metrics.paired_bootstrap(key, first, second, source, sizes=(sources,), **options).p,
            metrics.paired_bootstrap(key, first, second, source, target, sizes=(sources, targets), **options).p,
            metrics.sign_flip_test(key, first, second, source, size=sources, **options),
        )
        return jnp.stack(p) < 0.05

    return jax.lax.map(rejected, (keys, pairs), batch_size=25)


def _rejections(sources, targets, *, shares, votes, gain=0.0, data_sets, resamples):
    """Of two models whose scores vary independently, the first with a mean that is higher by `gain`."""
    pairs = [
        simulate(data_sets, sources, targets, shares=shares, votes=votes, mean=mean, seed=seed)
        for seed, mean in enumerate((0.75 + gain, 0.75))
    ]
    keys = jax.random.split(jax.random.key(2), data_sets)
    found = _rejected(keys, np.stack(pairs, axis=1), sources=sources, targets=targets, resamples=resamples)
    return np.mean(found, axis=0)


def test_equal_models_that_differ_by_target_are_found_different_by_tests_of_sources():
    robust, source, pigeonhole, flips = _rejections(
        16, 16, shares=(0.3, 0.5, 0.0), votes=1, data_sets=200, resamples=200
    )
    assert robust <= 0.1  # 200 data sets: a standard error of .015
    assert pigeonhole <= 0.1
    assert source > 0.15
    assert flips > 0.15


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize(("sources", "targets"), GRIDS)
def test_how_often_equal_models_are_rejected(sources, targets, world):
    found = _rejections(sources, targets, shares=WORLDS[world], votes=1, data_sets=2000, resamples=400)
    print(f"\n| {sources} x {targets} | {world} | " + " | ".join(f"{x:.3f}" for x in found) + " |")
    assert found[0] <= 0.07


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize(("sources", "targets"), [(24, 40), (80, 16)])
def test_how_often_a_better_model_is_found(sources, targets, world):
    gain = 0.05 if world == "interaction" else 0.12
    found = _rejections(sources, targets, shares=WORLDS[world], votes=1, gain=gain, data_sets=1000, resamples=400)
    print(f"\n| {sources} x {targets} | {world}, +{gain} | " + " | ".join(f"{x:.3f}" for x in found) + " |")
    assert found[0] >= found[2] - 0.02  # the pigeonhole bootstrap
