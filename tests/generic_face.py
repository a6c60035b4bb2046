"""The generic face from different sides."""

import numpy as np
from scipy.spatial.transform import Rotation

from perface_jax import landmarks


def turned(yaw, pitch, roll) -> np.ndarray:
    """The generic face under angles in degrees, 40 pixels a unit, seen from far away; SciPy turns it."""
    turn = Rotation.from_euler("ZXY", [roll, -pitch, yaw], degrees=True).as_matrix()
    return ((landmarks.GENERIC @ turn.T)[:, :2] * 40 + [70, 55]).astype(np.float32)
