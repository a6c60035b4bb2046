"""Scenes with known faces: people of the synthetic world pasted at known places and scales on textured backgrounds."""

import importlib.util
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from perface_jax.synthetic import faces, world
from tests import drawn_faces

PORTRAIT = drawn_faces.SIZE


def need_weights() -> None:
    """Skip where the weights are missing. The package is looked for, not imported: that would need TensorFlow."""
    if importlib.util.find_spec("mtcnn") is None:
        pytest.skip("the PyPI package mtcnn is not installed: the extra `detect` brings it")


class Scene(NamedTuple):
    picture: np.ndarray  # uint8 [h, w, 3]
    faces: list[np.ndarray]  # five points [5, 2] of each


def people(count: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Portraits of the synthetic world, uint8 [count, side, side, 3], and their five points [count, 5, 2]."""
    sources, targets = world.create_people(seed, count)
    portraits = drawn_faces.draw(sources.faces, targets.faces, size=PORTRAIT, view=faces.CELEBA_HQ_VIEW)
    points = faces.landmarks(sources.faces, targets.faces, size=PORTRAIT, view=faces.CELEBA_HQ_VIEW)
    return portraits, np.asarray(points)[:, :5]


def texture(random: np.random.Generator, height: int, width: int, *, falling: float = 1.0) -> np.ndarray:
    """Noise of seven octaves, gray and colored, uint8 [height, width, 3].

    The contrast of an octave is 1 / f^falling: 1 as in photographs, 0 gives all octaves the same.
    """
    total = np.zeros((height, width, 3))
    for octave in range(7):
        cells = 3 * 2**octave
        noise = random.normal(size=(cells, cells, 1)) + 0.4 * random.normal(size=(cells, cells, 3))
        noise = np.clip(128 + 42 * noise, 0, 255).astype(np.uint8)
        smooth = np.asarray(Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)) - 128.0
        total += smooth * 2.0 ** (-falling * octave)
    return np.clip(128 + 45 * total / total.std(), 0, 255).astype(np.uint8)


def scene(
    portraits: np.ndarray,
    points: np.ndarray,
    random: np.random.Generator,
    *,
    size=(360, 480),
    sides=(60, 200),
    falling=1.0,
) -> Scene:
    """All the portraits on one texture, apart from each other, of sides between `sides` pixels."""
    picture, placed, found = texture(random, *size, falling=falling), [], []
    for portrait, five in zip(portraits, points, strict=True):
        for _ in range(200):
            side = int(np.exp(random.uniform(*np.log(sides))))
            top, left = (int(random.integers(0, length - side + 1)) for length in size)
            if all(top >= t + s or t >= top + side or left >= x + s or x >= left + side for t, x, s in placed):
                break
        else:
            continue
        placed.append((top, left, side))
        small = Image.fromarray(portrait).resize((side, side), Image.Resampling.BICUBIC)
        picture[top : top + side, left : left + side] = small
        found.append((five + 0.5) * (side / PORTRAIT) - 0.5 + (left, top))
    return Scene(picture, found)


def matched(detected, known, *, within: float = 0.3) -> tuple[int, int]:
    """How many known faces were found, each by another face, and how many detected ones are none of them.

    A face is found where its points are on average within a share of the distance of the eyes.
    """
    left = list(detected)
    for five in known:
        errors = [np.linalg.norm(face.landmarks - five, axis=1).mean() for face in left]
        if errors and min(errors) <= within * np.linalg.norm(five[1] - five[0]):
            del left[int(np.argmin(errors))]
    return len(detected) - len(left), len(left)
