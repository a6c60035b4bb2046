"""A whole clip with known tracks: no frame shows a face that was to be hidden, and a replacement stays the same."""

import numpy as np
import pytest

from perface_jax import video
from perface_jax.anonymization.anonymize import SelectionPolicy
from perface_jax.anonymization.video_choices import Judge
from perface_jax.anonymization.videos import anonymize_video, spread
from tests.anonymization.painted import COLORS, Painter, score
from tests.video.drawn_clip import Clip

FRAMES = 22
JUDGE = Judge(score, SelectionPolicy({"green": 0.5}))


@pytest.fixture
def clip():
    """One face all the time, one that comes late, which the detector misses for a while at the end."""
    paths = [lambda t: (10 + 2 * t, 8), lambda t: (100 - 2 * t, 70) if t >= 3 else None]
    return Clip(FRAMES, paths=paths, hidden=[(1, t) for t in range(18, FRAMES)])


def anonymized(clip, tmp_path, method=None, **options):
    clip.write(tmp_path / "in.mp4", sound=True)
    options = {"judge": JUDGE, "every": 5} | options
    plan = anonymize_video(tmp_path / "in.mp4", tmp_path / "out.mp4", method or Painter(), clip.detect, **options)
    return plan, list(video.pictures(tmp_path / "out.mp4"))


def color(picture, clip, number, t):
    """The name of the color in the middle of a face."""
    x, y = clip.points(number, t).mean(0).astype(int)
    middle = picture[y - 4 : y + 4, x - 4 : x + 4].reshape(-1, 3).astype(float).mean(0)
    known = COLORS | {"black": (0, 0, 0)}
    found = [name for name, wanted in known.items() if np.abs(middle - wanted).max() < 60]
    return found[0] if found else "face"


def colors(pictures, clip, number):
    return [color(picture, clip, number, t) for t, picture in enumerate(pictures) if clip.there(number, t)]


def test_no_frame_shows_a_hidden_face_and_every_track_keeps_its_replacement(clip, tmp_path):
    plan, pictures = anonymized(clip, tmp_path)
    assert len(pictures) == FRAMES
    assert colors(pictures, clip, 0) == ["red"] * FRAMES
    assert colors(pictures, clip, 1)[:15] == ["blue"] * 15  # red is taken, green is matched
    assert colors(pictures, clip, 1)[17:] == ["black"] * 2  # frames 20 and 21: the detector looked in vain
    assert [plan.replacements[number].name for number in (0, 1)] == ["red", "blue"]
    background = np.abs(pictures[12][100:, :60].astype(float) - clip.pictures[12][100:, :60])
    assert background.mean() < 6


def test_without_an_admitted_replacement_a_face_is_covered(clip, tmp_path):
    plan, pictures = anonymized(clip, tmp_path, Painter(("green",)))
    assert plan.replacements == {}
    assert colors(pictures, clip, 0) == ["black"] * FRAMES


def test_a_face_that_may_be_none_is_covered(clip, tmp_path):
    plan, pictures = anonymized(clip, tmp_path, certain=0.995)
    assert set(colors(pictures, clip, 0)) == {"black"}


def test_who_is_to_be_kept_stays_visible_and_nobody_else(clip, tmp_path):
    class Keep:
        def shares(self, faces):
            bright = clip.faces[0].mean()
            own = np.abs(np.asarray(faces.image)[:, 24:48, 20:44].mean((1, 2, 3)) - bright) < 12
            return own, own

    clip.faces[1] = clip.faces[1] // 4
    clip.pictures = [clip._draw(t) for t in range(FRAMES)]
    plan, pictures = anonymized(clip, tmp_path, keep=Keep())
    assert [number for number, where in plan.kept.items() if where.all()] == [0]
    assert colors(pictures, clip, 0) == ["face"] * FRAMES
    assert "face" not in colors(pictures, clip, 1)


def test_several_frames_are_replaced_in_one_call(clip, tmp_path):
    method = Painter()
    anonymized(clip, tmp_path, method, judge=None)
    assert method.calls == [8, 5, 8, 8, 6, 4]  # eight frames, eight, six; the second face is in fewer


def test_frames_are_spread_evenly():
    assert spread(0, 3).tolist() == []
    assert spread(2, 3).tolist() == [0, 1]
    assert spread(9, 3).tolist() == [1, 4, 7]
