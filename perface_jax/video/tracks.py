"""Faces of a video as tracks: a detector looks at every k-th frame, and faces are followed between.

A detector also looks at the first and the last frame, on both sides of a cut, and where a face is lost. A new face is
followed back to where it came from. Between two detections its points are pulled to both of them.

A frame of a track is *sure* if the detector found the face there, or if the face was followed from such a frame without
being lost and before the detector looked again in vain. Other frames are *unsure*: the face was lost, for instance
behind a hand, or the detector no longer sees it, for instance from the side. An unsure track ends `PATIENCE` after its
last detection, at a cut, or where it leaves the picture.

Frames are counted from 0. Coordinates are pixels, pixel centers at integers.
"""

import collections
import dataclasses
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy.optimize import linear_sum_assignment

from perface_jax.detection import Detector, Face
from perface_jax.landmarks import COUNTS, outline
from perface_jax.video import motion

PATIENCE = 1.0  # seconds
LONGEST = 60  # frames of it, so that few are in memory
OVERLAP = 0.3  # of two boxes of one face, as a share of their union
LOST_OVERLAP = 0.1  # the same for a face that was lost
STEADY = 0.5  # two detections that overlap so much are one face also where it could not be followed
CUT = 20.0  # mean change in gray levels of tiny copies of two frames
TINY = (32, 18)


class Track(NamedTuple):
    """One face in n frames on end."""

    first: int  # frame
    points: Float[np.ndarray, "n p 2"]
    boxes: Float[np.ndarray, "n 4"]  # left, top, right, bottom
    sure: Bool[np.ndarray, " n"]
    detected: Bool[np.ndarray, " n"]  # by the detector, in this frame
    score: float  # the best of the detector

    @property
    def last(self) -> int:
        """The last frame."""
        return self.first + len(self.boxes) - 1


class Tracking(NamedTuple):
    """All faces of a video."""

    tracks: list[Track]  # by first frame
    frames: int
    looked: int  # frames that the detector looked at


def track_faces(
    pictures: Iterable[UInt8[np.ndarray, "h w 3"]], detector: Detector, *, every: int = 5, rate: float = 25.0
) -> Tracking:
    """The tracks of all faces.

    Args:
      pictures: the frames, one after another; two are in memory, and small copies of a second.
      detector: finds the faces of a frame.
      every: so many frames from a look to the next, if nothing else happens.
      rate: frames a second, for `PATIENCE`.

    Raises:
      ValueError: `every` below 1, a rate that is not above 0, or frames of several sizes.
      MissingExtra: the extra `video` is not installed.
    """
    if every < 1 or not 0 < rate < np.inf:
        raise ValueError(f"saw every {every} and rate {rate}, wanted at least 1, and frames a second above 0")
    tracker = _Tracker(detector, every, int(np.clip(round(PATIENCE * rate), 1, LONGEST)))
    for picture in pictures:
        tracker.add(picture)
    return tracker.finish()


class _Place(NamedTuple):
    """A face in one frame."""

    points: np.ndarray
    box: np.ndarray
    sure: bool
    detected: bool = False


@dataclasses.dataclass
class _Open:
    """A track that may go on."""

    places: dict[int, _Place]
    confirmed: int  # the last frame with a detection
    score: float
    lost: bool = False  # since then
    missed: bool = False  # since then: the detector looked in vain


class _Tracker:
    def __init__(self, detector, every, patience):
        self._detect, self._every, self._patience = detector, every, patience
        self._open: list[_Open] = []
        self._closed: list[_Open] = []
        self._grays: collections.deque = collections.deque(maxlen=patience + 1)  # of the last frames, after a cut
        self._now, self._looked, self._looks = -1, -1, 0
        self._picture, self._scale = np.zeros((0, 0, 3), np.uint8), 1.0

    def add(self, picture):
        """The next frame."""
        if self._now >= 0 and picture.shape != self._picture.shape:
            raise ValueError(f"saw frames of {self._picture.shape} and {picture.shape}, wanted one size")
        gray = motion.small_gray(picture)
        cut = bool(self._grays) and is_cut(self._grays[-1], gray)
        if cut and self._looked < self._now:
            self._look()
        self._scale = motion.scale_of(*picture.shape[:2])
        self._now, self._picture = self._now + 1, picture
        newly_lost = self._follow(gray, cut)
        if cut:
            self._grays.clear()
        self._grays.append(gray)
        if cut or newly_lost or self._now % self._every == 0:
            self._look()
        self._close(lambda one: self._is_over(one))

    def finish(self):
        """All tracks."""
        if self._now > self._looked:
            self._look()
        self._close(lambda one: True)
        tracks = sorted(map(_finished, self._closed), key=lambda one: (one.first, one.boxes[0, 0]))
        return Tracking(tracks, self._now + 1, self._looks)

    def _follow(self, gray, cut):
        """Move all faces on to this frame; whether one is lost now."""
        newly_lost = False
        for one in list(self._open):
            place = one.places[self._now - 1]
            matrix = motion.follow(self._grays[-1], gray, place.box, scale=self._scale)
            if matrix is None and cut:
                self._close(lambda other, gone=one: other is gone)
                continue
            newly_lost |= matrix is None and not one.lost
            one.lost |= matrix is None
            sure = not one.lost and not one.missed
            one.places[self._now] = _moved(place, matrix, sure)
        return newly_lost

    def _look(self):
        """Ask the detector about this frame."""
        faces = list(self._detect(self._picture))
        before, self._looked, self._looks = self._looked, self._now, self._looks + 1
        pairs = match([one.places[self._now].box for one in self._open], [face.box for face in faces],
                      [LOST_OVERLAP if one.lost else OVERLAP for one in self._open])  # fmt: skip
        for i, one in enumerate(self._open):
            if i in pairs:
                _confirm(one, self._now, faces[pairs[i]])
            elif one.confirmed < self._now:
                one.missed, one.places[self._now] = True, one.places[self._now]._replace(sure=False)
        for j, face in enumerate(faces):
            if j not in pairs.values():
                self._open.append(self._begun(face, before))

    def _begun(self, face, before):
        """A new track, followed back to where the face came from."""
        place = _Place(points_of(face), np.asarray(face.box, np.float64), sure=True, detected=True)
        found = _Open({self._now: place}, self._now, face.score)
        grays = list(self._grays)
        for back in range(1, len(grays)):
            frame = self._now - back
            matrix = motion.follow(grays[-back], grays[-back - 1], place.box, scale=self._scale)
            if matrix is None:
                break
            place = _moved(place, matrix, frame > before)
            if self._has_left(place.box) or self._is_taken(frame, place.box):
                break
            found.places[frame] = place
        return found

    def _is_taken(self, frame, box):
        """Whether another track has the face of this box."""
        others = [one.places[frame].box for one in (*self._open, *self._closed[-100:]) if frame in one.places]
        return any(overlap(box[None], other[None]).item() > STEADY for other in others)

    def _is_over(self, one):
        return self._now - one.confirmed >= self._patience or self._has_left(one.places[self._now].box)

    def _has_left(self, box):
        center = (box[:2] + box[2:]) / 2
        height, width = self._picture.shape[:2]
        return bool((center < -0.5).any() or (center > (width - 0.5, height - 0.5)).any())

    def _close(self, which):
        self._closed += [one for one in self._open if which(one)]
        self._open = [one for one in self._open if not which(one)]


def is_cut(before: UInt8[np.ndarray, "h w"], after: UInt8[np.ndarray, "h w"]) -> bool:
    """Whether two frames show different scenes."""
    import cv2

    tiny = (cv2.resize(one, TINY, interpolation=cv2.INTER_AREA).astype(np.float32) for one in (before, after))
    return float(np.abs(np.subtract(*tiny)).mean()) > CUT


def match(
    known: Sequence[Float[np.ndarray, "4"]], found: Sequence[Float[np.ndarray, "4"]], least: Sequence[float]
) -> dict[int, int]:
    """Known box -> found box, one to one, with the largest overlaps; at least `least`, of each known one."""
    if not (len(known) and len(found)):
        return {}
    shares = overlap(np.stack(known).astype(np.float64), np.stack(found).astype(np.float64))
    shares = np.where(shares >= np.asarray(least)[:, None], shares, 0)
    rows, columns = linear_sum_assignment(-shares)
    return {int(i): int(j) for i, j in zip(rows, columns, strict=True) if shares[i, j] > 0}


def overlap(some: Float[np.ndarray, "n 4"], others: Float[np.ndarray, "m 4"]) -> Float[np.ndarray, "n m"]:
    """The overlap of every two boxes, as a share of their union."""
    near = np.maximum(some[:, None, :2], others[None, :, :2])
    far = np.minimum(some[:, None, 2:], others[None, :, 2:])
    common = np.maximum(far - near, 0).prod(-1)
    areas = ((boxes[:, 2:] - boxes[:, :2]).prod(-1) for boxes in (some, others))
    return common / np.maximum(np.add.outer(*areas) - common, 1e-9)


def _confirm(one, now, face):
    """A detection: the frames since the last one are pulled to both, and where the face was lost put between."""
    end = _Place(points_of(face), np.asarray(face.box, np.float64), sure=True, detected=True)
    if one.lost:
        last = max(frame for frame, place in one.places.items() if place.sure and frame < now)
        _put_between(one.places, last, now, end, sure=not one.missed and _overlaps(one.places[last], end))
    else:
        _pull(one.places, one.confirmed, now, end)
    one.places[now], one.confirmed, one.lost, one.missed = end, now, False, False
    one.score = max(one.score, face.score)


def _put_between(places, first, now, end, *, sure):
    start = places[first]
    for frame in range(first + 1, now):
        share = (frame - first) / (now - first)
        points, box = ((1 - share) * old + share * new for old, new in zip(start[:2], end[:2], strict=True))
        places[frame] = _Place(points, box, sure)


def _pull(places, first, now, end):
    there = places[now]
    for frame in range(first + 1, now):
        share = (frame - first) / (now - first)
        shifts = (share * (new - old) for old, new in zip(there[:2], end[:2], strict=True))
        points, box = (old + shift for old, shift in zip(places[frame][:2], shifts, strict=True))
        places[frame] = _Place(points, box, sure=True)


def _overlaps(one, other):
    return overlap(one.box[None], other.box[None]).item() >= STEADY


def _moved(place, matrix, sure):
    if matrix is None:
        return place._replace(sure=False, detected=False)
    return _Place(motion.moved(place.points, matrix), motion.moved_box(place.box, matrix), sure=sure)


def points_of(face: Face) -> Float[np.ndarray, "p 2"]:
    """The outline of a face whose detector gives one, otherwise its five points."""
    if face.dense is None or len(face.dense) not in COUNTS:
        return np.asarray(face.landmarks, np.float64)
    return np.asarray(outline(face.dense), np.float64)


def _finished(one):
    frames = sorted(one.places)
    places = [one.places[frame] for frame in frames]
    points, boxes = (np.stack([getattr(place, name) for place in places]) for name in ("points", "box"))
    sure, detected = (np.array([getattr(place, name) for place in places]) for name in ("sure", "detected"))
    return Track(frames[0], points.astype(np.float32), boxes.astype(np.float32), sure, detected, one.score)
