"""People who stay visible in a video: whoever every recognizer matches to one of their pictures.

A mistake shows a stranger, so doubt hides. A track stays visible if most of its looked-at frames match. Of such a
track, a frame stays visible only if the frames that were looked at before and after it both look like the kept person:
the track may have gone over to somebody else.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
from etils import epath
from jaxtyping import Bool, Float, Int

from perface_jax import images, video
from perface_jax.anonymization.anonymize import Embed
from perface_jax.detection import Detector
from perface_jax.similarity import similarity
from perface_jax.swap import Face


@dataclasses.dataclass(frozen=True, eq=False)
class KeptPeople:
    """The vectors of their pictures, and when a face is one of them."""

    recognizers: Mapping[str, Embed]
    vectors: Mapping[str, Float[np.ndarray, "m d"]]  # by recognizer
    thresholds: Mapping[str, float]  # of a match
    loose: Mapping[str, float]  # below which a frame of a matching track shows somebody else

    def shares(self, faces: Face) -> tuple[Bool[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
        """Which faces match under every recognizer, and which are at least similar."""
        matched, similar = np.ones((2, len(faces.image)), bool)
        for name, embed in self.recognizers.items():
            rows = np.asarray(similarity(np.asarray(embed(*faces))[:, None], self.vectors[name][None])).max(1)
            matched &= rows > self.thresholds[name]
            similar &= rows > self.loose[name]
        return matched, similar


def visible(
    frames: Int[np.ndarray, " n"], matched: Bool[np.ndarray, " n"], similar: Bool[np.ndarray, " n"], *, first: int,
    count: int,
) -> Bool[np.ndarray, " {count}"]:  # fmt: skip
    """Which frames of a track stay visible.

    Args:
      frames: those that were looked at, in order.
      matched, similar: what was found there, of `KeptPeople.shares`.
      first, count: of the track.
    """
    if not len(frames) or matched.mean() <= 0.5:
        return np.zeros(count, bool)
    places = np.arange(first, first + count)
    before = np.clip(np.searchsorted(frames, places, side="right") - 1, 0, len(frames) - 1)
    after = np.clip(np.searchsorted(frames, places, side="left"), 0, len(frames) - 1)
    return similar[before] & similar[after]


def read_faces(folder: epath.PathLike, detector: Detector, *, size: int) -> Face:
    """The faces of the people who stay visible, one a picture, `[m, ...]`.

    Raises:
      FileNotFoundError, ValueError: no such folder, no picture, or a picture that does not show one face.
    """
    found = []
    for name in images.picture_names(folder):
        try:
            picture = images.read(epath.Path(folder) / name)
        except images.PictureError as error:
            raise ValueError(f"{folder}/{name}: {images.reason_of(error, name)}") from error
        faces = detector(picture)
        if len(faces) != 1:
            raise ValueError(f"{folder}/{name} shows {len(faces) or 'no'} faces, wanted one, of who stays visible")
        found.append(video.cut(picture, video.points_of(faces[0]), size=size)[0])
    if not found:
        raise ValueError(f"no picture in {folder}; wanted pictures of the people who stay visible")
    return Face(*(np.stack(parts) for parts in zip(*found, strict=True)))
