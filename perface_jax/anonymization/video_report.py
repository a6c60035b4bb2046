"""What was done to a video: its tracks, the frames without a confident track, and the frames without a face."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from perface_jax.anonymization.video_plan import Action, Plan
from perface_jax.report import Report, Section, Table, made

TRACKS_HELP = (
    "A track is a face in frames on end. Perceived: similarity of original and result under the perceptual model."
    " Match: the highest under a recognizer, in the frames in which replacements were tried. Covered: by a black box."
)
UNSURE_HELP = (
    "Here the detector did not see a face that it saw before or after, and following it was not safe, or no replacement"
    " was admitted. The place of the face is covered. Look at these frames, and at those before and after them."
)
EMPTY_HELP = "No face was found here. A face that the detector misses is still visible: look at these frames."


class TrackRow(NamedTuple):
    """One track; frames are counted from 0, seconds from the first frame at the average rate."""

    track: int
    first_frame: int
    last_frame: int
    first_second: float
    last_second: float
    replaced: int  # frames
    covered: int
    kept: int
    replacement: str  # "" = none
    perceived: float | None
    matched: Mapping[str, float]
    score: float  # the best of the detector


class FramesRow(NamedTuple):
    """Frames on end; `track` is None where there is none."""

    first_frame: int
    last_frame: int
    first_second: float
    last_second: float
    track: int | None = None


def video_report(plan: Plan, facts: Mapping[str, Any]) -> Report:
    """The report of a video that was anonymized."""
    tracks = [_track(plan, number) for number in range(len(plan.tracking.tracks))]
    unsure = [
        _frames(plan, span, number) for number in range(len(tracks)) for span in runs(plan.frames(number, Action.COVER))
    ]
    empty = [_frames(plan, span) for span in runs(plan.without_face())]
    sections = [
        Section("Tracks", TRACKS_HELP, Table(TRACK_COLUMNS, [*map(_track_line, tracks)]), tracks),
        Section("Frames without a confident track", UNSURE_HELP, _frames_table(unsure), unsure),
        Section("Frames without a face", EMPTY_HELP, _frames_table(empty), empty),
    ]
    shown = [section for section in sections if section.rows]
    return Report(_title(plan, tracks), _warnings(plan, tracks, unsure, empty), facts, shown, None, made())


def runs(frames: Sequence[int]) -> list[tuple[int, int]]:
    """Frames in order as (first, last) of those on end."""
    parts = np.split(np.asarray(frames, int), np.flatnonzero(np.diff(frames) > 1) + 1)
    return [(int(part[0]), int(part[-1])) for part in parts if len(part)]


def clock(seconds: float) -> str:
    """Minutes and seconds: 75.5 -> 1:15.50."""
    return f"{int(seconds // 60)}:{seconds % 60:05.2f}"


def _track(plan, number) -> TrackRow:
    track, chosen = plan.tracking.tracks[number], plan.replacements.get(number)
    replaced, covered, kept = (len(plan.frames(number, one)) for one in (Action.REPLACE, Action.COVER, Action.KEEP))
    chosen = chosen if replaced else None
    span = _frames(plan, (track.first, track.last), number)
    return TrackRow(
        track=number,
        first_frame=span.first_frame,
        last_frame=span.last_frame,
        first_second=span.first_second,
        last_second=span.last_second,
        replaced=replaced,
        covered=covered,
        kept=kept,
        replacement=chosen.name if chosen else "",
        perceived=chosen.perceived if chosen else None,
        matched=chosen.matched if chosen else {},
        score=track.score,
    )


TRACK_COLUMNS = ("track", "from", "to", "replaced", "covered", "kept", "by", "perceived", "match")


def _track_line(row: TrackRow) -> tuple[str, ...]:
    perceived = "" if row.perceived is None else f"{row.perceived:+.3f}"
    match = f"{max(row.matched.values()):+.3f}" if row.matched else ""
    counts = map(str, (row.replaced, row.covered, row.kept))
    times = clock(row.first_second), clock(row.last_second)
    return str(row.track), *times, *counts, row.replacement, perceived, match


def _frames_table(rows: Sequence[FramesRow]) -> Table:
    lines = [
        (clock(row.first_second), clock(row.last_second), f"{row.first_frame}-{row.last_frame}",
         "" if row.track is None else str(row.track))
        for row in rows
    ]  # fmt: skip
    return Table(("from", "to", "frames", "track"), lines)


def _frames(plan, span, track=None) -> FramesRow:
    first, last = span
    return FramesRow(first, last, round(first / plan.rate, 3), round(last / plan.rate, 3), track)


def _title(plan, tracks):
    faces = f"{len(tracks)} faces" if len(tracks) != 1 else "1 face"
    return f"{faces} in {plan.tracking.frames:,} frames, of which the detector saw {plan.tracking.looked:,}"


def _warnings(plan, tracks, unsure, empty):
    frames = plan.tracking.frames
    without = [str(row.track) for row in tracks if not row.replaced and not row.kept]
    found = [f"Nobody replaces {_named('track', without)}: covered in all frames."] if without else []
    if unsure:
        count = len({frame for row in unsure for frame in range(row.first_frame, row.last_frame + 1)})
        found.append(f"{count:,} of {frames:,} frames have a face without a confident track: it is covered there.")
    if empty:
        count = sum(row.last_frame - row.first_frame + 1 for row in empty)
        found.append(
            f"No face was found in {count:,} of {frames:,} frames; one that was missed is still visible there."
        )
    return found


def _named(what, names):
    return f"{what}{'s' * (len(names) > 1)} {', '.join(names[:10])}{' and more' * (len(names) > 10)}"
