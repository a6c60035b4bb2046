import re

import jax
import numpy as np
import pytest

from perface_jax.parallel import make_mesh
from perface_jax.selection import Selection, least_similar, least_similar_streaming, merge, streaming

RANDOM = np.random.default_rng(0)
QUERIES = RANDOM.normal(size=(7, 16)).astype(np.float32)
GALLERY = RANDOM.normal(size=(1003, 16)).astype(np.float32)  # divisible neither by the chunks nor by the devices
WHERE = RANDOM.random((7, 1003)) < 0.5


def by_sorting(k, where=True):
    """The k least similar by a float64 sort."""
    queries, gallery = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in map(np.float64, (QUERIES, GALLERY)))
    return np.argsort(np.where(where, queries @ gallery.T, np.inf), axis=1, kind="stable")[:, :k]


def test_chunks_give_the_ids_of_a_float64_sort():
    wanted = by_sorting(10)
    for chunk in (100, 1003):
        found = least_similar_streaming(QUERIES, GALLERY, k=10, chunk=chunk)
        np.testing.assert_array_equal(found.index, wanted)
    whole = least_similar(QUERIES, GALLERY, k=10)
    np.testing.assert_allclose(found.similarity, whole.similarity, atol=1e-6)


def test_a_gallery_on_disk_is_read_in_one_program(tmp_path):
    stored = np.memmap(tmp_path / "gallery", np.float16, "w+", shape=GALLERY.shape)
    stored[:] = GALLERY
    streaming._advance.clear_cache()
    found = least_similar_streaming(QUERIES, stored, k=5, chunk=64)
    assert streaming._advance._cache_size() == 1  # 16 chunks, the last one short
    np.testing.assert_array_equal(found.index, least_similar(QUERIES, np.asarray(stored), k=5).index)


@pytest.mark.parametrize("devices", [8, 3])
def test_several_devices_give_the_ids_of_one(devices):
    mesh = make_mesh(data=devices, devices=jax.devices()[:devices])
    exclude = by_sorting(4, WHERE)
    for options in ({}, {"where": WHERE[0]}, {"where": WHERE, "exclude": exclude}):
        one = least_similar_streaming(QUERIES, GALLERY, k=12, chunk=100, **options)
        streaming._advance.clear_cache()
        many = least_similar_streaming(QUERIES, GALLERY, k=12, chunk=100, mesh=mesh, **options)
        assert streaming._advance._cache_size() == 1
        np.testing.assert_array_equal(many.index, one.index)
        np.testing.assert_allclose(many.similarity, one.similarity, atol=1e-6)


def test_each_device_looks_at_its_rows_only():
    mesh = make_mesh(data=8)
    best = streaming._none((7, 96), np.float32, mesh)
    rows = streaming._reader(GALLERY, 1000, mesh, np.float32)(0)
    assert [shard.data.shape for shard in rows.addressable_shards] == [(125, 16)] * 8
    program = streaming._advance.lower(best, QUERIES, rows, np.ones((1, 1000), bool), np.int32(0), mesh=mesh).compile()
    assert not re.search(r"all-gather|all-to-all|all-reduce|collective-permute", program.as_text())
    program = streaming._merged.lower(best, k=12, mesh=mesh).compile()
    assert "all-gather" in program.as_text()  # the best of each device, once, at the end


def test_a_resident_gallery_that_is_cut_over_devices_is_ranked_where_it_lies():
    mesh = make_mesh(data=8)
    cut = jax.device_put(GALLERY[:1000], jax.sharding.NamedSharding(mesh, jax.P(mesh.axis_names)))
    found = jax.jit(lambda q, g: least_similar(q, g, k=12))(QUERIES, cut)
    np.testing.assert_array_equal(found.index, least_similar(QUERIES, GALLERY[:1000], k=12).index)


def test_the_mask_and_excluded_ids_are_never_given():
    exclude = by_sorting(6, WHERE)[:, ::2]
    exclude[2] = (-1, exclude[2, 0], -1)
    left = WHERE.copy()
    for query, rows in enumerate(exclude):
        left[query, rows[rows >= 0]] = False
    found = least_similar_streaming(QUERIES, GALLERY, k=9, chunk=128, where=WHERE, exclude=exclude)
    np.testing.assert_array_equal(found.index, by_sorting(9, left))
    only = least_similar_streaming(QUERIES, GALLERY, k=9, chunk=128, where=WHERE[0])
    np.testing.assert_array_equal(only.index, by_sorting(9, WHERE[0]))


def test_missing_candidates_are_marked():
    where = np.zeros(1003, bool)
    where[[5, 700]] = True
    found = least_similar_streaming(QUERIES, GALLERY, k=3, chunk=100, where=where)
    np.testing.assert_array_equal(np.sort(found.index), [[-1, 5, 700]] * 7)
    np.testing.assert_array_equal(np.isnan(found.similarity), [[False, False, True]] * 7)
    exclude = np.array([[700]] * 3 + [[-1]] * 3 + [[5]])  # 700 is the first row of its chunk
    found = least_similar_streaming(QUERIES, GALLERY, k=3, chunk=100, where=where, exclude=exclude)
    np.testing.assert_array_equal(np.sort(found.index), [[-1, -1, 5]] * 3 + [[-1, 5, 700]] * 3 + [[-1, -1, 700]])


def test_of_equal_similarities_the_lower_row_comes_first_in_every_chunk_and_device():
    gallery = np.tile(np.array([[1.0, 0], [0, 1], [-1, 0]], np.float32), (100, 1))
    for mesh in (None, make_mesh(data=8)):
        found = least_similar_streaming(np.array([[1.0, 0.0]]), gallery, k=103, chunk=64, mesh=mesh)
        np.testing.assert_array_equal(found.index, [[*range(2, 300, 3), 1, 4, 7]])


def test_selections_merge_by_similarity_and_then_by_row():
    first = Selection(np.array([[3, 9]]), np.array([[-0.5, 0.2]], np.float32))
    second = Selection(np.array([[1, 7, -1]]), np.array([[-0.5, -0.1, np.nan]], np.float32))
    found = jax.jit(jax.vmap(lambda x, y: merge(x, y, k=4)))(first, second)
    np.testing.assert_array_equal(found.index, [[1, 3, 7, 9]])
    np.testing.assert_allclose(found.similarity, [[-0.5, -0.5, -0.1, 0.2]])
    np.testing.assert_array_equal(merge(first, second, k=5).index, [[1, 3, 7, 9, -1]])


def test_wrong_shapes_dtypes_and_ids_are_refused():
    for options, error, message in (
        ({"chunk": 0}, ValueError, "is 0; wanted an integer from 1"),
        ({"where": np.ones(7, bool)}, ValueError, r"`where` has shape \(1, 7\), wanted \(1003,\)"),
        ({"where": np.ones((3, 1003), bool)}, ValueError, r"\(7, 1003\)"),
        ({"where": np.ones(1003)}, TypeError, "`where` is float64"),
        ({"exclude": np.ones((7, 1))}, TypeError, "`exclude` is float64"),
        ({"exclude": np.arange(7)}, ValueError, r"`exclude` has shape \(7,\)"),
        ({"exclude": np.full((7, 1), 1003)}, ValueError, "1003 to 1003, wanted rows 0 to 1002"),
    ):
        with pytest.raises(error, match=message):
            least_similar_streaming(QUERIES, GALLERY, k=2, **options)
    with pytest.raises(ValueError, match=r"queries have shape \(16,\)"):
        least_similar_streaming(QUERIES[0], GALLERY, k=2)
    with pytest.raises(ValueError, match=r"queries have shape \(1, 7, 16\), the gallery \(1003, 16\)"):
        least_similar_streaming(QUERIES[None], GALLERY, k=2)
    with pytest.raises(TypeError, match="queries are int64"):
        least_similar_streaming(QUERIES.astype(int), GALLERY, k=2)
    with pytest.raises(TypeError, match="candidates uint8"):
        least_similar_streaming(QUERIES, GALLERY.astype(np.uint8), k=2)


@pytest.mark.parametrize(("rows", "chunk", "read"), [(10, 8192, [10]), (1003, 1000, [502] * 2), (64, 64, [64])])
def test_chunks_are_of_one_size_and_hold_little_more_than_the_gallery(rows, chunk, read, monkeypatch):
    sizes, whole = [], streaming._reader
    monkeypatch.setattr(streaming, "_reader", lambda *words: counted(whole(*words), sizes))
    least_similar_streaming(QUERIES, GALLERY[:rows], k=2, chunk=chunk)
    assert sizes == read


def counted(read, sizes):
    def one(start):
        sizes.append(len(rows := read(start)))
        return rows

    return one


def test_parts_of_a_chunk_give_the_ids_of_the_whole(monkeypatch):
    monkeypatch.setattr(streaming, "ROWS", 64)  # 1003 rows: 16 parts of 63, and 5 rows beyond the end
    streaming._advance.clear_cache()
    found = least_similar_streaming(QUERIES, GALLERY, k=10, where=WHERE)
    streaming._advance.clear_cache()
    np.testing.assert_array_equal(found.index, by_sorting(10, WHERE))


def test_a_gallery_is_read_where_it_lies_if_its_address_allows_it():
    aligned = streaming._aligned(GALLERY.shape, np.float32)
    aligned[:] = GALLERY
    for gallery, shared in (
        (aligned, True),
        (aligned[1:].reshape(-1)[1:].reshape(-1, 1), False),
        (GALLERY[::2], False),
    ):
        rows = streaming._reader(gallery, 100, None, np.float32)(0)
        assert np.shares_memory(np.asarray(rows), gallery) == shared
        np.testing.assert_array_equal(rows, gallery[:100])


def test_a_chunk_does_not_change_while_the_next_one_is_read():
    read = streaming._reader(GALLERY[:, ::2], 100, None, np.float32)
    first, second = read(0), read(100)
    np.testing.assert_array_equal(first, GALLERY[:100, ::2])
    np.testing.assert_array_equal(second, GALLERY[100:200, ::2])
    np.testing.assert_array_equal(read(1000), np.pad(GALLERY[1000:, ::2], ((0, 97), (0, 0))))


def test_an_empty_gallery_offers_nobody():
    found = least_similar_streaming(QUERIES, GALLERY[:0], k=2)
    assert (found.index == -1).all()
    assert np.isnan(found.similarity).all()
