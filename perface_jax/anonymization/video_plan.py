"""What becomes of every face in every frame of a video.

A face is replaced where its track is sure and has a replacement, and covered by a black box elsewhere. Only people who
were to be kept stay visible.
"""

import enum
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool

from perface_jax import video
from perface_jax.anonymization.video_choices import Replacement


class Action(enum.Enum):
    """What becomes of a face in a frame."""

    REPLACE = "replaced"
    COVER = "covered"
    KEEP = "kept"


class Plan(NamedTuple):
    """The tracks of a video, and what becomes of them."""

    tracking: video.Tracking
    rate: float  # frames a second
    replacements: Mapping[int, Replacement]  # of tracks, by number; a track without one is covered
    kept: Mapping[int, Bool[np.ndarray, " n"]]  # frames of a track that stay visible

    def actions(self, frame: int) -> list[tuple[int, int, Action]]:
        """The faces of a frame: number of the track, place in it, and what becomes of it."""
        tracks = self.tracking.tracks
        here = [number for number, track in enumerate(tracks) if track.first <= frame <= track.last]
        return [(number, frame - tracks[number].first, self.action(number, frame)) for number in here]

    def action(self, number: int, frame: int) -> Action:
        """What becomes of a track in a frame."""
        track = self.tracking.tracks[number]
        place = frame - track.first
        if number in self.kept and self.kept[number][place]:
            return Action.KEEP
        return Action.REPLACE if number in self.replacements and track.sure[place] else Action.COVER

    def frames(self, number: int, action: Action) -> list[int]:
        """The frames of a track of which something becomes."""
        track = self.tracking.tracks[number]
        return [frame for frame in range(track.first, track.last + 1) if self.action(number, frame) is action]

    def without_face(self) -> list[int]:
        """Frames in which there is no track."""
        seen = np.zeros(self.tracking.frames, bool)
        for track in self.tracking.tracks:
            seen[track.first : track.last + 1] = True
        return np.flatnonzero(~seen).tolist()
