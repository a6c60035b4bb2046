"""The inputs of an evaluation, as protocols: independent of how a data set is stored or where vectors come from."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, Int, UInt8

from perface_jax.annotations import Setting, Split


@runtime_checkable
class Embedder(Protocol):
    """Returns vectors: `embedding.Network` from pictures, `vectors.Vectors` by name."""

    def items(
        self, names: Sequence[Sequence[str]], load: Callable[[int], UInt8[np.ndarray, "k h w 3"]]
    ) -> Float32[np.ndarray, "n k d"]:
        """The vectors of n items of k pictures each; see `embedding.Network.items`."""
        ...


@runtime_checkable
class Triplets(Protocol):
    """Pictures a, b and reference with votes, such as `datasets.sim_celeba.Triplets`.

    `votes` are 0 = a, 1 = b, -1 = none. Item i is the three pictures, in the order a, b, reference. `metadata` says
    where the triplets come from: `release`, `answers_sha256`, `pictures_sha256`.
    """

    @property
    def ids(self) -> Sequence[str]: ...
    @property
    def votes(self) -> Int[np.ndarray, "t v"]: ...
    @property
    def source_id(self) -> Int[np.ndarray, " t"]: ...
    @property
    def target_id(self) -> Int[np.ndarray, " t"]: ...
    @property
    def metadata(self) -> Mapping[str, Any]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, position: int) -> UInt8[np.ndarray, "3 h w 3"]: ...


class LabeledTriplets(NamedTuple):
    """Triplets with the labels and the split of one run, for training and for evaluation.

    Attributes:
      triplets: pictures, votes and ids.
      training_labels: 0 = a is closer, 1 = b, -1 = not trained on.
      labels: unanimous, for every evaluation; -1 = not evaluated.
      training: positions of the training triplets that have a training label.
      settings: positions of the triplets of each setting that have an evaluation label.
      split: how the triplets were divided, and all triplets of each setting, labeled or not.
    """

    triplets: Triplets
    training_labels: Int[np.ndarray, " t"]
    labels: Int[np.ndarray, " t"]
    training: Int[np.ndarray, " n"]
    settings: Mapping[Setting, Int[np.ndarray, " _"]]
    split: Split


@runtime_checkable
class Faces(Protocol):
    """Faces with attributes, such as `datasets.celeba_hq.Faces`; `group` is one of four. Item i is a picture."""

    names: Sequence[str]
    group: Int[np.ndarray, " n"]
    male: Bool[np.ndarray, " n"]
    young: Bool[np.ndarray, " n"]

    def __getitem__(self, position: int) -> UInt8[np.ndarray, "h w 3"]: ...
