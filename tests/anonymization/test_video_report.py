"""What is said of a video."""

import numpy as np

from perface_jax import report, video
from perface_jax.anonymization.video_choices import Replacement
from perface_jax.anonymization.video_plan import Plan
from perface_jax.anonymization.video_report import clock, runs, video_report


def track(first, sure):
    flags = np.array(sure, bool)
    return video.Track(first, np.zeros((len(flags), 5, 2)), np.zeros((len(flags), 4)), flags, flags, 0.99)


def test_tracks_and_doubtful_and_empty_frames_are_listed(capsys, tmp_path):
    tracks = [track(0, [1, 1, 0, 1]), track(6, [1])]
    chosen = Replacement("anna", None, 0.25, {"r": -0.125})
    found = video_report(Plan(video.Tracking(tracks, 10, 3), 10.0, {0: chosen}, {}), {"video": "in.mp4"})
    first, second = found.sections[0].rows
    assert (first.replaced, first.covered, first.kept, first.replacement) == (3, 1, 0, "anna")
    assert (second.replaced, second.covered, second.replacement, second.perceived) == (0, 1, "", None)
    assert found.sections[0].table.lines[0] == (
        "0", "0:00.00", "0:00.30", "3", "1", "0", "anna", "+0.250", "-0.125"
    )  # fmt: skip
    unsure, empty = found.sections[1:]
    assert [(row.first_frame, row.last_frame, row.track) for row in unsure.rows] == [(2, 2, 0), (6, 6, 1)]
    assert [(row.first_frame, row.last_frame) for row in empty.rows] == [(4, 5), (7, 9)]
    assert found.warnings == [
        "Nobody replaces track 1: covered in all frames.",
        "2 of 10 frames have a face without a confident track: it is covered there.",
        "No face was found in 5 of 10 frames; one that was missed is still visible there.",
    ]
    report.to_terminal(found)
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80
    report.write_json(tmp_path / "report.json", found)


def test_a_video_without_doubts_has_one_table_and_no_warning():
    found = video_report(Plan(video.Tracking([track(0, [1])], 1, 1), 25.0, {0: Replacement("a", None)}, {}), {})
    assert [section.title for section in found.sections] == ["Tracks"]
    assert found.warnings == []
    assert found.title == "1 face in 1 frames, of which the detector saw 1"


def test_frames_on_end_and_clocks():
    assert runs([]) == []
    assert runs([1, 2, 3, 7, 9, 10]) == [(1, 3), (7, 7), (9, 10)]
    assert clock(75.5) == "1:15.50"
