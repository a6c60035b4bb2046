"""Masks of annotators: how much each person weighs the dimensions of an embedding. `annotators.npz` of a model folder.

    mask = 2 sigmoid(logits)        in (0, 2); logits of 0 give a mask of ones, the model that all people share

Training writes the file for `config.loss = "annotator_votes"`. The similarity of two faces as one person sees it is
`similarity.masked_similarity(x, y, masks.of("p17"))`.

Source: Andrews, Joniak, Xiang, A View From Somewhere (ICLR 2023); the factor 2 is ours.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from etils import epath
from jaxtyping import Float, Float32, Int

from perface_jax import files
from perface_jax.arrays import AnyArray, Array
from perface_jax.network.fingerprints import fingerprint, has_fingerprint
from perface_jax.precision import widen

NAME = "annotators.npz"
"""The file in a model folder."""


class AnnotatorMasks(NamedTuple):
    """The masks of the annotators of a run.

    Attributes:
      names: the annotators, as in the file of answers.
      logits: one row for each; zeros for one who gave no training vote.
      votes: how many training votes each gave.
      model: the fingerprint of the model folder that they belong to.
    """

    names: tuple[str, ...]
    logits: Float32[np.ndarray, "a d"]
    votes: Int[np.ndarray, " a"]
    model: str = ""

    def of(self, name: str) -> Float32[np.ndarray, " d"]:
        """The mask of one annotator. KeyError for a name that training did not see."""
        if name not in self.names or not self.votes[self.names.index(name)]:
            seen = [one for one, votes in zip(self.names, self.votes, strict=True) if votes]
            raise KeyError(f"{name!r} gave no training vote; {len(seen)} annotators did: {', '.join(seen[:5])}, ...")
        return np.asarray(mask(self.logits[self.names.index(name)]))

    def numbers(self, names: Sequence[str]) -> Int[np.ndarray, " n"]:
        """The rows of these annotators, -1 for a name that is not among them; and a last -1, for nobody."""
        row = {name: i for i, name in enumerate(self.names)}
        return np.array([*(row.get(name, -1) for name in names), -1])


def mask(logits: Float[AnyArray, "*batch d"]) -> Float[Array, "*batch d"]:
    """`2 sigmoid(logits)`: the factors of the dimensions, in (0, 2)."""
    (logits,) = widen("logits", logits)
    return 2 * jax.nn.sigmoid(logits)


def logits(weights: Float[AnyArray, "*batch d"]) -> Float[Array, "*batch d"]:
    """The logits of the trained weights: `sqrt(D) w`.

    The gradient by one of D logits is about 1/D of that by the similarity. With this factor the masks learn at the
    learning rate of the network, whatever D is.
    """
    (weights,) = widen("weights", weights)
    return jnp.sqrt(jnp.asarray(weights.shape[-1], weights.dtype)) * weights


def write(folder: epath.PathLike, masks: AnnotatorMasks) -> epath.Path:
    """Write the masks into the model folder that they belong to, replacing others; returns the path of the file."""
    found = {"names": np.array(masks.names, np.str_), "logits": masks.logits, "votes": masks.votes}
    file = epath.Path(folder) / NAME
    files.write_arrays(file, found | {"model": np.array(fingerprint(folder))})
    return file


def read(folder: epath.PathLike) -> AnnotatorMasks | None:
    """The masks of a model folder; None without a file.

    Raises:
      ValueError: the file is damaged, or belongs to another model; one line.
    """
    file = epath.Path(folder) / NAME
    if not file.exists():
        return None
    names, logits, votes, model = files.read_arrays(file, ("names", "logits", "votes", "model"))
    if logits.ndim != 2 or not len(names) == len(logits) == len(votes) or not np.isfinite(logits).all():
        raise ValueError(f"{file} is damaged (logits {logits.shape} of {len(names)} annotators); train again")
    if not has_fingerprint(folder, str(model)):
        raise ValueError(f"{file} belongs to another model than {folder}; train again, or remove it")
    return AnnotatorMasks(tuple(map(str, names)), logits.astype(np.float32), votes, str(model))
