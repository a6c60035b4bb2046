import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax.selection import least_similar, least_similar_diverse, most_similar, random_choice, similarity_band

# The tests by hand call the functions as they are; the others call them compiled whole, not operation by operation.
LEAST = jax.jit(least_similar, static_argnames="k")
DIVERSE = jax.jit(least_similar_diverse, static_argnames="k")
RANDOM = jax.jit(random_choice, static_argnames="k")
# Unit vectors at these angles; the query is at 0, so that the similarity is the cosine of the angle.
ANGLES = np.deg2rad([30, 180, 90, 170, 60, 120])
CANDIDATES = jnp.asarray(
    np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=-1) * [[3], [1], [0.1], [2], [1], [50]], jnp.float32
)
QUERY = jnp.array([[7.0, 0.0]])


def by_sorting(queries, candidates, k, where=None):
    """The k least similar by a float64 sort, -1 where there are fewer."""
    queries, candidates = (
        x / np.linalg.norm(x, axis=-1, keepdims=True) for x in map(np.float64, (queries, candidates))
    )
    return order_of(queries @ candidates.T, k, where)


def order_of(similarity, k, where=None):
    where = np.broadcast_to(True if where is None else where, similarity.shape)
    order = np.argsort(np.where(where, similarity, np.inf), axis=-1, kind="stable")[..., :k]
    return np.where(np.take_along_axis(where, order, axis=-1), order, -1)


def test_the_least_similar_come_first_whatever_their_length():
    found = least_similar(QUERY, CANDIDATES, k=3)
    np.testing.assert_array_equal(found.index, [[1, 3, 5]])
    np.testing.assert_allclose(found.similarity, np.cos(np.deg2rad([[180, 170, 120]])), atol=1e-6)


def test_the_most_similar_come_first():
    found = most_similar(QUERY, CANDIDATES, k=2, where=jnp.arange(6) > 0)
    np.testing.assert_array_equal(found.index, [[4, 2]])
    np.testing.assert_allclose(found.similarity, [[0.5, 0]], atol=1e-6)


def test_only_those_who_may_be_chosen_are_and_missing_ones_are_marked():
    where = jnp.array([[1, 0, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]], bool)
    found = least_similar(jnp.concatenate([QUERY, QUERY]), CANDIDATES, k=3, where=where)
    np.testing.assert_array_equal(found.index, [[2, 0, -1], [3, 5, 4]])
    np.testing.assert_array_equal(np.isnan(found.similarity), [[False, False, True], [False] * 3])
    np.testing.assert_array_equal(least_similar(QUERY, CANDIDATES, k=2, where=where[0]).index, [[2, 0]])
    np.testing.assert_array_equal(least_similar(QUERY, CANDIDATES, k=8).index, [[1, 3, 5, 2, 4, 0, -1, -1]])


@pytest.mark.parametrize(("size", "k"), [(31, 1), (32, 40), (33, 5), (1000, 40), (1000, 400)])
def test_of_equal_similarities_the_lower_index_comes_first(size, k):
    # Three directions only, so that hundreds of candidates are equally similar, across all blocks. The first is rare:
    # a block that has one is looked at first, but has no right to its other candidates.
    kind = np.random.default_rng(size).choice(3, size, p=(0.02, 0.49, 0.49))
    candidates = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)[kind]
    queries = np.array([[1.0, 0, 0], [-1, 0, 0], [0, 1, -1]], np.float32)
    wanted = order_of(np.pad(queries @ candidates.T, ((0, 0), (0, max(0, k - size))), constant_values=np.inf), k)
    found = LEAST(queries, candidates, k=k)
    np.testing.assert_array_equal(found.index, np.where(wanted < size, wanted, -1))


@pytest.mark.parametrize("k", [1, 10, 100])
def test_the_ids_are_those_of_a_float64_sort(k):
    random = np.random.default_rng(k)
    queries, candidates = random.normal(size=(9, 64)), random.normal(size=(3001, 64))
    where = random.random((9, 3001)) < 0.3
    found = LEAST(queries.astype(np.float32), candidates.astype(np.float32), k=k, where=where)
    np.testing.assert_array_equal(
        found.index, by_sorting(queries.astype(np.float32), candidates.astype(np.float32), k, where)
    )


def test_half_precision_is_ranked_in_float32_and_float64_in_float64():
    queries, candidates = (np.random.default_rng(0).normal(size=(n, 8)).astype(np.float16) for n in (2, 50))
    found = LEAST(queries, candidates, k=4)
    assert found.similarity.dtype == jnp.float32
    np.testing.assert_array_equal(found.index, by_sorting(np.float32(queries), np.float32(candidates), 4))
    with jax.enable_x64(True):
        assert LEAST(np.float64(queries), np.float64(candidates), k=4).similarity.dtype == jnp.float64


def test_a_candidate_that_is_no_number_is_never_chosen():
    found = LEAST(QUERY, CANDIDATES.at[1].set(jnp.nan), k=6)
    np.testing.assert_array_equal(found.index, [[3, 5, 2, 4, 0, -1]])
    np.testing.assert_array_equal(LEAST(QUERY * jnp.nan, CANDIDATES, k=2).index, [[-1, -1]])
    found = most_similar(QUERY, CANDIDATES.at[1].set(jnp.nan), k=6)  # a sort puts one sign of NaN first, the other last
    np.testing.assert_array_equal(found.index, [[0, 4, 2, 5, 3, -1]])


def test_diverse_choices_pass_over_those_near_one_already_chosen():
    # From 180 down: 170 is 10 degrees from it; 120 is 60 away, and cos 60 = .5; 90 is 30 from 120; 60 is 60 from 120.
    found = least_similar_diverse(QUERY, CANDIDATES, k=3, max_similarity=0.51)
    np.testing.assert_array_equal(found.index, [[1, 5, 4]])
    np.testing.assert_allclose(found.similarity, np.cos(np.deg2rad([[180, 120, 60]])), atol=1e-6)
    # Less than .5 is 180 and 90 and then nothing: 30 is 60 from 90. Without 180 it begins with 170.
    found = least_similar_diverse(QUERY, CANDIDATES, k=4, max_similarity=0.49)
    np.testing.assert_array_equal(found.index, [[1, 2, -1, -1]])
    np.testing.assert_array_equal(np.isnan(found.similarity), [[False, False, True, True]])
    found = least_similar_diverse(QUERY, CANDIDATES, k=2, max_similarity=0.49, where=jnp.arange(6) != 1)
    np.testing.assert_array_equal(found.index, [[3, 2]])


def test_diverse_choices_are_those_of_a_loop_over_the_ranking():
    random = np.random.default_rng(1)
    queries, candidates = random.normal(size=(6, 5)).astype(np.float32), random.normal(size=(200, 5)).astype(np.float32)
    unit = candidates / np.linalg.norm(candidates, axis=1, keepdims=True)
    wanted = []
    for ranking in by_sorting(queries, candidates, 200):
        chosen = []
        for i in ranking:
            if len(chosen) < 7 and all(unit[i] @ unit[j] <= 0.3 for j in chosen):
                chosen.append(i)
        wanted.append(chosen + [-1] * (7 - len(chosen)))
    found = DIVERSE(queries, candidates, k=7, max_similarity=0.3)
    np.testing.assert_array_equal(found.index, wanted)


def test_a_band_lies_between_two_quantiles_of_the_candidates():
    # similarities from low to high: 180, 170, 120, 90, 60, 30 degrees at the quantiles 0, .2, .4, .6, .8, 1
    band = similarity_band(QUERY, CANDIDATES, low=0.1, high=0.65)
    np.testing.assert_array_equal(band, [[False, False, True, True, False, True]])
    np.testing.assert_array_equal(least_similar(QUERY, CANDIDATES, k=2, where=band).index, [[3, 5]])
    # without 180 and 30: 170, 120, 90, 60 at 0, 1/3, 2/3, 1
    where = jnp.array([0, 0, 1, 1, 1, 1], bool)
    band = similarity_band(QUERY, CANDIDATES, low=0.3, high=1.0, where=where)
    np.testing.assert_array_equal(band, [[False, False, True, False, True, True]])
    np.testing.assert_array_equal(similarity_band(QUERY, CANDIDATES, low=0.0, high=1.0, where=where), where[None])
    assert not similarity_band(QUERY, CANDIDATES, low=0.0, high=1.0, where=jnp.zeros(6, bool)).any()


def test_a_random_choice_is_uniform_without_replacement(key):
    queries = jnp.tile(QUERY, (4000, 1))
    where = jnp.arange(6) != 2
    found = RANDOM(next(key), queries, CANDIDATES, k=3, where=where)
    index = np.asarray(found.index)
    assert all(len(set(row)) == 3 for row in index)
    # each place: 4,000 draws among five, 800 each with a standard deviation of 25
    counts = [np.bincount(column, minlength=6) for column in index.T]
    np.testing.assert_allclose(counts, np.tile(800 * np.asarray(where), (3, 1)), atol=110)
    np.testing.assert_allclose(found.similarity, np.cos(ANGLES)[index], atol=1e-6)
    np.testing.assert_array_equal(
        np.sort(random_choice(next(key), QUERY, CANDIDATES, k=6, where=where).index), [[-1, 0, 1, 3, 4, 5]]
    )


SELECTIONS = {
    "least_similar": lambda q, c, w: least_similar(q, c, k=3, where=w),
    "most_similar": lambda q, c, w: most_similar(q, c, k=3, where=w),
    "diverse": lambda q, c, w: least_similar_diverse(q, c, k=3, max_similarity=0.4, where=w),
    "band": lambda q, c, w: similarity_band(q, c, low=0.2, high=0.7, where=w),
}


@pytest.mark.parametrize("name", SELECTIONS)
def test_selections_run_under_jit_and_vmap_and_with_leading_dimensions(key, name):
    select = jax.jit(SELECTIONS[name])
    queries, candidates = jax.random.normal(next(key), (2, 4, 6)), jax.random.normal(next(key), (2, 50, 6))
    where = jax.random.bernoulli(next(key), 0.6, (2, 4, 50))
    ones = [select(q, c, w) for q, c, w in zip(queries, candidates, where, strict=True)]
    wanted = jax.tree.map(lambda *x: np.stack(x), *ones)
    for found in (jax.vmap(select)(queries, candidates, where), select(queries, candidates, where)):
        jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, atol=1e-6), found, wanted)
    shared = select(queries, candidates[0], where[0])
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x[0], y, atol=1e-6), shared, ones[0])


def test_random_choices_of_a_batch_differ_and_are_allowed(key):
    choose = jax.jit(jax.vmap(lambda key, q, w: random_choice(key, q, CANDIDATES, k=2, where=w)))
    where = jax.random.bernoulli(next(key), 0.6, (200, 1, 6))
    index = np.asarray(choose(jax.random.split(next(key), 200), jnp.tile(QUERY, (200, 1, 1)), where).index)
    assert len({tuple(row) for row in index[:, 0]}) > 20
    allowed = np.take_along_axis(np.asarray(where), index, axis=-1)
    assert allowed[index >= 0].all()
    np.testing.assert_array_equal(np.sum(index >= 0, axis=-1), np.minimum(np.sum(where, axis=-1), 2))


def test_wrong_shapes_dtypes_and_numbers_are_refused(key):
    with pytest.raises(ValueError, match=r"\(1, 2\), candidates \(6, 1\)"):
        least_similar(QUERY, CANDIDATES[:, :1], k=1)
    with pytest.raises(TypeError, match="queries are int32"):
        least_similar(QUERY.astype(jnp.int32), CANDIDATES, k=1)
    with pytest.raises(TypeError, match="`where` is float32"):
        most_similar(QUERY, CANDIDATES, k=1, where=jnp.ones(6))
    for wrong in (jnp.ones(5, bool), jnp.ones((2, 6), bool), jnp.ones((3, 1, 6), bool)):
        with pytest.raises(ValueError, match=r"`where` has shape .* wanted \(6,\) or \(1, 6\)"):
            random_choice(next(key), QUERY, CANDIDATES, k=1, where=wrong)
    for wrong in (0, 1.5):
        with pytest.raises(ValueError, match=f"is {wrong}; wanted an integer from 1"):
            least_similar_diverse(QUERY, CANDIDATES, k=wrong, max_similarity=0.5)
    with pytest.raises(ValueError, match="from quantile 0.5 to 0.2"):
        similarity_band(QUERY, CANDIDATES, low=0.5, high=0.2)
