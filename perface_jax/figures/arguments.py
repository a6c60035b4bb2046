"""What every figure accepts: something to draw, arrays of one length."""

from collections.abc import Sized
from typing import TypeVar

import numpy as np
from jaxtyping import Float64
from numpy.typing import ArrayLike

Given = TypeVar("Given", bound=Sized)


def some(what: str, given: Given) -> Given:
    """The same, unless it is empty: ValueError."""
    if not len(given):
        raise ValueError(f"{what} is empty: there is nothing to draw")
    return given


def vectors(what: str, *arrays: ArrayLike) -> Float64[np.ndarray, "k n"]:
    """Vectors of one length, stacked. ValueError with all shapes where they differ."""
    made = [np.asarray(array) for array in arrays]
    if any(array.ndim != 1 or len(array) != len(made[0]) for array in made):
        shapes = ", ".join(str(array.shape) for array in made)
        raise ValueError(f"{what} must be of shape [N], all with the same N, got {shapes}")
    return np.stack([array.astype(np.float64) for array in made])
