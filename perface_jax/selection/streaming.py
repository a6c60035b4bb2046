"""The exact least similar rows of a gallery larger than memory, or divided among several devices."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Bool, Float, Int

from perface_jax.arrays import AnyArray
from perface_jax.precision import wide, widen
from perface_jax.selection.ranking import Gallery, Selection, check_count, check_embeddings, check_mask, least_similar


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
    chunk: int = 8192,
    where: Bool[AnyArray, "*#q n"] | None = None,
    exclude: Int[AnyArray, "q e"] | None = None,
    mesh: Mesh | None = None,
) -> Selection:
    """As `least_similar`, exact, over a gallery that need not fit in memory; a host function.

    The gallery is read in chunks, each while the devices work on the previous one; the best k so far are kept. All
    chunks run the same program; a gallery in half precision is widened chunk by chunk. With a mesh, each device
    ranks its rows of a chunk, and each process reads the rows of its own devices. All processes return the same result.

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
    devices = 1 if mesh is None else mesh.size
    # Chunks of equal size that hold little more than the gallery: padding costs as much as rows do.
    rows = max(gallery.shape[0], 1)
    chunks = -(-rows // chunk)
    chunk = -(-rows // (chunks * devices)) * devices
    best = Selection(np.full((len(queries), k), -1, np.int32), np.full((len(queries), k), np.nan, queries.dtype))
    for start in range(0, gallery.shape[0], chunk):
        rows = _read(gallery, start, chunk, mesh, queries.dtype)
        free = _free(where, exclude, start, chunk)
        best = jax.device_get(best)  # waits; otherwise chunks would pile up if reading is faster
        best = _advance(best, queries, rows, free, np.int32(start), mesh=mesh)
    return jax.device_get(best)


@functools.partial(jax.jit, static_argnames="mesh")
def _advance(best, queries, rows, free, start, *, mesh):
    """The best so far, updated by one more chunk, whose first row is `start`."""
    k, devices = best.index.shape[-1], 1 if mesh is None else mesh.size

    def rank(queries, rows, free, first):
        found = least_similar(queries, rows, k=k, where=free)
        return Selection(jnp.where(found.index < 0, -1, found.index + first[0]), found.similarity)

    if mesh is not None:
        by_row, by_column = PartitionSpec(mesh.axis_names), PartitionSpec(None, mesh.axis_names)
        specs = (PartitionSpec(), by_row, by_column, by_row)
        rank = jax.shard_map(rank, mesh=mesh, in_specs=specs, out_specs=by_column)
    first = start + jnp.arange(devices, dtype=jnp.int32) * (len(rows) // devices)
    best = merge(best, rank(queries, rows, free, first), k=k)
    return best if mesh is None else jax.lax.with_sharding_constraint(best, NamedSharding(mesh, PartitionSpec()))


def _read(gallery, start, chunk, mesh, dtype) -> jax.Array:
    """Rows of the gallery `[chunk, D]` in this dtype, zero beyond its end; divided over the mesh, if any."""

    def rows(index):
        low, high, _ = index[0].indices(chunk)
        part = np.asarray(gallery[start + low : start + high]).astype(dtype)
        missing = high - low - len(part)
        return np.pad(part, ((0, missing), (0, 0))) if missing else part

    if mesh is None:
        return jnp.asarray(rows((slice(None),)))
    sharding = NamedSharding(mesh, PartitionSpec(mesh.axis_names))
    return jax.make_array_from_callback((chunk, gallery.shape[1]), sharding, rows)


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
