"""A video with other faces: tracks, a replacement for each, and a copy of the file. docs/video.md explains it.

The file is read three times: to track its faces, to look at some frames of every track, and to write the copy.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from etils import epath
from jaxtyping import Int, UInt8

from perface_jax import progress_bar, video
from perface_jax.anonymization.kept_people import KeptPeople, visible
from perface_jax.anonymization.video_choices import Judge, choose_replacement
from perface_jax.anonymization.video_methods import Method
from perface_jax.anonymization.video_plan import Action, Plan
from perface_jax.detection import Detector
from perface_jax.swap import Face

KEYS = 3  # frames of a track in which a replacement is tried
CERTAIN = 0.9  # of MTCNN's scores
TOGETHER = 8  # frames whose faces are replaced in one call

Picture = UInt8[np.ndarray, "h w 3"]


class Looked(NamedTuple):
    """Some faces of a track."""

    frames: Int[np.ndarray, " n"]
    faces: Face  # `[n, ...]`


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
    smooth = [track._replace(points=video.smooth(track.points, rate=about.rate)) for track in tracking.tracks]
    plan = Plan(tracking._replace(tracks=smooth), about.rate, {}, {})
    everything = look_at(pictures("choosing replacements"), smooth, method.size, all_of_them=keep is not None)
    for number, looks in everything:
        plan = _with_track(plan, number, looks, method, judge, keep, certain)

    def change(pictures):
        shown = progress_bar.over(pictures, "writing", "frames", total=tracking.frames)
        return replaced(shown, plan, method)

    if (count := video.copy(path, out, change)) != tracking.frames:
        raise ValueError(f"{path} gave {tracking.frames} frames, then {count}; wanted a file that nobody changes")
    return plan


def _with_track(plan, number, looks, method, judge, keep, certain):
    """The plan, with what becomes of one more track."""
    track, kept, replacements = plan.tracking.tracks[number], plan.kept, plan.replacements
    if keep is not None and len(looks.frames):
        seen = visible(looks.frames, *keep.shares(looks.faces), first=track.first, count=len(track.boxes))
        kept = {**kept, number: seen} if seen.any() else kept
    if len(looks.frames) and track.score >= certain and not (number in kept and kept[number].all()):
        keys = Face(*(part[spread(len(looks.frames), KEYS)] for part in looks.faces))
        taken = {one.name for other, one in replacements.items() if _meet(track, plan.tracking.tracks[other])}
        if found := choose_replacement(method, keys, judge, number=number, taken=taken):
            replacements = {**replacements, number: found}
    return plan._replace(kept=kept, replacements=replacements)


def _meet(one, other):
    """Whether two tracks have a frame in common."""
    return one.first <= other.last and other.first <= one.last


def look_at(
    pictures: Iterable[Picture], tracks: Sequence[video.Track], size: int, *, all_of_them: bool
) -> Iterator[tuple[int, Looked]]:
    """The number of each track, and its faces in some frames in which they were detected; or in all of those."""
    wanted = [_looked_at(track, all_of_them) for track in tracks]
    found: dict[int, list[Face]] = {number: [] for number in range(len(tracks))}
    for frame, picture in enumerate(pictures):
        for number in [number for number in found if tracks[number].first <= frame]:
            track = tracks[number]
            if frame in wanted[number]:
                found[number].append(video.cut(picture, track.points[frame - track.first], size=size)[0])
            if frame >= track.last:
                faces = found.pop(number)
                parts = zip(*faces, strict=True) if faces else ((), ())
                yield number, Looked(np.array(sorted(wanted[number])), Face(*(np.array(part) for part in parts)))


def _looked_at(track, all_of_them):
    (places,) = np.nonzero(track.detected & is_face(track.points))
    return set((track.first + (places if all_of_them else places[spread(len(places), KEYS)])).tolist())


def is_face(points):
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
    targets, sources = (face for face, _ in cuts), (plan.replacements[number].source for number, _ in jobs.values())
    made = method.replace(*(Face(*map(np.stack, zip(*faces, strict=True))) for faces in (targets, sources)))
    for place, (_, before), image in zip(jobs, cuts, made, strict=True):
        group[place] = video.put_back(group[place], before, image)
