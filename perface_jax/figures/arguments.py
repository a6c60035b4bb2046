"""Checks of every figure: something to draw, arrays of one length; otherwise a ValueError that names the fault."""

from collections.abc import Mapping, Sequence, Sized
from typing import TypeVar

import numpy as np
from jaxtyping import Float64
from numpy.typing import ArrayLike

Given = TypeVar("Given", bound=Sized)


def some(what: str, given: Given) -> Given:
    """The same, unless it is empty."""
    if not len(given):
        raise ValueError(f"{what} is empty: there is nothing to draw")
    return given


def vectors(what: str, *arrays: ArrayLike) -> Float64[np.ndarray, "k n"]:
    """Vectors of one length, stacked."""
    made = [np.asarray(array) for array in arrays]
    if any(array.ndim != 1 or len(array) != len(made[0]) for array in made):
        shapes = ", ".join(str(array.shape) for array in made)
        raise ValueError(f"{what} must be of shape [N], all with the same N, got {shapes}")
    return np.stack([array.astype(np.float64) for array in made])


def finite(what: str, *arrays: ArrayLike) -> Float64[np.ndarray, "k n"]:
    """Vectors of one length, stacked, without the places where one of them is NaN or infinite."""
    stacked = vectors(what, *arrays)
    return stacked[:, np.isfinite(stacked).all(axis=0)]


def by_recognizer(
    what: str, given: Mapping[str, Mapping[str, Sequence[ArrayLike]]]
) -> tuple[dict[str, dict[str, Float64[np.ndarray, "_ _"]]], list[str]]:
    """Recognizer -> method -> its vectors, stacked; and the names of all methods."""
    values = {
        recognizer: {
            name: vectors(f"{what}[{recognizer!r}][{name!r}]", *arrays)
            for name, arrays in some(f"{what}[{recognizer!r}]", methods).items()
        }
        for recognizer, methods in some(what, given).items()
    }
    return values, list(dict.fromkeys(name for methods in values.values() for name in methods))
