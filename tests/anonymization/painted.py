"""A method that paints a face in one color, and recognizers that see colors: results can be checked by eye."""

import numpy as np

from perface_jax.anonymization.anonymize import Axes
from perface_jax.anonymization.video_methods import Proposed
from perface_jax.swap import Face

COLORS = {"red": (250, 0, 0), "green": (0, 250, 0), "blue": (0, 0, 250)}


class Painter:
    """Proposes colors; a replaced face has the color of its source in the middle half of the square."""

    size = 64

    def __init__(self, names=tuple(COLORS)):
        self.names, self.calls = names, []

    def propose(self, keys, *, number):
        pictures = [np.full((self.size, self.size, 3), COLORS[name], np.uint8) for name in self.names]
        points = np.zeros((len(self.names), 5, 2), np.float32)
        return Proposed(list(self.names), Face(np.array(pictures, np.uint8), points))

    def replace(self, targets, sources):
        self.calls.append(len(targets.image))
        made = np.array(targets.image)
        made[:, 16:56, 16:48] = np.asarray(sources.image)[:, 16:56, 16:48]
        return made


def score(originals, results):
    """Perceived: the share of red; matched: the share of green; the feature loss: the share of blue."""
    shares = np.asarray(results.image, np.float32)[:, :, 20:50, 20:44].mean((2, 3)) / 255
    return Axes(shares[..., 0], {"green": shares[..., 1]}, shares[..., 2])
