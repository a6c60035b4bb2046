import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax.selection import blocks

LOWEST = jax.jit(blocks.lowest, static_argnames="k")
LOWER = jax.jit(blocks.lower)


def draw(size, *, batch=(), queries=3, kinds=5):
    """Scores with many ties, and infinity for a tenth of the candidates."""
    random = np.random.default_rng(size)
    scores = random.integers(0, kinds, (*batch, size, queries)).astype(np.float32)
    return np.where(random.random(scores.shape) < 0.1, np.inf, scores).astype(np.float32)


def by_sorting(scores, k):
    """Scores and places of the k lowest, by a stable sort in float64."""
    scores = np.swapaxes(np.float64(scores), -1, -2)
    order = np.argsort(scores, axis=-1, kind="stable")[..., :k]
    return np.take_along_axis(scores, order, axis=-1), order


@pytest.mark.parametrize(("size", "k"), [(31, 5), (32, 32), (70, 40), (1000, 1), (1000, 300)])
def test_the_lowest_are_those_of_a_stable_sort(size, k):
    scores = draw(size)
    found, (score, place) = LOWEST(scores, k=k), by_sorting(scores, k)
    np.testing.assert_array_equal(found.score, score)
    np.testing.assert_array_equal(np.where(np.isinf(score), -1, found.place), np.where(np.isinf(score), -1, place))


def test_places_are_said_for_every_query_of_every_batch():
    scores = draw(200, batch=(2, 3), kinds=10_000)
    np.testing.assert_array_equal(LOWEST(scores, k=7).place, by_sorting(scores, 7)[1])


def test_fewer_scores_than_wanted_leave_infinity():
    found = LOWEST(np.float32([[3], [1]]), k=4)
    np.testing.assert_array_equal(found.score, [[1, 3, np.inf, np.inf]])
    np.testing.assert_array_equal(found.place[:, :2], [[1, 0]])


def test_piece_by_piece_is_as_at_once():
    # Of equal scores the earlier piece wins, also where the limit of the best so far is reached but not undercut.
    scores = draw(400)
    best = blocks.Lowest(jnp.full((3, 50), jnp.inf), jnp.full((3, 50), -1))
    for start in range(0, 400, 100):
        best = LOWER(best, scores[start : start + 100], start=start)
    jax.tree.map(np.testing.assert_array_equal, best, LOWEST(scores, k=50))
    np.testing.assert_array_equal(best.place, by_sorting(scores, 50)[1])


def test_zero_has_no_sign():
    scores = np.where(np.arange(100) % 3 == 1, -0.0, 0.0).astype(np.float32)[:, None]
    np.testing.assert_array_equal(LOWEST(scores, k=5).place, [range(5)])


def test_the_same_program_serves_cpus_gpus_and_tpus():
    shape = jax.ShapeDtypeStruct((2, 100, 3), np.float32)
    exported = jax.export.export(jax.jit(functools.partial(blocks.lowest, k=5)), platforms=("cpu", "cuda", "tpu"))
    assert exported(shape).out_avals[0].shape == (2, 3, 5)
