"""Faces that are gray noise: a dark line across is a fault, and a bright one another."""

import numpy as np

from perface_jax.naturalness import Faces

COUNT = 16


def faces() -> tuple[Faces, dict[str, Faces]]:
    """Untouched ones of as many persons, and two kinds of faults."""
    random = np.random.default_rng(0)
    plain = random.integers(90, 160, (COUNT, 64, 64, 3)).astype(np.uint8)
    dark, bright = plain.copy(), plain.copy()
    dark[:, 30:33], bright[:, 30:33] = 0, 255
    persons = np.array([f"p{i:02}" for i in range(COUNT)])
    return Faces(plain, persons), {"dark": Faces(dark, persons), "bright": Faces(bright, persons)}
