"""Checks of arguments: embeddings become unit vectors, persons are numbered, scores are finite."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float64, Int, Shaped

from perface_jax.arrays import AnyArray
from perface_jax.precision import is_floating

Values = Shaped[AnyArray, " n"] | Sequence[float]  # one per picture
NOBODY = ("", "nan", "None", "<NA>")  # what Python, NumPy and pandas make of a missing name
Persons = Shaped[AnyArray, " _"] | Sequence[int] | Sequence[str]  # the person in each picture: integers or strings


def directions(embeddings: Float[AnyArray, "n d"], name: str) -> Float64[np.ndarray, "n d"]:
    """The embeddings scaled to length 1, in float64; ValueError if one is not finite or has length zero."""
    embeddings = np.asarray(embeddings)
    if not is_floating(embeddings.dtype):
        raise TypeError(f"{name} are {embeddings.dtype}; wanted floating embeddings [N, D]")
    if embeddings.ndim != 2 or 0 in embeddings.shape:
        raise ValueError(f"{name} have shape {embeddings.shape}; wanted [N, D], one row per picture")
    embeddings = embeddings.astype(np.float64)
    lengths = np.linalg.norm(embeddings, axis=1)
    bad = np.flatnonzero(~np.isfinite(lengths) | (lengths == 0))
    if len(bad):
        raise ValueError(
            f"{len(bad)} of {len(lengths)} {name} are zero or not finite, the first in row {bad[0]}; leave"
            " pictures that could not be embedded out of every array, and report how many"
        )
    return embeddings / lengths[:, None]


def numbered(persons: Persons | None, count: int) -> Int[np.ndarray, " n"]:
    """The person in each of `count` pictures, numbered from 0 in sorted order; all different if None.

    Raises:
      TypeError, ValueError: not one integer or name for each picture; an empty name, or `nan`, which NumPy makes of a
        missing one: all such pictures would count as one person.
    """
    if persons is None:
        return np.arange(count)
    persons = np.asarray(persons)
    if persons.dtype.kind not in "iuU":
        raise TypeError(f"persons are {persons.dtype}; wanted integers or strings, one per picture")
    if persons.shape != (count,):
        raise ValueError(f"persons have shape {persons.shape}; wanted ({count},), one per picture")
    if persons.dtype.kind == "U" and (nobody := np.flatnonzero(np.isin(np.char.strip(persons), NOBODY))).size:
        raise ValueError(
            f"{nobody.size} persons have no name, the first is {str(persons[nobody[0]])!r} in row {nobody[0]}; wanted a"
            " name for each, or those pictures left out of every array"
        )
    return np.unique(persons, return_inverse=True)[1]


def scores(values: Values, name: str) -> Float64[np.ndarray, " n"]:
    """The numbers in float64. ValueError unless there is at least one and all are finite."""
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or values.size == 0 or not np.isfinite(values).all():
        seen = f"shape {values.shape} and {np.sum(~np.isfinite(values))} that are not finite"
        raise ValueError(f"{name} have {seen}; wanted [N] finite numbers, one per picture")
    return values
