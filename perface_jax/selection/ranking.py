"""Ranking candidates by their similarity to a query; traceable.

Similarity is the cosine of two embeddings, which need not be normalized, in float32, or in float64 if either is
(`perface_jax.precision`). The mask `where`, `[n]` or `[..., q, n]`, says which candidates may be chosen (None: all):
for instance the members of a group, a band of similarity, or all but the query itself. `k` candidates are chosen, the
least similar first; of equal similarities, the lower index first. If a query has fewer than k candidates, the rest have
index -1 and similarity NaN. A candidate whose similarity is NaN is never chosen. Leading axes broadcast.

Shapes and dtypes are checked, values are not. All selections raise TypeError for embeddings that are not floating or a
mask that is not boolean; ValueError for shapes that do not fit or a k below 1.
"""

from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from perface_jax.arrays import AnyArray, Array, PRNGKey, Scalar
from perface_jax.precision import is_floating, option, wide
from perface_jax.selection.blocks import lowest
from perface_jax.selection.cosines import cosines
from perface_jax.similarity import unit

ROWS = 2**16  # candidates in half precision that are widened together; all at once would take twice their memory

Queries = Float[AnyArray, "*#batch q d"]
Candidates = Float[AnyArray, "*#batch n d"]
Mask = Bool[AnyArray, "*#mask n"]


@runtime_checkable
class Gallery(Protocol):
    """Embeddings `[..., n, d]` whose rows can be sliced: an array, a `numpy.memmap`, an HDF5 or Zarr dataset."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype: ...

    def __getitem__(self, rows: slice, /) -> Any: ...


class Selection(NamedTuple):
    """The rows of the chosen candidates of each query, in order, and their similarity to it."""

    index: Int[AnyArray, "*batch q k"]  # pyright: ignore[reportIncompatibleMethodOverride]  # of tuple.index
    similarity: Float[AnyArray, "*batch q k"]


def least_similar(queries: Queries, candidates: Candidates, *, k: int, where: Mask | None = None) -> Selection:
    """The k candidates least similar to each query, least similar first.

        >>> import numpy as np
        >>> from perface_jax import selection
        >>> query = np.float32([[1, 0]])
        >>> candidates = np.float32([[1, 0], [0, 1], [-1, 0], [1, 1]])
        >>> found = selection.least_similar(query, candidates, k=2)
        >>> found.index.tolist(), found.similarity.tolist()
        ([[2, 1]], [[-1.0, 0.0]])

    Source: PerFace (ICIP 2025), section 4.6.
    """
    similarity, where = _similarity(queries, candidates, where)
    return _lowest(similarity, similarity, where, k)


def most_similar(queries: Queries, candidates: Candidates, *, k: int, where: Mask | None = None) -> Selection:
    """As `least_similar`, but the most similar first (the first two in each strip of Fig. 7)."""
    similarity, where = _similarity(queries, candidates, where)
    return _lowest(-similarity, similarity, where, k)


def least_similar_diverse(
    queries: Queries, candidates: Candidates, *, k: int, max_similarity: Scalar, where: Mask | None = None
) -> Selection:
    """As `least_similar`, without candidates that are too similar to one already chosen.

    Greedy: goes down the ranking and skips a candidate if its similarity to one already taken exceeds `max_similarity`.
    A limit of 1 excludes only copies, up to rounding. Each of the k rounds compares one chosen face per query with all
    candidates, which are held in the dtype of the result.
    """
    similarity, where = _similarity(queries, candidates, where)
    check_count(k)
    faces = unit(jnp.asarray(candidates).astype(similarity.dtype))
    faces = jnp.broadcast_to(faces, (*similarity.shape[:-2], *faces.shape[-2:]))

    def choose(free, _):
        chosen = _lowest(similarity, similarity, free, 1)
        face = jnp.take_along_axis(faces, chosen.index, axis=-2)
        near = cosines(face, faces) > option(max_similarity, faces)
        taken = jax.lax.broadcasted_iota(jnp.int32, free.shape, free.ndim - 2) == jnp.swapaxes(chosen.index, -1, -2)
        return free & ~near & ~taken, chosen

    _, chosen = jax.lax.scan(choose, where, length=k)
    return Selection(*(jnp.moveaxis(x[..., 0], 0, -1) for x in chosen))


def similarity_band(
    queries: Queries, candidates: Candidates, *, low: float, high: float, where: Mask | None = None
) -> Bool[Array, "*batch q n"]:
    """Candidates that are distinct but not grotesque: between two quantiles of the similarities to the query.

    The result is a mask for the `where` of a selection. The quantiles, in [0, 1], are over the candidates of the
    `where` given here; the band includes its ends.

        >>> import numpy as np
        >>> from perface_jax import selection
        >>> query, candidates = np.float32([[1, 0]]), np.float32([[1, 0], [0, 1], [-1, 0], [1, 1]])
        >>> selection.similarity_band(query, candidates, low=0, high=0.5).tolist()
        [[False, True, True, False]]

    Raises:
      ValueError: quantiles out of range or order.
    """
    if not 0 <= low <= high <= 1:
        raise ValueError(f"the band goes from quantile {low} to {high}; wanted 0 <= low <= high <= 1")
    similarity, where = _similarity(queries, candidates, where)
    kept = jnp.swapaxes(jnp.where(where, similarity, jnp.nan), -1, -2)
    bounds = jnp.nanquantile(kept, jnp.asarray((low, high), kept.dtype), axis=-1, keepdims=True)
    return (bounds[0] <= kept) & (kept <= bounds[1])


def random_choice(
    key: PRNGKey, queries: Queries, candidates: Candidates, *, k: int, where: Mask | None = None
) -> Selection:
    """The random baseline: k candidates of each query, uniformly without replacement, in the order drawn."""
    similarity, where = _similarity(queries, candidates, where)
    shape = (*similarity.shape[:-2], similarity.shape[-1], similarity.shape[-2])
    return _lowest(jnp.swapaxes(jax.random.uniform(key, shape), -1, -2), similarity, where, k)


def _lowest(score, similarity, where, k) -> Selection:
    """The k candidates with the lowest score among those who may be chosen; all arrays are `[..., N, Q]`."""
    check_count(k)
    found = lowest(jnp.where(where & ~jnp.isnan(similarity), score, jnp.inf), k=k)
    chosen = found.score < jnp.inf
    row = jnp.swapaxes(jnp.where(chosen, found.place, 0), -1, -2)
    similarity = jnp.swapaxes(jnp.take_along_axis(similarity, row, axis=-2), -1, -2)
    return Selection(jnp.where(chosen, found.place, -1), jnp.where(chosen, similarity, jnp.nan))


def _similarity(queries, candidates, where) -> tuple[jax.Array, jax.Array]:
    """Cosines and mask, both `[..., N, Q]`, as `lowest` wants them."""
    queries, candidates = jnp.asarray(queries), jnp.asarray(candidates)
    check_embeddings(queries, candidates)
    dtype = wide(queries.dtype, candidates.dtype)
    queries, count = unit(queries.astype(dtype)), candidates.shape[-2]
    rows = ROWS if candidates.dtype.itemsize < 4 else count  # half precision: widened block by block
    blocks = [candidates[..., i : i + rows, :].astype(dtype) for i in range(0, count, max(rows, 1))]
    similarity = jnp.concatenate([cosines(queries, block) for block in blocks], axis=-2)
    where = jnp.ones(count, bool) if where is None else jnp.asarray(where)
    check_mask(where, (*similarity.shape[:-2], similarity.shape[-1], count))
    return similarity, jnp.broadcast_to(jnp.swapaxes(jnp.atleast_2d(where), -1, -2), similarity.shape)


def check_embeddings(queries: Queries, candidates: Gallery) -> None:
    """Raise a TypeError or ValueError unless both are floating, `[..., Q, D]` and `[..., N, D]`."""
    if not all(is_floating(x.dtype) for x in (queries, candidates)):
        raise TypeError(f"queries are {queries.dtype}, candidates {candidates.dtype}; wanted floating embeddings")
    if min(len(queries.shape), len(candidates.shape)) < 2 or queries.shape[-1] != candidates.shape[-1]:
        raise ValueError(
            f"queries have shape {queries.shape}, candidates {candidates.shape}; wanted [..., Q, D] and [..., N, D]"
        )


def check_mask(where: Mask, shape: tuple[int, ...]) -> None:
    """Raise a TypeError or ValueError unless the mask is bool and broadcasts to `shape`, `[..., Q, N]`."""
    if where.dtype != bool:
        raise TypeError(f"`where` is {where.dtype}, wanted bool: True for candidates that may be chosen")
    if where.ndim < 1 or where.shape[-1] != shape[-1] or np.broadcast_shapes(where.shape, shape) != shape:
        raise ValueError(f"`where` has shape {where.shape}, wanted {shape[-1:]} or {shape}: [N] or [..., Q, N]")


def check_count(count: int) -> None:
    """Raise a ValueError unless it is an integer, at least 1."""
    if not isinstance(count, int) or count < 1:
        raise ValueError(f"the number to choose, or of rows to read, is {count!r}; wanted an integer from 1")
