"""What anonymised faces kept of their originals, measure by measure, and the two retouches; 16 faces at a time."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from perface_jax import fidelity
from perface_jax.swap import Face

BATCH = 16


class Measure(NamedTuple):
    """How a measure is read.

    Attributes:
      unit: "" for none.
      digits: behind the point.
      more: whether more of it is better.
      contours: whether it takes landmarks with contours, of both pictures.
    """

    unit: str
    digits: int
    more: bool = False
    contours: bool = False


MEASURES = {
    "L1": Measure("grey levels", 1),
    "RMSE": Measure("grey levels", 1),
    "PSNR": Measure("dB", 1, more=True),
    "SSIM": Measure("", 3, more=True),
    "features lost": Measure("", 4),
    "skin": Measure("CIEDE2000", 1),
    "ITA": Measure("degrees", 1),
    "light": Measure("degrees", 1),
    "expression": Measure("pupil distances", 3, contours=True),
    "pose": Measure("degrees", 1, contours=True),
}


def kept(originals: Any, results: Any) -> dict[str, np.ndarray]:
    """Every measure of MEASURES that can be taken.

    Args:
      originals, results: `datasets.portraits.Portraits` of n faces, row by row.

    Returns:
      measure -> float32 `[n]`; without expression and pose where landmarks of one side are missing or have no contours.
    """
    found = _map(_of_picture, _faces(originals), _faces(results))
    if originals.measured and results.measured and originals.landmarks.shape[1] > 5 < results.landmarks.shape[1]:
        found |= _map(_of_landmarks, _faces(originals), _faces(results))
    return found


def features_lost(originals: Face, results: Face) -> np.ndarray:
    """PerceptFace's loss by regions of the originals, float32 `[n]`."""
    return _map(lambda original, result: _lost(original, result), originals, results)


def match_skins(originals: Face, results: Face) -> np.ndarray:
    """The results with the skin colours of the originals, uint8 `[n, H, W, 3]`."""

    def retouch(original, result):
        before, after = (fidelity.landmark_regions(face.landmarks, _size(face)).skin for face in (original, result))
        where = fidelity.face_region(result.landmarks, _size(result))
        return fidelity.match_skin_color(result.image, original.image, before, result_mask=after, where=where)

    return _map(retouch, originals, results)


def match_lights(originals: Face, results: Face) -> np.ndarray:
    """The results in the light of the originals, uint8 `[n, H, W, 3]`."""

    def retouch(original, result):
        return fidelity.relight(result.image, fidelity.fit_lighting(*original), result.landmarks)

    return _map(retouch, originals, results)


def _faces(portraits) -> Face:
    return Face(portraits.images, portraits.landmarks)


def _map(function: Callable, originals: Face, results: Face) -> Any:
    """A function of one original and one result over all of them."""
    pairs = jax.tree.map(jnp.asarray, (Face(*originals), Face(*results)))
    return jax.device_get(jax.lax.map(lambda pair: function(*pair), pairs, batch_size=BATCH))


def _size(face):
    return face.image.shape[-3:-1]


def _of_picture(original, result):
    skin = fidelity.landmark_regions(original.landmarks, _size(original)).skin
    difference = fidelity.skin_difference(original.image, result.image, skin)
    lights = fidelity.fit_lighting(*original), fidelity.fit_lighting(result.image, result.landmarks)
    return {
        "L1": fidelity.l1(original.image, result.image),
        "RMSE": fidelity.rmse(original.image, result.image),
        "PSNR": fidelity.psnr(original.image, result.image),
        "SSIM": fidelity.ssim(original.image, result.image),
        "features lost": _lost(original, result),
        "skin": difference.colour,
        "ITA": difference.angle,
        "light": fidelity.light_angle(*lights),
    }


def _of_landmarks(original, result):
    return {
        "expression": fidelity.expression_distance(original.landmarks, result.landmarks).all,
        "pose": fidelity.pose_error(original.landmarks, result.landmarks).angle,
    }


def _lost(original, result):
    regions = fidelity.landmark_regions(original.landmarks, _size(original))
    return fidelity.perceptual_loss(original.image, result.image, regions)
