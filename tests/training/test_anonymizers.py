"""The training of a learned anonymizer, from config to folder."""

import jax
import numpy as np
import pytest
from PIL import Image

from configs import anonymizer_synthetic
from perface_jax import generator, parallel
from perface_jax.landmarks import GENERIC
from perface_jax.training import anonymizers, trainer
from perface_jax.training.sweeps import Replica


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twelve faces of noise with landmarks."""
    folder, random = tmp_path_factory.mktemp("faces"), np.random.default_rng(0)
    (folder / "pictures").mkdir()
    for name in range(12):
        Image.fromarray(random.integers(0, 256, (32, 32, 3), np.uint8)).save(folder / "pictures" / f"{name}.png")
    points = GENERIC[:, :2] * 8 + (15.5, 14.6) + random.normal(scale=0.2, size=(12, 59, 2))
    np.savez(folder / "points.npz", names=[str(name) for name in range(12)], landmarks=points)
    return folder


@pytest.fixture
def config(folder):
    config = anonymizer_synthetic.get_config("five")
    config.data.folder, config.data.landmarks = str(folder / "pictures"), str(folder / "points.npz")
    config.data.held_out = 4
    config.generator.recognizer, config.generator.privacy = "", 0.0
    config.model.image_size, config.model.width = 16, 1
    config.batch_size = config.evaluation_batch_size = 4
    config.max_steps, config.log_every, config.tensorboard = 2, 1, False
    return config


def test_pictures_and_landmarks_are_mirrored_together(config):
    mesh = parallel.make_mesh(1, devices=jax.devices()[:1])
    inputs = anonymizers.FacesOnHost([Replica("", {}, config)], mesh)
    drawn = {name: np.asarray(array)[0, 0] for name, array in inputs.training(0, 1).items()}
    faces = anonymizers.read_faces(config)
    for picture, points in zip(drawn["images"][:, 0], drawn["landmarks"], strict=True):
        [place] = [i for i, one in enumerate(faces.images) if _same(one, picture)]
        mirrored = not np.array_equal(faces.images[place], picture)
        left = faces.landmarks[place, 1 if mirrored else 0, 0]
        np.testing.assert_allclose(points[0, 0], 15 - left if mirrored else left, atol=1e-4)
    assert [*inputs.epochs] == [2]


def _same(face, picture):
    return np.array_equal(face, picture) or np.array_equal(face[:, ::-1], picture)


def test_a_term_without_its_model_and_too_few_faces_are_refused(config):
    config.data.held_out = 10
    with pytest.raises(ValueError, match="has 12 faces that can be used; wanted a batch of 4 and 10 to validate on"):
        anonymizers.divide(12, config)
    config.generator.privacy = 1.0
    with pytest.raises(ValueError, match="config.generator.privacy is 1.0 and config.generator.recognizer is empty"):
        anonymizers.starting_point(config)


@pytest.mark.slow
def test_a_run_ends_in_a_folder_that_another_run_starts_from(config, tmp_path):
    with jax.numpy_dtype_promotion("standard"):  # optax raises a number to the power of its step
        [model] = trainer.train(config, tmp_path / "run")
    made, variables = generator.load(model)
    assert (made.size, made.width, made.points.value) == (16, 1, "five")
    start = anonymizers.starting_point(config)[1]["params"]["generator"]
    assert any((a != b).any() for a, b in zip(*map(jax.tree.leaves, (start, variables["generator"])), strict=True))
    config.init = str(model)
    given = anonymizers.starting_point(config)[1]["params"]["generator"]
    jax.tree.map(np.testing.assert_array_equal, given, variables["generator"])
    config.generator.landmarks = "dense"
    with pytest.raises(ValueError, match="set them alike"):
        anonymizers.starting_point(config)
