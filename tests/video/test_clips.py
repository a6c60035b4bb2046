"""Video files: what a copy keeps, and what is refused."""

import av
import numpy as np
import pytest

from perface_jax.video import clips
from tests.video.drawn_clip import Clip

TIMES = [0, 40, 90, 100, 180, 200, 333, 350]


@pytest.fixture(scope="module")
def clip():
    return Clip(len(TIMES))


@pytest.fixture(scope="module")
def original(clip, tmp_path_factory):
    return clip.write(tmp_path_factory.mktemp("clip") / "in.mp4", times=TIMES, rotation=90, sound=True)


def shown(path):
    with av.open(str(path)) as container:
        return [(float(frame.pts * frame.time_base), frame.rotation) for frame in container.decode(video=0)]


def sound(path):
    with av.open(str(path)) as container:
        packets = container.demux(container.streams.audio[0])
        return [(float(one.pts * one.time_base), bytes(one)) for one in packets if one.dts is not None]


def test_pictures_are_upright(clip, original):
    about = clips.summary(original)
    assert (about.width, about.height, about.sound) == (160, 120, 1)
    found = list(clips.pictures(original))
    assert len(found) == len(clip.pictures)
    assert np.abs(found[3].astype(float) - clip.pictures[3]).mean() < 6


def test_a_copy_keeps_times_rotation_and_sound(original, tmp_path):
    out = tmp_path / "out.mp4"
    assert clips.copy(original, out, lambda pictures: pictures) == len(TIMES)
    assert shown(out) == shown(original) == [(time / 1000, 90) for time in TIMES]
    assert sound(out) == sound(original) != []
    before, after = (np.array(list(clips.pictures(path)), float) for path in (original, out))
    assert np.abs(before - after).mean() < 3


def test_a_copy_shows_the_changed_pictures_and_change_may_look_ahead(clip, original, tmp_path):
    out = tmp_path / "out.mkv"
    clips.copy(original, out, lambda pictures: [255 - picture for picture in list(pictures)])
    assert np.abs(255.0 - clip.pictures[5] - list(clips.pictures(out))[5]).mean() < 6
    assert [bytes for _, bytes in sound(out)] == [bytes for _, bytes in sound(original)]


@pytest.mark.parametrize("change", [lambda pictures: list(pictures)[:-1], lambda pictures: [*pictures, 0]])
def test_another_number_of_pictures_is_refused_and_no_file_is_left(original, tmp_path, change):
    with pytest.raises(ValueError, match="one for each"):
        clips.copy(original, tmp_path / "out.mp4", change)
    assert not list(tmp_path.iterdir())


def test_what_is_no_video_or_cannot_become_one_is_refused(original, tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(ValueError, match="text.mp4 is no video that can be read, or a damaged one: invalid data"):
        clips.summary(tmp_path / "text.mp4")
    with pytest.raises(FileNotFoundError, match="no file .*none.mp4; wanted a video"):
        clips.summary(tmp_path / "none.mp4")
    with pytest.raises(ValueError, match="wanted a file that ends in .mp4"):
        clips.copy(original, tmp_path / "out.avi", lambda pictures: pictures)
    with pytest.raises(ValueError, match="out.webm cannot hold sound of the kind aac, which is copied; wanted .mkv"):
        clips.copy(original, tmp_path / "out.webm", lambda pictures: pictures)
    with pytest.raises(ValueError, match=r"saw a picture uint8 \[4, 4, 3\]"):
        clips.copy(original, tmp_path / "out.mp4", lambda pictures: (picture[:4, :4] for picture in pictures))


def test_frames_of_odd_size_stay_so(tmp_path):
    clip = Clip(2)
    clip.pictures = [np.ascontiguousarray(picture[:101, :75]) for picture in clip.pictures]
    with av.open(str(tmp_path / "in.mkv"), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 75, 101, "bgr0"
        for picture in clip.pictures:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode(None))
    clips.copy(tmp_path / "in.mkv", tmp_path / "out.mp4", lambda pictures: pictures)
    assert next(clips.pictures(tmp_path / "out.mp4")).shape == (101, 75, 3)
