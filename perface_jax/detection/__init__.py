"""From photographs to faces with five points.

    from perface_jax import detection, images

    detect = detection.mtcnn()                           # pip install "perface_jax[detect]"; nothing is downloaded
    faces = detect(images.read("photograph.jpg"))
    crop = images.align(picture, faces[0].landmarks)

A `Detector` is a function: uint8 RGB [h, w, 3] -> list of `Face(box, score, landmarks [5, 2])`. `adapters` wraps those
of insightface, mediapipe, dlib and face-alignment. `python -m perface_jax.detection DIR --out landmarks.csv` finds the
faces of a folder.
"""

from perface_jax.detection.cascade import Cascade, mtcnn, named
from perface_jax.detection.faces import Detector, Face, by_size

__all__ = ["Cascade", "Detector", "Face", "by_size", "mtcnn", "named"]
