"""How the faces of a video are replaced: by a classical swap, or by diffusion.

A method proposes faces that may replace a track, its *sources*, and puts a source into the frames of that track. All
frames of a track get the same source, so its new identity stays the same. Any other anonymizer is a method if it has
these two functions.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np
from jaxtyping import Bool, Num, UInt8
from PIL import Image

from perface_jax import diffusion, fidelity
from perface_jax.anonymization.anonymize import Embed, propose
from perface_jax.anonymization.attribute_guard import Looks, is_compatible
from perface_jax.datasets.portraits import Portraits
from perface_jax.landmarks import outline
from perface_jax.swap import Face, swap

DENSE = 6  # a detector that gives so many points measures the turn of a head


class Proposed(NamedTuple):
    """The k faces that may replace a track."""

    names: Sequence[str]
    faces: Face  # `[k, ...]`


class Method(Protocol):
    """An anonymizer of tracks; pictures are squares of `size`, as `video.cut` makes them."""

    @property
    def size(self) -> int:
        """Side of the squares."""
        ...

    def propose(self, keys: Face, *, number: int) -> Proposed:
        """Sources for a track, best first, from some of its faces `[n, ...]`; `number` is that of the track."""
        ...

    def replace(self, targets: Face, sources: Face) -> UInt8[np.ndarray, "n s s 3"]:
        """Every target with the face of its source."""
        ...


@dataclasses.dataclass(frozen=True, eq=False)
class Swap:
    """The classical swap, with the candidates that people find least similar (STEP 1 and STEP 2)."""

    size: int
    candidates: Portraits
    looks: Looks  # of the candidates
    members: Bool[np.ndarray, "g m"]
    vectors: Num[np.ndarray, "m d"]  # of the candidates, by the perceptual model
    perceive: Embed
    options: dict[str, Any]  # of `anonymize.propose`
    turn: float  # of `attribute_guard`

    def propose(self, keys: Face, *, number: int) -> Proposed:
        """See `Method`. Nobody, if every candidate of the group looks elsewhere."""
        vectors = np.asarray(self.perceive(*keys))
        mean = vectors.mean(0, keepdims=True)
        compatible = np.asarray(is_compatible(_looks(keys), self.looks, turn=self.turn).all(0, keepdims=True))
        found = jax.device_get(propose(mean, self.vectors, members=self.members, compatible=compatible, **self.options))
        places = found.index[0][found.index[0] >= 0]
        faces = self.candidates[places]
        return Proposed(faces.names, Face(faces.images, np.asarray(outline(faces.landmarks))))

    def replace(self, targets: Face, sources: Face) -> UInt8[np.ndarray, "n s s 3"]:
        """See `Method`. One after another, so that any number of faces shares one program."""
        targets = targets._replace(landmarks=np.asarray(outline(np.asarray(targets.landmarks, np.float32))))
        pairs = zip(zip(*targets, strict=True), zip(*sources, strict=True), strict=True)
        return np.stack([np.asarray(swap(Face(*target), Face(*source))) for target, source in pairs])


@dataclasses.dataclass(frozen=True, eq=False)
class Diffusion:
    """The diffusion anonymizer: it makes new faces for a track, and swaps one of them into every frame."""

    anonymizer: diffusion.FaceAnonymizer
    degree: float
    seeds: int

    @property
    def size(self) -> int:
        """Of its networks."""
        return self.anonymizer.size

    def propose(self, keys: Face, *, number: int) -> Proposed:
        """See `Method`: made from the first face, with seeds of this track."""
        seeds = [number * self.seeds + i for i in range(self.seeds)]
        made = self.anonymizer(np.asarray(keys.image[:1]), degree=self.degree, seeds=seeds)[0]
        points = np.repeat(np.asarray(keys.landmarks[:1]), self.seeds, axis=0)
        return Proposed([f"seed {seed}" for seed in seeds], Face(made, points))

    def replace(self, targets: Face, sources: Face) -> UInt8[np.ndarray, "n s s 3"]:
        """See `Method`."""
        made = self.anonymizer.swap(np.asarray(targets.image), np.asarray(sources.image))[:, 0]
        size = targets.image.shape[1]
        return made if made.shape[1] == size else np.stack([_resized(one, size) for one in made])


def _looks(keys: Face) -> Looks:
    """The turn of the heads, where the landmarks show it: five points are too few."""
    points = np.asarray(keys.landmarks, np.float32)
    if points.shape[1] < DENSE:
        return Looks(len(points), {}, None)
    pose = fidelity.head_pose(outline(points))
    return Looks(len(points), {}, np.stack([pose.yaw, pose.pitch], axis=1))


def _resized(picture, size):
    return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.LANCZOS))
