"""What embedders see of faces with landmarks: the vectors behind both axes of anonymization."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from perface_jax import images, landmarks
from perface_jax.evaluation.embedding import Network
from perface_jax.evaluation.vectors import Vectors


class FaceEmbedder(Protocol):
    """What gives vectors of faces."""

    def __call__(self, pictures: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Of images uint8 `[n, S, S, 3]` with landmarks `[n, P, 2]`: float32 `[n, D]`."""

    def look(self, whose: str, portraits: Any) -> np.ndarray:
        """Of `datasets.portraits.Portraits` that are the originals, or the results of a method: float32 `[n, D]`."""


class NetworkEmbedder:
    """A network, to which every face is aligned."""

    def __init__(self, network: Network, *, crop: str):
        """`crop` is the template where the model does not say which."""
        self._network, self._crop = network, network.model.crop or crop

    def __call__(self, pictures: np.ndarray, points: np.ndarray) -> np.ndarray:
        """See `FaceEmbedder`."""
        five = np.asarray(landmarks.outline(np.asarray(points, np.float32)))[:, :5]
        size = self._network.model.image_size

        def load(i):
            return images.fit(np.asarray(pictures[i]), crop=self._crop, size=size, landmarks=five[i])[None]

        return self._network.items([[str(i)] for i in range(len(five))], load)[:, 0]

    def look(self, whose: str, portraits: Any) -> np.ndarray:
        """See `FaceEmbedder`."""
        return self(portraits.images, portraits.landmarks)


class FileEmbedder:
    """Vectors of pictures that somebody else has embedded."""

    def __init__(self, files: Mapping[str, Vectors], name: str):
        """`files` has `originals` and the name of each method; `name` is for messages."""
        self._files, self._name = files, name

    def __call__(self, pictures: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Raise a ValueError: there are vectors of known pictures only."""
        raise ValueError(f"{self._name} has vectors from files: new pictures want a model folder")

    def look(self, whose: str, portraits: Any) -> np.ndarray:
        """See `FaceEmbedder`.

        Raises:
          ValueError: no file for these pictures, or a picture that is not in it.
        """
        if whose not in self._files:
            raise ValueError(
                f"{self._name} has no vectors of {whose!r}, only of {', '.join(sorted(self._files))}: add {whose}.npz,"
                " or give a model folder, which can embed any picture"
            )
        return self._files[whose].of(portraits.names)
