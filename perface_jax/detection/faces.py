"""What a detector finds."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8


class Face(NamedTuple):
    """One face of a picture; coordinates follow the contract of `images`, and may lie outside the picture."""

    box: Float[np.ndarray, "4"]  # left, top, right, bottom
    score: float  # the detector's own; larger = more certain
    landmarks: Float[np.ndarray, "5 2"]  # left and right as in the upright face
    dense: Float[np.ndarray, "points 2"] | None = None  # all points, if the detector gives more than five


@runtime_checkable
class Detector(Protocol):
    """A function that finds the faces of a picture. It must be safe to call from several threads."""

    def __call__(self, picture: UInt8[np.ndarray, "h w 3"], /) -> Sequence[Face]: ...


def by_size(faces: Sequence[Face]) -> list[Face]:
    """The faces by the area of their boxes, the largest first."""
    return sorted(faces, key=lambda face: -float(np.prod(np.maximum(face.box[2:] - face.box[:2], 0))))
