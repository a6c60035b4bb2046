"""One person or two: the verification accuracy of a recognizer on identities it never saw."""

from typing import Any, NamedTuple

import numpy as np

from perface_jax import verification
from perface_jax.evaluation.embedding import Network
from perface_jax.similarity import similarity


class VerificationRow(NamedTuple):
    """One line of the verification table.

    Attributes:
      model: `before` or `after` training.
      accuracy: share of right decisions, one person or two, over ten folds.
      deviation: standard deviation over the folds, n - 1.
      pairs, identities: what it rests on.
    """

    model: str
    accuracy: float
    deviation: float
    pairs: int
    identities: int


def verification_row(name: str, network: Network, data: Any) -> VerificationRow:
    """Verification accuracy on pairs of pictures of unseen identities, each picture embedded once.

    Args:
      name: of the model.
      network: the model.
      data: of `experiment.open_identities`.
    """
    shown, places = np.unique(data.pairs, return_inverse=True)
    embeddings = network.items([[""]] * len(shown), lambda i: data.people.pictures[shown[i]][None])[:, 0]
    one, other = np.moveaxis(embeddings[places.reshape(data.pairs.shape)], 1, 0)
    accuracy, deviation = verification.verification_accuracy(np.asarray(similarity(one, other)), data.same)
    people = len(np.unique(data.people.identity[shown]))
    return VerificationRow(name, accuracy, deviation, len(data.pairs), people)
