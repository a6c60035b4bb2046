"""Plain ways to hide a face, to set beside any anonymizer: blur, pixelate, black box, and swaps chosen in three ways.

The swaps take their sources from one pool and from the same group (STEP 1), and are made by one swapper; they differ in
who is chosen:

    random_swap     a member of the group, by chance
    farthest_swap   the member a machine finds least similar to the query: My Face My Choice (WACV 2023)
    chosen_swap     of the members that people find least similar (STEP 2), the one whose RESULT the rule puts first
"""

import enum

import jax
import numpy as np

from perface_jax import selection, swap
from perface_jax.anonymization.anonymize import swap_all
from perface_jax.anonymization.preservation import in_batches
from perface_jax.swap import Face


class Reference(enum.Enum):
    """The method and its name in tables."""

    BLUR = "blur"
    PIXELATE = "pixelate"
    BLACK_BOX = "black box"
    RANDOM_SWAP = "random swap"
    FARTHEST_SWAP = "machine-farthest swap"
    CHOSEN_SWAP = "chosen swap"


PLAIN = {Reference.BLUR: swap.blur, Reference.PIXELATE: swap.pixelate, Reference.BLACK_BOX: swap.black_box}


def apply_baseline(reference: Reference, faces: Face) -> np.ndarray:
    """The faces blurred, coarsened or blacked out, uint8 `[n, H, W, 3]`."""
    return in_batches(PLAIN[reference], *faces)


def swapped(
    reference: Reference,
    queries: Face,
    gallery: Face,
    seen: tuple[np.ndarray, np.ndarray],
    *,
    group: np.ndarray,
    members: np.ndarray,
    seed: int,
) -> Face:
    """The swap with a random member of the chosen group, or with the one a machine finds least similar.

    Args:
      reference: RANDOM_SWAP or FARTHEST_SWAP.
      queries, gallery: Q and N faces.
      seen: vectors of both, of the machine, `[Q, D]` and `[N, D]`.
      group: int `[Q]`, chosen by STEP 1.
      members: bool `[Q, G, N]`.
      seed: of the random one.

    Returns:
      results `[Q, ...]`.
    """
    inside = members[np.arange(len(group)), group]
    if reference is Reference.RANDOM_SWAP:
        chosen = selection.random_choice(jax.random.key(seed), *seen, k=1, where=inside)
    else:
        chosen = selection.least_similar(*seen, k=1, where=inside)
    return Face(*(part[:, 0] for part in swap_all(queries, gallery, np.asarray(chosen.index), swap.swap_face)))
