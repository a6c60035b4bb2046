"""A generated clip of drawn people with known places, MTCNN and the classical swap: what the unit tests take as given.

One person crosses the picture, one comes late, and one leaves early.
"""

import av
import numpy as np
import pytest
from PIL import Image

from perface_jax import detection, video
from perface_jax.anonymization.attribute_guard import Looks
from perface_jax.anonymization.video_methods import Swap
from perface_jax.anonymization.videos import anonymize_video
from perface_jax.datasets.portraits import Portraits
from tests.detection import scenes

FRAMES, SIZE, SIDE = 60, (360, 480), 112
PATHS = (
    lambda t: (20 + 5 * t, 15 + round(8 * np.sin(t / 5))),
    lambda t: (330 - 5 * t, 200) if t >= 17 else None,
    lambda t: (40 + 2 * t, 190) if t < 22 else None,
)


def write(path):
    """The clip; returns the five points of every face in every frame."""
    portraits, points = scenes.people(len(PATHS), seed=0)
    background = scenes.texture(np.random.default_rng(0), *SIZE)
    small = [np.asarray(Image.fromarray(one).resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for one in portraits]
    truth = []
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "12"})
        stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
        for t in range(FRAMES):
            picture, places = background.copy(), {}
            for number, path_of in enumerate(PATHS):
                if place := path_of(t):
                    left, top = place
                    picture[top : top + SIDE, left : left + SIDE] = small[number]
                    places[number] = (points[number] + 0.5) * SIDE / scenes.PORTRAIT - 0.5 + (left, top)
            truth.append(places)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode(None))
    return truth


def swapper():
    portraits, points = scenes.people(12, seed=5)
    faces = portraits[4:], points[4:].astype(np.float32)
    names = tuple(f"candidate {i}" for i in range(8))
    vectors = np.random.default_rng(0).normal(size=(8, 16)).astype(np.float32)

    def perceive(pictures, landmarks):
        return np.asarray(pictures, np.float32).reshape(len(pictures), -1)[:, ::1024][:, :16]

    candidates = Portraits(names, *faces, True, np.zeros((8, 3)), np.ones((8, 2), int))
    options = {"options": {"k": 3}, "turn": 20.0, "perceive": perceive}
    return Swap(96, candidates, Looks(8, {}, None), np.ones((1, 8), bool), vectors, **options)


@pytest.mark.slow
def test_no_frame_shows_an_unhidden_face_and_every_replacement_stays_the_same(tmp_path):
    scenes.need_weights()
    truth = write(tmp_path / "in.mp4")
    plan = anonymize_video(tmp_path / "in.mp4", tmp_path / "out.mp4", swapper(), detection.mtcnn())
    before, after = (list(video.pictures(tmp_path / name)) for name in ("in.mp4", "out.mp4"))
    results = {number: [] for number in range(len(PATHS))}
    for t, places in enumerate(truth):
        for number, points in places.items():
            own, made = (
                video.cut(picture, points, size=64)[0].image.astype(float) for picture in (before[t], after[t])
            )
            inner = np.s_[24:46, 22:42]  # eyes, nose and mouth
            assert np.abs(own - made)[inner].mean() > 6, f"face {number} is visible in frame {t}"
            if made[inner].max() > 30:  # not covered
                results[number].append(made[inner])
    replaced = [track for number, track in enumerate(plan.tracking.tracks) if number in plan.replacements]
    assert len(replaced) == len(PATHS)
    assert len({one.name for one in plan.replacements.values()}) == len(PATHS)  # all three meet
    for number, faces in results.items():
        faces = np.array(faces)
        assert len(faces) >= 0.9 * sum(number in places for places in truth)
        others = [np.array(results[other]).mean(0) for other in results if other != number]
        spread = np.abs(faces - faces.mean(0)).mean((1, 2, 3))
        # Not all: for a while the place of the one who left is covered, and with it some of the one who comes there.
        assert np.quantile(spread, 0.8) < 0.5 * min(np.abs(faces.mean(0) - other).mean() for other in others)
