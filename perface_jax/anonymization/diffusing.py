"""Results of the diffusion anonymizer, scored and chosen by the rule that swaps are chosen by.

In place of candidates there are seeds: each gives another face. The candidates of the command line are the people that
the thresholds come from; nobody's face is used.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from perface_jax import diffusion
from perface_jax.anonymization.anonymize import (
    Anonymized,
    Embed,
    FeatureLoss,
    Natural,
    Proposal,
    SelectionPolicy,
    choose,
    score,
)
from perface_jax.anonymization.proposals import Curve, score_curves
from perface_jax.diffusion import networks
from perface_jax.diffusion.photographs import feather
from perface_jax.landmarks import outline
from perface_jax.swap import Face

UNTRAINED = "untrained"  # in place of a model folder
HOW = "The diffusion anonymizer made every result, from noise of its own seed"
GROUP = "all"  # there is no STEP 1


class Options(NamedTuple):
    """How results are made."""

    model: str  # a model folder, or UNTRAINED
    degree: float = 1.25
    seeds: int = 4  # results per face
    steps: int = 50
    guidance: float = 4.0
    size: int = 512
    dtype: str = "float32"


def open_anonymizer(options: Options) -> diffusion.FaceAnonymizer:
    """The networks of a model folder, or small ones without training.

    Raises:
      FileNotFoundError, ValueError: no such folder, or impossible options.
    """
    if not options.model:
        raise ValueError(
            "--method=diffusion wants --diffusion=DIR, the folder that `perface convert` writes; with"
            f" --diffusion={UNTRAINED} small untrained networks make noise in place of faces"
        )
    if options.seeds < 1 or not 0 < options.degree < np.inf:
        raise ValueError(f"saw {options.seeds} seeds and degree {options.degree}, wanted 1 or more, and more than 0")
    if options.model == UNTRAINED:
        made = networks.untrained()
        params = networks.random_params(made)
    else:
        made, params = diffusion.load(options.model, dtype=options.dtype)
    chosen = {"size": options.size, "steps": options.steps, "scale": options.guidance}
    return diffusion.FaceAnonymizer(made, params, **chosen)


def make_results(originals: Face, anonymizer: diffusion.FaceAnonymizer, *, degree: float, seeds: int) -> Face:
    """Every original with every seed, `[n, seeds, h, w, 3]`, faded into the original at the edge.

    The landmarks are those of the originals: pose and expression are kept.
    """
    found = anonymizer(np.asarray(originals.image), degree=degree, seeds=seeds)
    size = originals.image.shape[1]
    small = np.stack([[_resized(picture, size) for picture in row] for row in found])
    share = feather(size)[..., None]
    mixed = np.rint(share * small + (1 - share) * originals.image[:, None]).astype(np.uint8)
    points = np.asarray(outline(np.asarray(originals.landmarks, np.float32)))
    return Face(mixed, np.repeat(points[:, None], seeds, axis=1))


def anonymize(
    originals: Face,
    results: Face,
    *,
    perceive: Embed,
    recognizers: Mapping[str, Embed],
    policy: SelectionPolicy,
    feature_loss: FeatureLoss,
    natural: Natural | None = None,
) -> Anonymized:
    """Scores and choice for the results of every original; see `anonymize.anonymize`."""
    measures = {"recognizers": recognizers, "feature_loss": feature_loss, "natural": natural}
    axes = score(originals, results, perceive=perceive, **measures)
    count, seeds = results.image.shape[:2]
    index = np.tile(np.arange(seeds), (count, 1))
    proposal = Proposal(np.zeros(count, np.int32), index, np.full((count, seeds), np.nan, np.float32))
    return Anonymized(proposal, *results, axes, choose(axes, policy))


def degree_curves(
    originals: Face,
    anonymizer: diffusion.FaceAnonymizer,
    degrees: Sequence[float],
    *,
    perceive: Embed,
    recognizers: Mapping[str, Embed],
) -> dict[str, Curve]:
    """PERCEIVED and every recognizer -> similarity to the original by degree, of the first seed; 0 = no change."""
    results = [
        make_results(originals, anonymizer, degree=degree, seeds=1)
        if degree > 0
        else Face(*(np.asarray(part)[:, None] for part in originals))
        for degree in degrees
    ]
    return score_curves(originals, results, degrees, perceive=perceive, recognizers=recognizers)


def _resized(picture, size):
    return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.LANCZOS))
