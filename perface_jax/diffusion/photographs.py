"""The faces of a photograph: cut out upright, and blended back.

A face is cut about as the networks were trained on it: a similarity maps the five points to those of a frontal face,
and a square lies around that. The original code maps 33 points to a template of its own; on three made-up faces, side
and center of the square were within 1% of its side, and the angle within 1.3 degrees. Pasting fades over the edge of
the square, where the original leaves a hard one.

Source: the face path of the code of Kung et al. (WACV 2025).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Num, UInt8
from PIL import Image

from perface_jax.detection import Detector, Face
from perface_jax.diffusion.face_anonymizer import FaceAnonymizer
from perface_jax.images import check
from perface_jax.landmarks import GENERIC, five_points

SIDE = 4.0  # of the square, in distances of the pupils
BELOW = 0.40  # its center under the middle of the pupils, in the same
WHITE = (255, 255, 255)
FEATHER = 0.12  # width of the faded edge, of the side


class Cut(NamedTuple):
    """A face that was cut out of a photograph."""

    image: UInt8[np.ndarray, "s s 3"]
    matrix: Float[np.ndarray, "2 3"]  # from pixels of the photograph to those of the image


def square(points: Num[np.ndarray, "p 2"], *, size: int = 512) -> Float[np.ndarray, "2 3"]:
    """The similarity from a photograph to the square around a face.

    Args:
      points: its landmarks, of any set that `landmarks` knows.
      size: side of the square.

    Source: Umeyama 1991, "Least-squares estimation of transformation parameters between two point patterns", eq. 40.
    """
    slope, shift = _similarity(five_points(np.asarray(points, np.float64)) @ (1, 1j), GENERIC[:5, :2] @ (1, 1j))
    slope, shift = size * slope / SIDE, size * ((shift - BELOW * 1j) / SIDE + (0.5 + 0.5j))
    return np.array([[slope.real, -slope.imag, shift.real], [slope.imag, slope.real, shift.imag]])


def cut(photograph: UInt8[np.ndarray, "h w 3"], points: Num[np.ndarray, "p 2"], *, size: int = 512) -> Cut:
    """The face at these landmarks, upright; white outside of the photograph."""
    check(photograph, rank=3)
    matrix = square(points, size=size)
    return Cut(_warped(photograph, np.linalg.inv(_whole(matrix)), (size, size), WHITE), matrix)


def feather(size: int) -> Float[np.ndarray, "{size} {size}"]:
    """Weights of a square that is pasted: 0 at its edge, 1 inside, smooth between."""
    place = (np.arange(size) + 0.5) / size
    inside = np.clip(np.minimum(place, 1 - place) / FEATHER, 0, 1)
    ramp = inside * inside * (3 - 2 * inside)
    return ramp[:, None] * ramp[None]


def paste(
    photograph: UInt8[np.ndarray, "h w 3"], face: Cut, *, where: UInt8[np.ndarray, "s s"] | None = None
) -> UInt8[np.ndarray, "h w 3"]:
    """The photograph with a face, at the place from which it was cut, faded over the edge of its square.

    `where`: the share of the face in each pixel of its square, from 0 to 255; None = all of it.
    """
    height, width = photograph.shape[:2]
    size = len(face.image)
    scale = np.sqrt(abs(np.linalg.det(face.matrix[:, :2])))  # pixels of the face for one of the photograph
    small = max(1, round(size / max(scale, 1)))  # a large face is made smaller before it is sampled
    shown = np.asarray(Image.fromarray(face.image).resize((small, small), Image.Resampling.LANCZOS))
    matrix = np.diag([small / size, small / size, 1]) @ _whole(face.matrix)
    weights = np.rint(255 * feather(small)).astype(np.uint8)
    if where is not None:
        shares = np.asarray(Image.fromarray(where).resize((small, small), Image.Resampling.BILINEAR))
        weights = np.rint(weights * (shares / 255)).astype(np.uint8)
    own = _warped(shown, matrix, (width, height), (0, 0, 0)).astype(np.float32)
    share = _warped(weights, matrix, (width, height), 0).astype(np.float32)[..., None] / 255
    mixed = share * own + (1 - share) * photograph.astype(np.float32)
    return np.rint(mixed).astype(np.uint8)


def replace_faces(
    photograph: UInt8[np.ndarray, "h w 3"],
    faces: Sequence[Face],
    anonymizer: FaceAnonymizer,
    *,
    degree: float = 1.25,
    seed: int = 0,
) -> UInt8[np.ndarray, "h w 3"]:
    """The photograph with all these faces replaced, each cut from the photograph as it was.

    Args:
      photograph: of any size.
      faces: of a detector. None of them: the photograph is returned as it is.
      anonymizer: the networks.
      degree, seed: of `FaceAnonymizer`.
    """
    cuts = [cut(photograph, _points(face), size=anonymizer.size) for face in faces]
    if not cuts:
        return photograph
    made = anonymizer(np.stack([one.image for one in cuts]), degree=degree, seeds=[seed])[:, 0]
    found = photograph
    for one, image in zip(cuts, made, strict=True):
        found = paste(found, one._replace(image=image))
    return found


def anonymize_photograph(
    photograph: UInt8[np.ndarray, "h w 3"], detector: Detector, anonymizer: FaceAnonymizer, **options: float
) -> tuple[UInt8[np.ndarray, "h w 3"], int]:
    """As `replace_faces`, of all faces that a detector finds; also how many these were. What it misses stays."""
    faces = detector(photograph)
    return replace_faces(photograph, faces, anonymizer, **options), len(faces)  # pyright: ignore[reportArgumentType]


def _points(face):
    return face.landmarks if face.dense is None else face.dense


def _similarity(points, wanted):
    """slope p + shift, least squares, of points as complex numbers."""
    own, there = points - points.mean(), wanted - wanted.mean()
    slope = (own.conj() @ there) / (own.conj() @ own).real
    return slope, wanted.mean() - slope * points.mean()


def _whole(matrix):
    return np.concatenate([matrix, [[0, 0, 1]]])


def _warped(picture, matrix, size, outside):
    """A picture of `size` whose pixel p shows the given one at matrix p, bilinear; pixel centers at integers."""
    edges = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]]) @ matrix @ np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
    values = tuple(edges[:2].ravel())
    warped = Image.fromarray(picture).transform(
        size, Image.Transform.AFFINE, values, Image.Resampling.BILINEAR, fillcolor=outside
    )
    return np.asarray(warped)
