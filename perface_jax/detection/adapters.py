"""Adapters for detectors of other libraries. None is required; you install and configure them yourself.

    detect = adapters.from_insightface(app)                        # insightface.app.FaceAnalysis, prepared
    detect = adapters.from_mediapipe("face_landmarker.task")       # the file is MediaPipe's, downloaded by the caller
    detect = adapters.from_dlib(dlib.get_frontal_face_detector(), dlib.shape_predictor("..._68_face_landmarks.dat"))
    detect = adapters.from_face_alignment(face_alignment.FaceAlignment(...))

All take RGB, like everything here. The score is 1 if a library gives none.
"""

import importlib
import os
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from perface_jax.detection.faces import Detector, Face
from perface_jax.landmarks import five_points


def from_insightface(app: Any) -> Detector:
    """A `FaceAnalysis` of insightface (which takes BGR). With its 68-point model, `dense` holds the 68 points.

    Its five points are the usual ones, so they are not converted.
    """

    def detect(picture: UInt8[np.ndarray, "h w 3"], /) -> Sequence[Face]:
        return [_from_insightface(one) for one in app.get(np.ascontiguousarray(picture[..., ::-1]))]

    return detect


def _from_insightface(found):
    dense = getattr(found, "landmark_3d_68", None)
    dense = None if dense is None else np.asarray(dense, np.float32)[:, :2]
    return Face(np.asarray(found.bbox, np.float32), float(found.det_score), np.asarray(found.kps, np.float32), dense)


def from_mediapipe(task: str | os.PathLike, *, faces: int = 8) -> Detector:
    """MediaPipe's FaceLandmarker with the model in the file `task`: 478 points per face in `dense`.

    Args:
      faces: the largest number of faces to find in a picture.

    Raises:
      ModuleNotFoundError: mediapipe is not installed.
      FileNotFoundError: no such file.
    """
    if not os.path.exists(task):
        raise FileNotFoundError(f"no file {task}; wanted MediaPipe's face_landmarker.task, which its page offers")
    try:
        mediapipe: Any = importlib.import_module("mediapipe")
        tasks: Any = importlib.import_module("mediapipe.tasks.python")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("mediapipe is not installed; run: python -m pip install mediapipe") from error
    base = tasks.BaseOptions(model_asset_path=str(task))
    options = tasks.vision.FaceLandmarkerOptions(base_options=base, num_faces=faces)
    landmarker, lock = tasks.vision.FaceLandmarker.create_from_options(options), threading.Lock()

    def detect(picture: UInt8[np.ndarray, "h w 3"], /) -> Sequence[Face]:
        shown = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(picture))
        with lock:
            found = landmarker.detect(shown).face_landmarks
        size = np.array(picture.shape[1::-1])
        # Shares of the picture are counted from its edge, half a pixel before the center of the first one.
        return [_from_dense(np.array([(point.x, point.y) for point in one]) * size - 0.5) for one in found]

    return detect


def from_dlib(detector: Any, predictor: Any, *, upsample: int = 1) -> Detector:
    """dlib's `get_frontal_face_detector()` with a `shape_predictor` of 68 points.

    Args:
      upsample: how often to double the size of the picture first, to find smaller faces.

    Raises:
      ValueError, when called: a predictor with another number of points (dlib's five are not eye centers).
    """
    lock = threading.Lock()

    def detect(picture: UInt8[np.ndarray, "h w 3"], /) -> Sequence[Face]:
        picture = np.ascontiguousarray(picture)
        with lock:  # dlib's detectors keep state
            boxes, scores, _ = detector.run(picture, upsample, 0.0)
            shapes = [predictor(picture, box) for box in boxes]
        return [_from_dlib(*one) for one in zip(boxes, scores, shapes, strict=True)]

    return detect


def _from_dlib(box, score, shape):
    if shape.num_parts != 68:
        raise ValueError(f"saw a predictor of {shape.num_parts} points, wanted dlib's model of 68 points")
    points = np.array([(shape.part(i).x, shape.part(i).y) for i in range(68)], np.float32)
    corners = np.array([box.left(), box.top(), box.right(), box.bottom()], np.float32)
    return _from_dense(points, box=corners, score=float(score))


def from_face_alignment(aligner: Any) -> Detector:
    """A `FaceAlignment` of face-alignment: 68 points per face in `dense`."""
    lock = threading.Lock()

    def detect(picture: UInt8[np.ndarray, "h w 3"], /) -> Sequence[Face]:
        with lock:
            landmarks, _, boxes = aligner.get_landmarks_from_image(np.ascontiguousarray(picture), return_bboxes=True)
        found = zip(landmarks or [], boxes if landmarks else [], strict=True)
        return [
            _from_dense(np.asarray(points)[:, :2], box=np.asarray(box[:4], np.float32), score=float([*box, 1.0][4]))
            for points, box in found
        ]

    return detect


def _from_dense(
    points: Float[np.ndarray, "points 2"], *, box: Float[np.ndarray, "4"] | None = None, score: float = 1.0
) -> Face:
    """A face of 68 or more points; without a box, the box around the points."""
    points = np.asarray(points, np.float32)
    five = five_points(points).astype(np.float32)
    return Face(np.concatenate([points.min(0), points.max(0)]) if box is None else box, score, five, points)
