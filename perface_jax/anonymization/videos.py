"""A video with other faces: tracks, a replacement for each, and a copy of the file. docs/video.md explains it.

The file is read three times: to track its faces, to look at some frames of every track, and to write the copy.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from etils import epath
from jaxtyping import Bool, Float, Int, UInt8

from perface_jax import progress_bar, video
from perface_jax.anonymization.kept_people import KeptPeople, visible
from perface_jax.anonymization.video_choices import Judge, choose_replacement
from perface_jax.anonymization.video_methods import Method
from perface_jax.anonymization.video_plan import Action, Plan
from perface_jax.detection import Detector
from perface_jax.swap import Face

KEYS = 3  # frames of a track in which a replacement is tried
CERTAIN = 0.9  # of MTCNN's scores
AT_ONCE = 16  # faces that are compared with the people who stay visible
TOGETHER = 8  # frames whose faces are replaced in one call

Picture = UInt8[np.ndarray, "h w 3"]


class Looked(NamedTuple):
    """Some faces of a track, `[k, ...]`, and what `KeptPeople.shares` says of all n frames with a detection."""

    keys: Face
    frames: Int[np.ndarray, " n"]
    matched: Bool[np.ndarray, " n"]
    similar: Bool[np.ndarray, " n"]


def anonymize_video(
    path: epath.PathLike,
    out: epath.PathLike,
    method: Method,
    detector: Detector,
    *,
    judge: Judge | None = None,
    keep: KeptPeople | None = None,
    every: int = 5,
    certain: float = CERTAIN,
) -> Plan:
    """Write a copy of a video in which every face is replaced, covered, or that of somebody who stays visible.

    Args:
      path, out: as for `video.copy`.
      method: makes the replacements.
      detector: finds the faces, in every `every`-th frame.
      judge: chooses among the proposed replacements; None = the first one.
      keep: who stays visible; None = nobody.
      certain: a track whose best score of the detector is below may be no face: it is covered.

    Returns:
      What was done to which frames.

    Raises:
      MissingExtra, FileNotFoundError, ValueError: as `video.copy`.
    """
    video.check_name(out)
    about = video.summary(path)

    def pictures(label):
        return progress_bar.over(video.pictures(path), label, "frames", total=about.frames)

    tracking = video.track_faces(pictures("looking for faces"), detector, every=every, rate=about.rate)
    smooth = [_smooth(track, about.rate) for track in tracking.tracks]
    plan = Plan(tracking._replace(tracks=smooth), about.rate, {}, {})
    for number, looked in look_at(pictures("choosing replacements"), smooth, method.size, keep):
        plan = _with_track(plan, number, looked, method, judge, certain)

    def change(pictures):
        shown = progress_bar.over(pictures, "writing", "frames", total=tracking.frames)
        return replaced(shown, plan, method)

    if (count := video.copy(path, out, change)) != tracking.frames:
        raise ValueError(f"{path} gave {tracking.frames} frames, then {count}; wanted a file that nobody changes")
    return plan


def _smooth(track, rate):
    points = video.smooth(track.points, rate=rate)
    return track._replace(points=points, sure=track.sure & is_face(points))


def _with_track(plan, number, looked, method, judge, certain):
    """The plan, with what becomes of one more track."""
    track, kept, replacements = plan.tracking.tracks[number], plan.kept, plan.replacements
    if looked.matched.any():
        shown = visible(*looked[1:], first=track.first, count=len(track.boxes))
        kept = {**kept, number: shown} if shown.any() else kept
    if len(looked.frames) and track.score >= certain and not (number in kept and kept[number].all()):
        taken = {one.name for other, one in replacements.items() if _meet(track, plan.tracking.tracks[other])}
        if found := choose_replacement(method, looked.keys, judge, number=number, taken=taken):
            replacements = {**replacements, number: found}
    return plan._replace(kept=kept, replacements=replacements)


def _meet(one, other):
    """Whether two tracks have a frame in common."""
    return one.first <= other.last and other.first <= one.last


def look_at(
    pictures: Iterable[Picture], tracks: Sequence[video.Track], size: int, keep: KeptPeople | None
) -> Iterator[tuple[int, Looked]]:
    """The number of each track when it ends, and what was seen of it; few of its faces are in memory."""
    waiting = {number: _Looking(track, size, keep) for number, track in enumerate(tracks)}
    for frame, picture in enumerate(pictures):
        for number in [number for number in waiting if tracks[number].first <= frame]:
            waiting[number].add(frame, picture)
            if frame >= tracks[number].last:
                yield number, waiting.pop(number).finish()


class _Looking:
    """What is seen of one track, frame by frame."""

    def __init__(self, track, size, keep):
        (places,) = np.nonzero(track.detected & is_face(track.points))
        self._track, self._size, self._keep = track, size, keep
        self._frames = track.first + places
        self._key_frames = set(self._frames[spread(len(places), KEYS)].tolist())
        self._all = set(self._frames.tolist()) if keep else self._key_frames
        self._keys, self._faces, self._shares = [], [], [np.zeros((2, 0), bool)]

    def add(self, frame, picture):
        if frame not in self._all:
            return
        face, _ = video.cut(picture, self._track.points[frame - self._track.first], size=self._size)
        self._keys += [face] * (frame in self._key_frames)
        self._faces += [face] * (self._keep is not None)
        if len(self._faces) == AT_ONCE:
            self._compare()

    def _compare(self):
        if self._faces:
            self._shares.append(np.array(self._keep.shares(_stacked(self._faces))))
            self._faces = []

    def finish(self):
        self._compare()
        matched, similar = np.concatenate(self._shares, axis=1)
        return Looked(_stacked(self._keys), self._frames, matched, similar)


def _stacked(faces):
    return Face(*(np.stack(parts) for parts in zip(*faces, strict=True))) if faces else Face(*np.zeros((2, 0)))


def is_face(points: Float[np.ndarray, "n p 2"]) -> Bool[np.ndarray, " n"]:
    """Whether landmarks `[n, p, 2]` can be cut out."""
    return np.isfinite(points).all((1, 2)) & (np.ptp(points, axis=1).max(-1) >= 1)


def spread(count: int, wanted: int) -> Int[np.ndarray, " n"]:
    """So many places among `count`, evenly, from the middle of equal parts; all if there are fewer."""
    return np.unique(((np.arange(min(wanted, count)) + 0.5) * count / max(min(wanted, count), 1)).astype(int))


def replaced(pictures: Iterable[Picture], plan: Plan, method: Method) -> Iterator[Picture]:
    """The frames as the plan says; a few at a time, so that a method can make several faces at once."""
    rest, start = iter(pictures), 0
    while group := list(itertools.islice(rest, TOGETHER)):
        yield from _replaced_group(group, start, plan, method)
        start += len(group)


def _replaced_group(group, start, plan, method):
    """Faces of one frame one after another: the second is cut where the first one is gone already."""
    waiting = []
    for place, picture in enumerate(group):
        actions = plan.actions(start + place)
        for number, there, action in actions:
            if action is Action.COVER:
                picture = video.cover(picture, plan.tracking.tracks[number].boxes[there])
        group[place] = picture
        waiting.append([(number, there) for number, there, action in actions if action is Action.REPLACE])
    for turn in itertools.zip_longest(*waiting):
        _replace_one_each(group, {place: job for place, job in enumerate(turn) if job}, plan, method)
    return group


def _replace_one_each(group, jobs, plan, method):
    """One face in each of some frames: place in the group -> track and place in that."""
    points = [plan.tracking.tracks[number].points[there] for number, there in jobs.values()]
    cuts = [video.cut(group[place], one, size=method.size) for place, one in zip(jobs, points, strict=True)]
    targets, sources = [face for face, _ in cuts], [plan.replacements[number].source for number, _ in jobs.values()]
    made = method.replace(_stacked(targets), _stacked(sources))
    for place, (_, before), image in zip(jobs, cuts, made, strict=True):
        group[place] = video.put_back(group[place], before, image)
