"""The exact least similar rows of a gallery larger than memory, or divided among several devices."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Bool, Float, Int

from perface_jax.arrays import AnyArray
from perface_jax.precision import wide, widen
from perface_jax.selection.blocks import Lowest, lower
from perface_jax.selection.cosines import cosines
from perface_jax.selection.ranking import Gallery, Selection, check_count, check_embeddings, check_mask
from perface_jax.similarity import unit

ALIGNED = 64  # bytes: XLA for CPUs reads host memory where it lies if its address is a multiple of it
ROWS = 2048  # that are compared with the queries together; 2048 x 512 float32 fit into a core's caches


def merge(*parts: Selection, k: int) -> Selection:
    """Merge selections of the same queries from disjoint rows of one gallery into the k least similar; traceable.

    Of equal similarities the lower row comes first. Fewer than k if the parts together have fewer.
    """
    similarity = jnp.concatenate(widen("similarities", *(part.similarity for part in parts)), axis=-1)
    index = jnp.concatenate([part.index for part in parts], axis=-1)
    similarity, index = jax.lax.sort((similarity, index), num_keys=2)  # NaN, where there is none, sorts last
    return Selection(index[..., :k], similarity[..., :k])


def least_similar_streaming(
    queries: Float[AnyArray, "q d"],
    gallery: Gallery,
    *,
    k: int,
    chunk: int = 16384,
    where: Bool[AnyArray, "*#q n"] | None = None,
    exclude: Int[AnyArray, "q e"] | None = None,
    mesh: Mesh | None = None,
) -> Selection:
    """As `least_similar`, exact, over a gallery that need not fit in memory; a host function.

    The gallery is read in chunks, each while the devices work on the previous one; the best k so far are kept. All
    chunks run the same program; a gallery in half precision is widened chunk by chunk. With a mesh, each device
    ranks its rows of all chunks, and each process reads the rows of its own devices; at the end the best of the devices
    are merged. All processes return the same result.

    Args:
      queries, k, where: as for `least_similar`, without leading axes.
      gallery: the candidates, `[n, d]`.
      chunk: the largest number of rows to read at once, rounded up to a multiple of the devices.
      exclude: rows that a query must not get, such as its own; -1 for none.
      mesh: devices that share the work, for example from `parallel.make_mesh`; None: one device.

    Raises:
      TypeError: as for `least_similar`, or ids that are not integers.
      ValueError: as for `least_similar`, ids out of range, or a chunk below 1.
    """
    queries, where, exclude = _checked(queries, gallery, where, exclude, k, chunk)
    # Chunks of equal size that hold little more than the gallery: padding costs as much as rows do.
    devices, rows = 1 if mesh is None else mesh.size, max(gallery.shape[0], 1)
    chunks = -(-rows // chunk)
    parts = devices * _parts(-(-rows // (chunks * devices)))
    chunk = -(-rows // (chunks * parts)) * parts
    best = _none((len(queries), devices * k), queries.dtype, mesh)
    read = _reader(gallery, chunk, mesh, queries.dtype)
    for start in range(0, gallery.shape[0], chunk):
        rows = read(start)
        free = _free(where, exclude, start, chunk)
        best = jax.block_until_ready(best)  # otherwise chunks would pile up if reading is faster
        best = _advance(best, queries, rows, free, np.int32(start), mesh=mesh)
    return jax.device_get(_merged(best, k=k, mesh=mesh))


def _none(shape, dtype, mesh) -> Lowest:
    """The best of each device before the first chunk, where the device holds them."""
    none = Lowest(np.full(shape, np.inf, dtype), np.full(shape, -1, np.int32))
    if mesh is None:
        return jax.device_put(none)
    sharding = NamedSharding(mesh, PartitionSpec(None, mesh.axis_names))
    return Lowest(*(jax.make_array_from_callback(shape, sharding, x.__getitem__) for x in none))


@functools.partial(jax.jit, static_argnames="mesh")
def _advance(best, queries, rows, free, start, *, mesh):
    """The best so far of each device, updated by one more chunk, whose first row is `start`."""
    devices = 1 if mesh is None else mesh.size

    def rank(best, queries, rows, free, first):
        return lower(best, _scores(queries, rows, free), start=first[0])

    if mesh is not None:
        by_row, by_column = PartitionSpec(mesh.axis_names), PartitionSpec(None, mesh.axis_names)
        specs = (by_column, PartitionSpec(), by_row, by_column, by_row)
        rank = jax.shard_map(rank, mesh=mesh, in_specs=specs, out_specs=by_column)
    first = start + jnp.arange(devices, dtype=jnp.int32) * (len(rows) // devices)
    return rank(best, queries, rows, free, first)


def _scores(queries, rows, free) -> jax.Array:
    """Similarities `[rows, Q]`, infinite where a row must not be chosen."""
    queries, parts = unit(queries), _parts(len(rows))

    def part(data):
        rows, free = data
        similarity = cosines(queries, rows)
        return jnp.where(free & ~jnp.isnan(similarity), similarity, jnp.inf)

    # A part stays in the caches from its first use to its last.
    divided = (x.reshape(parts, -1, x.shape[-1]) for x in (rows, free.T))
    return jax.lax.map(part, tuple(divided)).reshape(len(rows), -1)


def _parts(rows) -> int:
    """The number of parts in which this many rows are compared."""
    return -(-rows // ROWS)


@functools.partial(jax.jit, static_argnames=("k", "mesh"))
def _merged(best, *, k, mesh):
    """The best of all devices."""
    found = best.score < jnp.inf
    similarity, index = (jnp.where(found, x, none) for x, none in ((best.score, jnp.nan), (best.place, -1)))
    merged = merge(Selection(index, similarity), k=k)
    return merged if mesh is None else jax.lax.with_sharding_constraint(merged, NamedSharding(mesh, PartitionSpec()))


def _reader(gallery, chunk, mesh, dtype) -> Callable[[int], jax.Array]:
    """A function that reads `[chunk, D]` rows of the gallery from a start, zero beyond its end.

    On one device the rows are read into one of two buffers, in turns: the one that was read before may still be in
    use. Fresh memory for every chunk would cost about as much as the copy.
    """
    buffers = [_aligned((chunk, gallery.shape[1]), dtype) for _ in range(2)] if mesh is None else []

    def whole(start):
        rows = gallery[start : start + chunk]
        if isinstance(rows, np.ndarray) and _is_usable(rows, chunk, dtype):
            return jax.device_put(rows)
        buffers.reverse()
        buffers[0][: len(rows)] = rows
        buffers[0][len(rows) :] = 0
        return jax.device_put(buffers[0])

    def divided(start, mesh):
        def rows(index):
            low, high, _ = index[0].indices(chunk)
            part = np.asarray(gallery[start + low : start + high]).astype(dtype, copy=False)
            missing = high - low - len(part)
            return np.pad(part, ((0, missing), (0, 0))) if missing else part

        sharding = NamedSharding(mesh, PartitionSpec(mesh.axis_names))
        return jax.make_array_from_callback((chunk, gallery.shape[1]), sharding, rows)

    return whole if mesh is None else functools.partial(divided, mesh=mesh)


def _aligned(shape, dtype) -> np.ndarray:
    """An array whose address XLA for CPUs can use."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.empty(size + ALIGNED, np.uint8)
    first = -memory.ctypes.data % ALIGNED
    return memory[first : first + size].view(dtype).reshape(shape)


def _is_usable(rows, chunk, dtype) -> bool:
    """Whether XLA for CPUs can use a chunk where it lies."""
    return len(rows) == chunk and rows.dtype == dtype and rows.flags.c_contiguous and rows.ctypes.data % ALIGNED == 0


def _free(where, exclude, start, chunk) -> np.ndarray:
    """Which rows of a chunk may be chosen, bool `[1 or Q, chunk]`; none beyond the end of the gallery."""
    free = where[:, start : start + chunk]
    free = np.pad(free, ((0, 0), (0, chunk - free.shape[1])))
    if exclude is not None:
        query, place = np.nonzero((exclude >= start) & (exclude < start + chunk))
        free = np.repeat(free, len(exclude) // len(free), axis=0)
        free[query, exclude[query, place] - start] = False
    return free


def _checked(queries, gallery, where, exclude, k, chunk):
    """Queries, mask `[1 or Q, N]` and ids as arrays."""
    check_count(k)
    check_count(chunk)
    queries = np.asarray(queries)
    check_embeddings(queries, gallery)
    if len(queries.shape) != 2 or len(gallery.shape) != 2:
        raise ValueError(f"queries have shape {queries.shape}, the gallery {gallery.shape}; wanted [Q, D] and [N, D]")
    shape = (len(queries), gallery.shape[0])
    where = np.ones((1, shape[1]), bool) if where is None else np.atleast_2d(where)
    check_mask(where, shape)
    dtype = wide(*(jax.dtypes.canonicalize_dtype(x.dtype) for x in (queries, gallery)))
    return queries.astype(dtype), where, None if exclude is None else _ids(exclude, shape)


def _ids(exclude, shape) -> np.ndarray:
    exclude = np.asarray(exclude)
    if not np.issubdtype(exclude.dtype, np.integer):
        raise TypeError(f"`exclude` is {exclude.dtype}, wanted integer rows of the gallery")
    if exclude.ndim != 2 or len(exclude) != shape[0]:
        raise ValueError(f"`exclude` has shape {exclude.shape}, wanted [Q, any] with Q = {shape[0]} queries")
    if exclude.size and not -1 <= exclude.min() <= exclude.max() < shape[1]:
        raise ValueError(f"`exclude` is {exclude.min()} to {exclude.max()}, wanted rows 0 to {shape[1] - 1}, or -1")
    return exclude
