"""Face verification: the accuracy of a recognizer on identities it never saw."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int, UInt8

from perface_jax import verification
from perface_jax.evaluation.inputs import Embedder
from perface_jax.similarity import similarity


class VerificationRow(NamedTuple):
    """One model: its share of right decisions, one person or two, over ten folds, and their deviation (n - 1)."""

    model: str
    accuracy: float
    deviation: float
    pairs: int
    identities: int


def verification_row(
    name: str,
    embedder: Embedder,
    pictures: UInt8[np.ndarray, "n h w 3"],
    identity: Int[np.ndarray, " n"],
    pairs: Int[np.ndarray, "p 2"],
) -> VerificationRow:
    """Verification accuracy of the model `name` on `pairs` of positions of pictures; each is embedded once."""
    shown, places = np.unique(pairs, return_inverse=True)
    embeddings = embedder.items([[""]] * len(shown), lambda i: pictures[shown[i]][None])[:, 0]
    one, other = np.moveaxis(embeddings[places.reshape(pairs.shape)], 1, 0)
    same = identity[pairs[:, 0]] == identity[pairs[:, 1]]
    accuracy, deviation = verification.verification_accuracy(np.asarray(similarity(one, other)), same)
    return VerificationRow(name, accuracy, deviation, len(pairs), len(np.unique(identity[shown])))
