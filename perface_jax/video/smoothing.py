"""Points of a track without the jitter of detections."""

import numpy as np
from jaxtyping import Float
from scipy.signal import savgol_filter

WINDOW = 0.3  # seconds
DEGREE = 2


def smooth(points: Float[np.ndarray, "n p 2"], *, rate: float) -> Float[np.ndarray, "n p 2"]:
    """Points of n frames on end, smoothed over time: a polynomial of degree 2 in a window around each frame.

    A face that moves evenly, or speeds up evenly, is not moved. Less than four frames stay as they are.

    Args:
      points: of a track.
      rate: frames a second; the window has 0.3 seconds, and at least 5 frames.

    Source: Savitzky and Golay 1964, "Smoothing and Differentiation of Data by Simplified Least Squares Procedures".
    """
    length = min(max(5, 2 * round(WINDOW * rate / 2) + 1), len(points) - 1 + len(points) % 2)
    if length <= DEGREE:
        return points
    return np.asarray(savgol_filter(points, length, DEGREE, axis=0), points.dtype)
