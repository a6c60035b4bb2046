"""What every function of the machine axis accepts: embeddings that are directions, persons that can be counted."""

import numpy as np


def directions(embeddings: np.ndarray, name: str) -> np.ndarray:
    """The embeddings, floating `[N, D]`, at length 1, in float64.

    Raises:
      TypeError: not floating.
      ValueError: another shape, no rows, numbers that are not finite, or vectors of length zero.
    """
    embeddings = np.asarray(embeddings)
    if not np.issubdtype(embeddings.dtype, np.floating):
        raise TypeError(f"{name} are {embeddings.dtype}; wanted floating embeddings [N, D]")
    if embeddings.ndim != 2 or 0 in embeddings.shape:
        raise ValueError(f"{name} have shape {embeddings.shape}; wanted [N, D], one row a picture")
    embeddings = embeddings.astype(np.float64)
    lengths = np.linalg.norm(embeddings, axis=1)
    bad = np.flatnonzero(~np.isfinite(lengths) | (lengths == 0))
    if len(bad):
        raise ValueError(
            f"{len(bad)} of {len(lengths)} {name} are zero or no finite numbers, the first in row {bad[0]}; leave out"
            " pictures that could not be embedded, in every array, and report how many"
        )
    return embeddings / lengths[:, None]


def paired(originals: np.ndarray, anonymized: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both as `directions`. ValueError unless they have one shape."""
    originals, anonymized = directions(originals, "originals"), directions(anonymized, "anonymized")
    if originals.shape != anonymized.shape:
        raise ValueError(
            f"originals have shape {originals.shape}, anonymized {anonymized.shape}; wanted the same, row i of one"
            " being made from row i of the other"
        )
    return originals, anonymized


def numbered(persons: np.ndarray | None, count: int) -> np.ndarray:
    """Who is on each of `count` pictures, numbered from 0 in sorted order, int `[count]`; all different when None.

    Raises:
      TypeError: ids that are neither integers nor strings.
      ValueError: not one a picture.
    """
    if persons is None:
        return np.arange(count)
    persons = np.asarray(persons)
    if persons.dtype.kind not in "iuU":
        raise TypeError(f"persons are {persons.dtype}; wanted integers or strings, one a picture")
    if persons.shape != (count,):
        raise ValueError(f"persons have shape {persons.shape}; wanted ({count},), one a picture")
    return np.unique(persons, return_inverse=True)[1]


def scores(values: np.ndarray, name: str) -> np.ndarray:
    """The numbers `[N]` in float64. ValueError unless there is at least one and all are finite."""
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or values.size == 0 or not np.isfinite(values).all():
        seen = f"shape {values.shape} and {np.sum(~np.isfinite(values))} that are no finite numbers"
        raise ValueError(f"{name} have {seen}; wanted [N] finite numbers, one a picture")
    return values
