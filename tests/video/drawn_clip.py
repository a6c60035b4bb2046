"""A clip with known tracks: squares of texture as faces, that move over a background, and a detector that knows them.

A corner of every frame holds its number, so that the detector recognizes a frame also when it was encoded.
"""

from fractions import Fraction

import av
import numpy as np
from PIL import Image

from perface_jax.detection import Face

SIZE = (120, 160)  # height, width
SIDE = 36  # of a face
STEP = 4  # gray levels from a number to the next
FIVE = np.array([[0.3, 0.35], [0.7, 0.35], [0.5, 0.55], [0.35, 0.75], [0.65, 0.75]])  # in a face


def texture(random, height, width, cells=9):
    noise = random.integers(0, 255, (cells, cells, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC))


class Clip:
    """Frames, and where each face is in each of them."""

    def __init__(self, frames=24, *, seed=0, paths=None, hidden=()):
        """`paths`: of each face, a function of the frame that gives left and top, or None where it is not there.

        `hidden`: pairs of face and frame in which the detector sees nothing.
        """
        random = np.random.default_rng(seed)
        self.paths = paths or [lambda t: (8 + 3 * t, 10), lambda t: (110 - 2 * t, 70)]
        self.hidden, self.looks = set(hidden), []
        self.faces = [texture(random, SIDE, SIDE) for _ in self.paths]
        self.background = 40 + texture(random, *SIZE) // 4
        self.pictures = [self._draw(t) for t in range(frames)]

    def _draw(self, t):
        picture = self.background.copy()
        for number in range(len(self.faces)):
            if place := self.paths[number](t):
                left, top = place
                part = picture[max(top, 0) : top + SIDE, max(left, 0) : left + SIDE]
                part[...] = self.faces[number][max(-top, 0) :, max(-left, 0) :][: len(part), : part.shape[1]]
        picture[:8, :8] = STEP * t
        return picture

    def frame_of(self, picture):
        return round(float(picture[1:7, 1:7].mean()) / STEP)

    def box(self, number, t):
        left, top = self.paths[number](t)
        return np.array([left, top, left + SIDE - 1, top + SIDE - 1], np.float64)

    def points(self, number, t):
        return self.box(number, t)[:2] + FIVE * (SIDE - 1)

    def there(self, number, t):
        return self.paths[number](t) is not None

    def detect(self, picture):
        """Whole faces only, as real detectors."""
        t = self.frame_of(picture)
        self.looks.append(t)
        found = []
        for number in range(len(self.faces)):
            if not self.there(number, t) or (number, t) in self.hidden:
                continue
            box = self.box(number, t)
            if box.min() >= 0 and box[2] < SIZE[1] and box[3] < SIZE[0]:
                found.append(Face(box.astype(np.float32), 0.99, self.points(number, t).astype(np.float32)))
        return found

    def write(self, path, *, times=None, rotation=0, sound=False):
        """Frames at `times`, in thousandths of a second; rotated frames are stored turned."""
        with av.open(str(path), "w") as out:
            stream = out.add_stream("libx264", rate=25, options={"crf": "5"})
            turned = [np.rot90(picture, -rotation // 90) for picture in self.pictures]
            stream.height, stream.width, stream.pix_fmt = *turned[0].shape[:2], "yuv420p"
            stream.codec_context.time_base = Fraction(1, 1000)
            if rotation:
                stream.set_display_rotation(rotation)
            heard = out.add_stream("aac", rate=8000, layout="mono") if sound else None
            for t, picture in enumerate(turned):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
                frame.pts, frame.time_base = (times or range(0, 40 * len(turned), 40))[t], Fraction(1, 1000)
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
            if heard is not None:
                _add_tone(out, heard)
        return path


def _add_tone(out, stream):
    for i in range(8):
        samples = np.sin(np.arange(1024) * 0.2 + i).astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 8000, 1024 * i, Fraction(1, 8000)
        out.mux(stream.encode(frame))
    out.mux(stream.encode(None))
