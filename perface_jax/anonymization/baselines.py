"""Baseline anonymizers to compare any other with: blur, pixelate, black box, and swaps chosen in three ways.

The swaps take candidates of the same group (STEP 1) and are made by one swapper. They differ in the candidate:

    random_swap     a random member of the group
    farthest_swap   the member that a recognizer finds least similar to the original: My Face My Choice (WACV 2023)
    chosen_swap     of the members with the lowest perceived similarity (STEP 2), the one whose RESULT is selected
"""

import enum

import jax
import numpy as np

from perface_jax import selection, swap
from perface_jax.anonymization.anonymize import swap_all
from perface_jax.anonymization.preservation import in_batches
from perface_jax.swap import Face


class Baseline(enum.Enum):
    """The method and its name in tables."""

    BLUR = "blur"
    PIXELATE = "pixelate"
    BLACK_BOX = "black box"
    RANDOM_SWAP = "random swap"
    FARTHEST_SWAP = "recognizer-farthest swap"
    CHOSEN_SWAP = "chosen swap"


WITHOUT_SWAP = {Baseline.BLUR: swap.blur, Baseline.PIXELATE: swap.pixelate, Baseline.BLACK_BOX: swap.black_box}


def apply_baseline(baseline: Baseline, faces: Face) -> np.ndarray:
    """The faces blurred, pixelated or blacked out, uint8 `[n, H, W, 3]`."""
    return in_batches(WITHOUT_SWAP[baseline], *faces)


def apply_swap(
    baseline: Baseline,
    originals: Face,
    candidates: Face,
    vectors: tuple[np.ndarray, np.ndarray],
    *,
    inside: np.ndarray,
    seed: int,
) -> Face:
    """The swap with a random member of the group, or with the one that a recognizer finds least similar.

    Args:
      baseline: RANDOM_SWAP or FARTHEST_SWAP.
      originals, candidates: N and M faces.
      vectors: of both, by a recognizer, `[N, D]` and `[M, D]`.
      inside: bool `[N, M]`, which candidates are in the group of each original.
      seed: of the random swap.

    Returns:
      results `[N, ...]`.
    """
    if baseline is Baseline.RANDOM_SWAP:
        drawn = selection.random_choice(jax.random.key(seed), *vectors, k=1, where=inside)
    else:
        drawn = selection.least_similar(*vectors, k=1, where=inside)
    results = swap_all(originals, candidates, np.asarray(drawn.index), swap.swap_face)
    return Face(*(part[:, 0] for part in results))
