"""Baseline anonymizers to compare any other with: blur, pixelate, black box, and swaps chosen in three ways.

The swaps take candidates of the same group (STEP 1) and are made by one swapper. They differ in the candidate:

    random_swap     a random member of the group
    farthest_swap   the member that a recognizer finds least similar to the original: My Face My Choice (WACV 2023)
    chosen_swap     of the members with the lowest perceived similarity (STEP 2), the one whose RESULT is selected
"""

import enum

import numpy as np

from perface_jax import swap
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
