"""Pictures of the synthetic world for tests; all tests share one compiled program for each size."""

import jax
import numpy as np

from perface_jax.synthetic import faces
from perface_jax.synthetic.write_world import BATCH

SIZE = 112


def draw(source, target, seam=None, *, size=SIZE, view=faces.SIMSWAP_VIEW) -> np.ndarray:
    """As `faces.render`, uint8 [n, size, size, 3]."""
    count = len(target.yaw)
    people = jax.tree.map(np.asarray, (source, target, faces.natural(count) if seam is None else seam))
    drawn = []
    for start in range(0, count, BATCH):
        places = np.minimum(np.arange(start, start + BATCH), count - 1)
        batch = jax.tree.map(lambda leaf: leaf[places], people)  # noqa: B023
        drawn.append(np.asarray(faces.render(*batch, size=size, view=view)))
    return np.concatenate(drawn)[:count]
