"""Fixtures of all tests: a release of 100 small triplets, a thin model to start from, and the config of a run."""

import numpy as np
import pytest

from perface_jax import annotations
from perface_jax.network.model import iresnet
from perface_jax.network.model_folder import save_model
from tests.golden import formula
from tests.releases import write_release

SOURCES = TARGETS = 10
LAYERS = (1, 0, 0, 0)


@pytest.fixture(scope="session")
def release(tmp_path_factory):
    """100 small triplets; sources 0 to 7 are unanimous, 8 and 9 are two to one."""
    source_id, _ = annotations.cells("group_major", SOURCES, TARGETS, block=10)
    first = (source_id % 2)[:, None]
    votes = np.concatenate([first, first, np.where(source_id[:, None] < 8, first, 1 - first)], axis=1)
    folder = tmp_path_factory.mktemp("user") / "release"
    return write_release(folder, sources=SOURCES, targets=TARGETS, block=10, size=32, votes=votes)


@pytest.fixture(scope="session")
def start(tmp_path_factory):
    """A model folder to start from: faster than compiling random weights."""
    folder = tmp_path_factory.mktemp("models") / "start"
    model = iresnet(layers=LAYERS, width=4, image_size=32, embedding_size=16)
    save_model(folder, model, formula.variables(model))
    return folder


@pytest.fixture
def config(release, start):
    return config_of(release, start)


def config_of(release, start):
    """The config of a run of two steps; the data set of a release is built once."""
    from configs import perface_r50  # the core is tested without ml_collections

    config = perface_r50.get_config("smoke")
    config.init, config.model.layers = str(start), LAYERS
    config.model.width, config.model.embedding_size = 4, 16
    config.data.release, config.data.data_dir = str(release), str(release.parent / "tfds")
    config.data.sources, config.data.targets = SOURCES, TARGETS
    config.split.sources = config.split.targets = (6, 2, 2)
    return config
