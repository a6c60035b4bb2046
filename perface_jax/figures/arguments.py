"""What every figure accepts: something to draw, arrays of one length."""

from typing import Any

import numpy as np


def some(what: str, given: Any) -> Any:
    """The same, unless it is empty: ValueError."""
    if not len(given):
        raise ValueError(f"{what} is empty: there is nothing to draw")
    return given


def vectors(what: str, *arrays: np.ndarray) -> np.ndarray:
    """Arrays [N] of one length -> float64 [K, N]. ValueError with all shapes where they differ."""
    arrays = [np.asarray(array) for array in arrays]
    if any(array.ndim != 1 or len(array) != len(arrays[0]) for array in arrays):
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise ValueError(f"{what} must be of shape [N], all with the same N, got {shapes}")
    return np.stack([array.astype(np.float64) for array in arrays])
