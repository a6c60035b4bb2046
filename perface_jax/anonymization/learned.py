"""Results of a learned anonymizer, scored and chosen by the rule that swaps are chosen by.

A face has two results: as the generator painted it, and after the retouches of `preservation`, which give it the skin
color and the light of the original. The candidates of the command line are the people that the thresholds come from.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from perface_jax import generator
from perface_jax.anonymization.anonymize import Embed
from perface_jax.anonymization.preservation import RETOUCHES, in_batches
from perface_jax.anonymization.proposals import Curve, score_curves
from perface_jax.landmarks import outline
from perface_jax.swap import Face

HOW = "The learned anonymizer painted every face, from its surroundings and landmarks"
NAMES = ("as painted", "skin and light matched")


def make_results(originals: Face, model: str) -> Face:
    """The results of every original, `[n, 2, s, s, 3]` in the order of NAMES; landmarks are those of the originals.

    Raises:
      FileNotFoundError, ValueError: `model` is no folder of `perface train --config=anonymizer_synthetic`.
    """
    pictures, points = (np.asarray(part) for part in originals)
    painted = generator.FaceInpainter(*generator.load(model))(pictures, points)
    retouched = Face(painted, originals.landmarks)
    for retouch in RETOUCHES.values():
        retouched = Face(in_batches(retouch, originals, retouched), originals.landmarks)
    outlines = np.asarray(outline(points.astype(np.float32)))
    return Face(np.stack([painted, np.asarray(retouched.image)], axis=1), np.stack([outlines] * 2, axis=1))


def degree_curves(
    originals: Face,
    results: Face,
    degrees: Sequence[float],
    *,
    perceive: Embed,
    recognizers: Mapping[str, Embed],
) -> dict[str, Curve]:
    """Similarity to the original by degree, from 0 to 1: the share of the result as painted, faded into the original.

    For the figure only: a faded result is not protected.
    """

    def faded(degree):
        mixed = (1 - degree) * np.asarray(originals.image) + degree * results.image[:, 0]
        return Face(np.rint(mixed).astype(np.uint8)[:, None], results.landmarks[:, :1])

    faces = [faded(degree) for degree in degrees]
    return score_curves(originals, faces, degrees, perceive=perceive, recognizers=recognizers)
