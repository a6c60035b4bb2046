"""Tracks of clips whose faces are known."""

import numpy as np
import pytest

from perface_jax.detection import Face
from perface_jax.video import track_faces, tracks
from tests.video.drawn_clip import SIZE, Clip


def tracked(clip, **options):
    return track_faces(clip.pictures, clip.detect, **{"every": 6, "rate": 25.0} | options)


def check_places(clip, track, number, *, within=1.5):
    """All sure points are where the face is."""
    for place in np.flatnonzero(track.sure):
        wanted = clip.points(number, track.first + place)
        np.testing.assert_allclose(track.points[place], wanted, atol=within)


def test_every_face_is_one_track_through_all_frames_with_few_looks():
    clip = Clip()
    found = tracked(clip)
    assert clip.looks == [0, 6, 12, 18, 23]
    assert (found.frames, found.looked) == (24, 5)
    assert [(track.first, track.last, track.sure.all()) for track in found.tracks] == [(0, 23, True)] * 2
    for number, track in enumerate(found.tracks):
        check_places(clip, track, number)
        assert track.detected.sum() == 5
        assert track.score == pytest.approx(0.99)


def test_a_face_that_comes_between_two_looks_is_followed_back_to_its_first_frame():
    clip = Clip(paths=[lambda t: (8 + 3 * t, 10), lambda t: (20 + 2 * t, 70) if t >= 8 else None])
    _, late = tracked(clip).tracks
    assert (late.first, late.last) == (8, 23)
    assert late.sure.all()
    check_places(clip, late, 1)


def test_a_face_that_moves_in_over_the_edge_is_hidden_from_where_its_middle_is_seen():
    clip = Clip(paths=[lambda t: (-36 + 5 * t, 40)])
    (track,) = tracked(clip).tracks
    assert track.first <= 5
    check_places(clip, track, 0, within=4)


def test_a_face_that_leaves_between_two_looks_is_followed_until_then():
    clip = Clip(paths=[lambda t: (100 + 4 * t, 40)])
    (track,) = tracked(clip).tracks
    assert 9 <= track.last <= 12  # its middle leaves the picture after frame 10
    assert track.sure[:6].all()


def test_a_look_in_vain_does_not_end_a_face_that_is_followed():
    clip = Clip(hidden=[(0, 6), (0, 12)])
    track = tracked(clip).tracks[0]
    assert (track.first, track.last) == (0, 23)
    assert track.sure.all()  # followed on both sides, and found again
    check_places(clip, track, 0)


def test_a_face_that_the_detector_no_longer_sees_is_unsure_for_a_second_and_then_given_up():
    clip = Clip(40, paths=[lambda t: (20 + t, 40)], hidden=[(0, t) for t in range(12, 40)])
    (track,) = tracked(clip, rate=15.0).tracks
    assert track.sure.tolist() == [True] * 12 + [False] * (len(track.sure) - 12)
    assert track.last - 6 == 15


def test_a_face_behind_something_is_one_track_and_unsure_meanwhile():
    clip = Clip(paths=[lambda t: (40, 40)])
    for t in range(9, 14):
        clip.pictures[t][30:90, 30:90] = 128
    detect, clip.hidden = clip.detect, {(0, t) for t in range(9, 14)}
    (track,) = track_faces(clip.pictures, detect, every=6, rate=25.0).tracks
    assert (track.first, track.last) == (0, 23)
    assert not track.sure[9:14].any()
    assert track.sure[:9].all()
    assert track.sure[18:].all()


def test_both_sides_of_a_cut_are_looked_at_and_its_faces_are_other_tracks():
    first, second = Clip(9), Clip(24, seed=5, paths=[lambda t: (60, 50)])
    pictures = [*first.pictures, *(255 - picture // 2 for picture in second.pictures[9:])]

    def detect(picture):
        dark = picture[:8, :8].mean() < 100
        return first.detect(picture) if dark else second.detect(2 * (255 - picture))

    found = track_faces(pictures, detect, every=20, rate=25.0)
    assert [(one.first, one.last) for one in found.tracks] == [(0, 8), (0, 8), (9, 23)]
    assert first.looks == [0, 8]
    assert all(one.sure.all() for one in found.tracks)


def test_points_of_a_dense_detector_are_an_outline():
    face = Face(np.zeros(4, np.float32), 1.0, np.zeros((5, 2), np.float32), np.ones((68, 2), np.float32))
    assert tracks.points_of(face).shape == (59, 2)
    assert tracks.points_of(face._replace(dense=np.ones((106, 2), np.float32))).shape == (5, 2)


def test_boxes_are_matched_one_to_one_by_their_overlap():
    known = [np.array([0, 0, 10, 10]), np.array([4, 0, 14, 10])]
    found = [np.array([5, 0, 15, 10]), np.array([1, 0, 11, 10]), np.array([50, 50, 60, 60])]
    assert tracks.match(known, found, [0.3, 0.3]) == {0: 1, 1: 0}
    assert tracks.match(known[:1], found[2:], [0.1]) == {}
    assert tracks.match([], found, []) == {}


def test_impossible_options_are_refused():
    with pytest.raises(ValueError, match="wanted at least 1"):
        track_faces([], lambda picture: [], every=0)
    sizes = [np.zeros((*SIZE, 3), np.uint8), np.zeros((9, 9, 3), np.uint8)]
    with pytest.raises(ValueError, match="wanted one size"):
        track_faces(sizes, lambda picture: [])
    assert track_faces([], lambda picture: []) == ([], 0, 0)
