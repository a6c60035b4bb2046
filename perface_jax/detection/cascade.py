"""MTCNN: three networks; each examines more closely what the one before it let through.

P-Net runs over a pyramid of the picture, R-Net and O-Net over windows of it. All batches have one size, so each network
is compiled once for all pictures. The steps between the networks depend on the data and use NumPy.

The steps and their rounding are those of facenet-pytorch 2.6 (MIT), with one exception: a window that extends beyond
the picture is padded with black, as in the authors' own code. facenet-pytorch stretches the visible part instead, which
moves the points of close-ups.
"""

import dataclasses
import functools
from collections.abc import Iterator

import jax
import numpy as np
from jaxtyping import Float32, UInt8

from perface_jax import images
from perface_jax.detection import boxes, canvases, networks
from perface_jax.detection.area_means import area_means, summed_area_table
from perface_jax.detection.faces import Detector, Face
from perface_jax.detection.retries import persistent
from perface_jax.network import compilation

WINDOWS = {"refine": 64, "describe": 16}  # in a batch


@dataclasses.dataclass(frozen=True, eq=False)
class Cascade:
    """A `Detector` of these networks; faces are ordered by score.

    Raises:
      ValueError: options out of range.
    """

    weights: networks.Weights
    thresholds: tuple[float, float, float] = (0.6, 0.7, 0.7)  # scores that P-, R- and O-Net must give
    factor: float = 0.709  # from a level of the pyramid to the next
    smallest: float = 20.0  # side in pixels of the smallest face

    def __post_init__(self):
        if len(self.thresholds) != 3 or not all(0 <= one <= 1 for one in self.thresholds):
            raise ValueError(f"saw thresholds {self.thresholds}, wanted three scores from 0 to 1")
        if not 0 < self.factor < 1:
            raise ValueError(f"saw factor {self.factor}, wanted a number between 0 and 1, such as 0.709")
        if not self.smallest >= networks.FIELD:
            raise ValueError(f"saw smallest {self.smallest}, wanted at least {networks.FIELD} pixels: enlarge pictures")

    def __call__(self, picture: UInt8[np.ndarray, "h w 3"], /) -> list[Face]:
        images.check(picture, rank=3)
        table = summed_area_table(picture)
        found = self._describe(table, self._refine(table, self._propose(table)))
        return [Face(box - 1, float(score), points) for box, score, points in zip(*found, strict=True)]

    def _propose(self, table) -> Float32[np.ndarray, "n 4"]:
        """The squares that P-Net accepts as faces."""
        height, width = table.shape[0] - 1, table.shape[1] - 1
        found = [np.zeros((0, 4)), np.zeros(0), np.zeros((0, 4))]
        scales = pyramid(min(height, width), smallest=self.smallest, factor=self.factor)
        if scales:
            each = (self._of_level(*level) for level in _levels(self.weights.pnet, table, scales))
            found = [np.concatenate(parts) for parts in zip(*each, strict=True)]
        corners, scores, shifts = (part.astype(np.float32) for part in found)
        kept = boxes.keep(corners, scores, overlap=0.7)
        return boxes.square(boxes.regress(corners[kept], shifts[kept], border=0.0))

    def _of_level(self, scale, scores, shifts):
        """Boxes [n, 4] in the picture, scores and shifts of the cells of a level that pass."""
        cells = np.argwhere(scores >= self.thresholds[0])[:, ::-1].astype(np.float32)
        passed = scores >= self.thresholds[0]
        near = np.floor((networks.STRIDE * cells + 1) / np.float32(scale))
        far = np.floor((networks.STRIDE * cells + networks.FIELD) / np.float32(scale))
        corners, scores, shifts = np.concatenate([near, far], 1), scores[passed], shifts[passed]
        kept = boxes.keep(corners, scores, overlap=0.5)
        return corners[kept], scores[kept], shifts[kept]

    def _refine(self, table, squares) -> Float32[np.ndarray, "n 4"]:
        """The squares that R-Net accepts as faces, moved."""
        scores, shifts = _look("refine", self.weights.rnet, table, squares, networks.REFINED)
        passed = scores > self.thresholds[1]
        squares, scores, shifts = squares[passed], scores[passed], shifts[passed]
        kept = boxes.keep(squares, scores, overlap=0.7)
        return boxes.square(boxes.regress(squares[kept], shifts[kept]))

    def _describe(self, table, squares):
        """Boxes, scores and points of the squares that O-Net accepts as faces."""
        scores, shifts, shares = _look("describe", self.weights.onet, table, squares, networks.OUTPUT)
        passed = scores > self.thresholds[2]
        squares, scores, shifts, shares = squares[passed], scores[passed], shifts[passed], shares[passed]
        sides = squares[:, 2:] - squares[:, :2] + 1
        points = shares * sides[:, None] + squares[:, None, :2] - 1  # pixels from 0
        moved = boxes.regress(squares, shifts)
        kept = boxes.keep(moved, scores, overlap=0.7, of_smaller=True, border=1.0)
        return moved[kept], scores[kept], points[kept]


def mtcnn(
    *,
    thresholds: tuple[float, float, float] = (0.6, 0.7, 0.7),
    factor: float = 0.709,
    smallest: float = 20.0,
    retry: bool = True,
) -> Detector:
    """MTCNN with the weights of the PyPI package `mtcnn`.

    Args:
      thresholds: scores that a window must reach in P-, R- and O-Net.
      factor: scale from each level of the pyramid to the next.
      smallest: side of the smallest face in pixels; larger is faster.
      retry: if no face is certain, look again with a border and in the rotated picture; see `retries`.

    Raises:
      MissingExtra: the extra `detect` is not installed.
      ValueError: options out of range.
    """
    cascade = Cascade(networks.read_weights(), thresholds, factor, smallest)

    def close(side: int) -> Detector:
        return dataclasses.replace(cascade, smallest=max(smallest, side / 3))

    return persistent(cascade, close) if retry else cascade


def named(detector: str | Detector) -> Detector:
    """The detector of this name, or the detector itself. TypeError, ValueError: neither."""
    if not isinstance(detector, str):
        if not callable(detector):
            raise TypeError(
                f"saw a detector of type {type(detector).__name__}, wanted 'mtcnn' or a function of a picture"
            )
        return detector
    if detector != "mtcnn":
        raise ValueError(f"saw detector {detector!r}, wanted 'mtcnn', or a function as from detection.adapters")
    return mtcnn()


def pyramid(side: int, *, smallest: float, factor: float) -> list[float]:
    """Scales of the levels for a picture of shorter side `side`; in the first, the smallest face fills P-Net's view."""
    scales, scale = [], networks.FIELD / smallest
    while side * scale >= networks.FIELD:
        scales.append(scale)
        scale *= factor
    return scales


def _levels(layers, table, scales) -> Iterator[tuple[float, np.ndarray, np.ndarray]]:
    """For each scale: scores [rows, columns] and shifts [rows, columns, 4] of P-Net."""
    height, width = table.shape[0] - 1, table.shape[1] - 1
    sizes = [(int(height * scale + 1), int(width * scale + 1)) for scale in scales]
    whole = np.array([[0, 0, width, height]])
    pieces = canvases.lay_out(sizes)
    pixels, where = canvases.draw([area_means(table, whole, size)[0] for size in sizes], pieces)
    program = _program("propose")
    answers = [program(layers, pixels[i : i + 1], where[i : i + 1]) for i in range(len(pixels))]
    scores, shifts = (np.concatenate(parts) for parts in zip(*answers, strict=True))
    for level, (scale, size) in enumerate(zip(scales, sizes, strict=True)):
        rows, columns = map(canvases.cells, size)
        map_of_scores, map_of_shifts = np.zeros((rows, columns), np.float32), np.zeros((rows, columns, 4), np.float32)
        for piece in pieces:
            if piece.level == level:
                map_of_scores[piece.target()], map_of_shifts[piece.target()] = (
                    part[piece.cells()][0] for part in (scores, shifts)
                )
        yield scale, map_of_scores, map_of_shifts


def _look(name, layers, table, squares, side):
    """The outputs of a network for the squares, in batches of one size."""
    pixels = area_means(table, boxes.windows(squares), (side, side))
    program, many = _program(name), WINDOWS[name]
    rows = np.zeros((-(-max(len(pixels), 1) // many) * many, side, side, 3), np.float32)
    rows[: len(pixels)] = pixels
    answers = [program(layers, rows[i : i + many]) for i in range(0, len(rows), many)]
    return [np.concatenate(parts)[: len(pixels)] for parts in zip(*answers, strict=True)]


@functools.cache
def _program(name):
    return jax.jit(getattr(networks, name), compiler_options=compilation.options())
