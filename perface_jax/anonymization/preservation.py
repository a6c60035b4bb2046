"""What anonymized faces preserve of their originals, by measure, and the two retouches; 16 faces at a time."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from perface_jax import fidelity
from perface_jax.datasets.portraits import Portraits
from perface_jax.swap import Face

BATCH = 16
SKIN_PIXELS = "skin, mean over pixels"  # each pixel of the mask against the one at the same place
SKIN_COLORS = "skin, between mean colors"  # one color per face: blind to texture and motion


class Measure(NamedTuple):
    """How to print and read a measure."""

    unit: str  # "" = none
    digits: int  # after the decimal point
    more: bool = False  # more of it is better
    undefined: str = ""  # why a picture can have no such number


MEASURES = {
    "L1": Measure("gray levels", 1),
    "RMSE": Measure("gray levels", 1),
    "PSNR": Measure("dB", 1, more=True),
    "SSIM": Measure("", 3, more=True),
    "feature loss": Measure("", 4),
    SKIN_PIXELS: Measure("CIEDE2000", 1, undefined="no skin inside the picture"),
    SKIN_COLORS: Measure("CIEDE2000", 1, undefined="no skin inside the picture"),
    "ITA": Measure("degrees", 1, undefined="no skin inside the picture"),
    "light": Measure("degrees", 1, undefined="no lit face to fit a lamp to"),
    "expression": Measure("pupil distances", 3, undefined="landmarks without extent"),
    "mouth": Measure("pupil distances", 3, undefined="landmarks without extent"),
    "pose": Measure("degrees", 1, undefined="landmarks without extent"),
}


def measure(originals: Portraits, results: Portraits) -> dict[str, np.ndarray]:
    """Measure -> float32 `[n]` of originals and results row by row; NaN as `Measure.undefined` says.

    Without expression, mouth and pose if `no_contours`.
    """
    pair = [Face(faces.images, faces.landmarks) for faces in (originals, results)]
    found = in_batches(_of_pictures, *pair)
    if not no_contours(originals, results):
        found |= in_batches(_of_landmarks, *(face.landmarks for face in pair))
    return found


def no_contours(originals: Portraits, results: Portraits) -> str:
    """Why expression and pose of these faces cannot be compared; "" if they can. Arguments as for `measure`."""
    for whose, faces in (("originals", originals), ("results", results)):
        if not faces.measured:
            return f"no landmarks of the {whose}"
        if faces.landmarks.shape[1] <= 5:
            return f"five landmarks of the {whose}, no contours"
    return ""


def feature_loss(originals: Face, results: Face) -> jax.Array:
    """PerceptFace's loss by regions of the originals."""
    regions = fidelity.landmark_regions(originals.landmarks, _size(originals))
    return fidelity.perceptual_loss(originals.image, results.image, regions)


def match_skins(originals: Face, results: Face) -> jax.Array:
    """The results with the skin colors of the originals."""
    where = fidelity.face_region(results.landmarks, _size(results))
    masks = {"mask": _skin(originals), "result_mask": _skin(results), "where": where}
    return fidelity.match_skin_color(results.image, originals.image, **masks)


def match_lights(originals: Face, results: Face) -> jax.Array:
    """The results in the light of the originals."""
    return fidelity.relight(results.image, fidelity.fit_lighting(*originals), results.landmarks)


RETOUCHES = {"skin": match_skins, "light": match_lights}  # by the names of config.anonymize.retouch


def in_batches(function: Callable, *faces: Any) -> Any:
    """Apply a pure function to all rows, in batches; the last batch is padded, so that one program serves any number.

    Args:
      function: a module-level function, not a closure, so that it is compiled once.
      *faces: trees of arrays `[n, ...]`.
    """
    count, outputs = len(jax.tree.leaves(faces)[0]), []
    for start in range(0, count, BATCH):
        rows = np.minimum(np.arange(start, start + BATCH), count - 1)
        part = jax.jit(function)(*jax.tree.map(lambda leaf, rows=rows: np.asarray(leaf)[rows], faces))
        outputs.append(jax.tree.map(lambda leaf, end=count - start: np.asarray(leaf)[:end], part))
    return jax.tree.map(lambda *parts: np.concatenate(parts), *outputs)


def _size(face) -> tuple[int, int]:
    return face.image.shape[-3:-1]


def _skin(faces) -> jax.Array:
    return fidelity.landmark_regions(faces.landmarks, _size(faces)).skin  # pyright: ignore[reportReturnType]


def _of_pictures(originals, results):
    difference = fidelity.skin_difference(originals.image, results.image, _skin(originals))
    lights = fidelity.fit_lighting(*originals), fidelity.fit_lighting(*results)
    return {
        "L1": fidelity.l1(originals.image, results.image),
        "RMSE": fidelity.rmse(originals.image, results.image),
        "PSNR": fidelity.psnr(originals.image, results.image),
        "SSIM": fidelity.ssim(originals.image, results.image),
        "feature loss": feature_loss(originals, results),
        SKIN_PIXELS: difference.pixels,
        SKIN_COLORS: difference.color,
        "ITA": difference.angle,
        "light": fidelity.light_angle(*lights),
    }


def _of_landmarks(original, result):
    distance = fidelity.expression_distance(original, result)
    return {"expression": distance.all, "mouth": distance.mouth, "pose": fidelity.pose_error(original, result).angle}
