"""The comparison of learned anonymizers: landmarks found in pictures, and differences between results of one person."""

import jax
import numpy as np
import pytest

from benchmarks import learned_anonymizer
from perface_jax.datasets.portraits import Portraits
from perface_jax.synthetic import faces, world


@pytest.fixture(scope="module")
def drawn():
    source, target = world.create_people(0, 8)
    pictures = faces.render(source.faces, target.faces, faces.natural(8), size=learned_anonymizer.SIZE)
    points = np.asarray(faces.landmarks(source.faces, target.faces, size=learned_anonymizer.SIZE), np.float32)
    nothing = np.zeros((8, 3)), np.full((8, 2), learned_anonymizer.SIZE)
    return Portraits(tuple("abcdefgh"), np.asarray(pictures), points, True, *nothing)


@pytest.mark.slow
def test_the_landmark_network_finds_the_landmarks_that_it_was_trained_on(drawn):
    with jax.numpy_dtype_promotion("standard"):  # optax
        find = learned_anonymizer.train(drawn, steps=150)
    error = np.linalg.norm(np.asarray(find(drawn.images)) - drawn.landmarks, axis=-1).mean()
    assert error < 1.0  # pixels


def test_runs_are_compared_on_the_same_people():
    values = {name: {"mouth": np.arange(5.0) + shift} for name, shift in (("dense", 0), ("five", 2))}
    found = learned_anonymizer.differences(values)
    assert found.keys() == {"five - dense"}
    assert learned_anonymizer.row("five - dense", found["five - dense"]) == {"name": "five - dense", "mouth": [2, 2, 2]}
