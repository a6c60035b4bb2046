"""What becomes of a face in a frame."""

import numpy as np

from perface_jax import video
from perface_jax.anonymization.video_choices import Replacement
from perface_jax.anonymization.video_plan import Action, Plan


def track(first, sure, *, score=1.0):
    count = len(sure)
    sure = np.array(sure, bool)
    return video.Track(first, np.zeros((count, 5, 2)), np.zeros((count, 4)), sure, sure, score)


def plan(**options):
    tracks = [track(1, [1, 1, 0, 1]), track(2, [1, 1])]
    return Plan(
        video.Tracking(tracks, 8, 3), 10.0, **{"replacements": {0: Replacement("a", None)}, "kept": {}} | options
    )


def test_a_sure_face_is_replaced_and_any_other_one_covered():
    one = plan()
    assert one.actions(0) == []
    assert one.actions(2) == [(0, 1, Action.REPLACE), (1, 0, Action.COVER)]
    assert one.frames(0, Action.REPLACE) == [1, 2, 4]
    assert one.frames(0, Action.COVER) == [3]
    assert one.frames(1, Action.COVER) == [2, 3]
    assert one.without_face() == [0, 5, 6, 7]


def test_a_kept_face_stays_visible_where_it_was_recognized():
    one = plan(kept={0: np.array([1, 1, 1, 0], bool)})
    assert [one.action(0, frame) for frame in (1, 3, 4)] == [Action.KEEP, Action.KEEP, Action.REPLACE]
