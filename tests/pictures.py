"""Pictures for tests of pixels, and how far two of them differ."""

import numpy as np


def noise(*shape, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def levels(x, y) -> int:
    """The largest difference in gray levels."""
    return int(np.abs(np.asarray(x).astype(int) - np.asarray(y).astype(int)).max())
