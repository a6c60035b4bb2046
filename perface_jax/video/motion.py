"""How a face moves from one frame to another one near it: a similarity, from points that OpenCV follows.

Points with texture in the face are followed by pyramidal Lucas-Kanade, and back again. Those that do not come back are
dropped. If too few are left or they do not agree on one similarity, the motion is not known: a cut, an occlusion,
blur.

Source: Bouguet 2001, "Pyramidal Implementation of the Affine Lucas Kanade Feature Tracker"; the check by the way back:
Kalal, Mikolajczyk and Matas 2010, "Forward-Backward Error: Automatic Detection of Tracking Failures".
"""

from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from perface_jax import extras

SIDE = 640  # pixels of the longer side in which faces are followed
FEATURES = 80  # points that are looked for in a face
BACK = 1.0  # pixels: largest error of the way back
KNOWN = 0.4  # share of the points that must come back and agree
FEWEST = 6
GROWTH = 1.5  # from a frame to the next, a face does not grow or shrink more

Gray = UInt8[np.ndarray, "h w"]


def small_gray(picture: UInt8[np.ndarray, "h w 3"]) -> Gray:
    """A small gray copy, in which faces are followed."""
    cv2 = _opencv()
    scale = scale_of(picture.shape[0], picture.shape[1])
    size = tuple(max(1, round(scale * side)) for side in picture.shape[1::-1])
    return cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)


def scale_of(height: int, width: int) -> float:
    """Pixels of `small_gray` for one of the picture, at most 1."""
    return min(1.0, SIDE / max(height, width))


def follow(
    before: Gray, after: Gray, box: Float[np.ndarray, "4"], *, scale: float = 1.0
) -> Float[np.ndarray, "2 3"] | None:
    """The similarity that maps a face of one picture to the other; None if it is not known.

    Args:
      before, after: as from `small_gray`, both of one size.
      box: around the face in `before`: left, top, right, bottom, in pixels of the large picture.
      scale: as from `scale_of`. The matrix is in pixels of the large picture.
    """
    cv2 = _opencv()
    points = _features(cv2, before, scale * (np.asarray(box, np.float64) + 0.5) - 0.5)
    if points is None:
        return None
    options = {"winSize": (15, 15), "maxLevel": 3}
    there, found, _ = cv2.calcOpticalFlowPyrLK(before, after, points, None, **options)
    back, returned, _ = cv2.calcOpticalFlowPyrLK(after, before, there, None, **options)
    kept = (found & returned).ravel().astype(bool) & (np.linalg.norm(back - points, axis=-1).ravel() < BACK)
    if kept.sum() < max(FEWEST, KNOWN * len(points)):
        return None
    matrix, agreeing = cv2.estimateAffinePartial2D(points[kept], there[kept], ransacReprojThreshold=1.5)
    if matrix is None or agreeing.sum() < max(FEWEST, KNOWN * len(points)):
        return None
    growth = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    return _large(matrix, scale) if 1 / GROWTH < growth < GROWTH else None


def moved(points: Float[np.ndarray, "n 2"], matrix: Float[np.ndarray, "2 3"]) -> Float[np.ndarray, "n 2"]:
    """Points after the motion."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def moved_box(box: Float[np.ndarray, "4"], matrix: Float[np.ndarray, "2 3"]) -> Float[np.ndarray, "4"]:
    """The upright box of the same shape around the moved center."""
    corners = np.asarray(box, np.float64).reshape(2, 2)
    center, half = corners.mean(0), (corners[1] - corners[0]) / 2
    center, half = moved(center[None], matrix)[0], half * np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    return np.concatenate([center - half, center + half])


def _features(cv2, gray, box):
    """Points with texture inside of the ellipse in a box, `[n, 1, 2]`; None if there are too few."""
    mask = np.zeros_like(gray)
    center, half = box.reshape(2, 2).mean(0), np.maximum((box[2:] - box[:2]) / 2, 1)
    cv2.ellipse(mask, tuple(np.rint(center).astype(int).tolist()), tuple(np.rint(half).astype(int).tolist()),
                0, 0, 360, 255, -1)  # fmt: skip
    gap = max(2.0, half.min() / 8)
    points = cv2.goodFeaturesToTrack(gray, FEATURES, 0.01, gap, mask=mask)
    return None if points is None or len(points) < FEWEST else points.astype(np.float32)


def _large(matrix, scale):
    """The same motion in pixels of the large picture; pixel centers lie at integers in both."""
    linear, edge = matrix[:, :2], 0.5 * scale - 0.5
    shift = (linear @ np.full(2, edge) + matrix[:, 2] - edge) / scale
    return np.concatenate([linear, shift[:, None]], 1)


def _opencv() -> Any:
    with extras.explained():
        import cv2
    return cv2
