"""Whether landmarks from a file belong to the pictures of a folder."""

from collections.abc import Mapping, Sequence

import numpy as np
from etils import epath
from jaxtyping import Num

from perface_jax import images
from perface_jax.landmarks import five_points

CELEBA_HQ_FOLDER = "CelebA-HQ-img"  # of CelebAMask-HQ


def refuse_misplaced(
    folder: epath.PathLike, names: Sequence[str], landmarks: Mapping[str, Num[np.ndarray, "points 2"]], *, crop: str
) -> None:
    """Raise a ValueError if landmarks belong to copies or crops of these pictures; see `images.refuse_misplaced`.

    Pictures are taken for those of CelebA-HQ if the crop says so, or the name of their folder.
    """
    folder = epath.Path(folder)
    celeba_hq = crop == "celeba_hq" or folder.name == CELEBA_HQ_FOLDER
    found = ((place, _five(landmarks, name)) for place, name in enumerate(names))
    points = {place: five for place, five in found if five is not None}
    try:
        images.refuse_misplaced([folder / name for name in names], points, celeba_hq=celeba_hq)
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from error


def _five(landmarks, name):
    """The five points of a picture; None where there are none, or where whoever loads the face will refuse them."""
    try:
        five = five_points(landmarks.get(name, landmarks.get(images.stem(name))))
    except (TypeError, ValueError, AttributeError):
        return None
    return five if five.shape == (5, 2) and np.isfinite(five).all() else None
