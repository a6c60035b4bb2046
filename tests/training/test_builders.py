"""A config's data and model: what fits, and what is refused."""

import jax
import numpy as np
import pytest

from perface_jax.network.model import iresnet
from perface_jax.training import builders
from tests.golden import formula


def test_training_takes_the_labels_asked_for_and_evaluation_the_unanimous_ones(config):
    d2 = builders.divide(builders.open_triplets(config), config)
    config.labels = "majority"
    d1 = builders.divide(builders.open_triplets(config), config)
    assert len(d1.training) == 36
    assert len(d2.training) == len(d2.settings["train"]) == len(d1.settings["train"])
    source_id = d2.triplets.source_id
    assert set(d1.training) - set(d2.training) == set(d1.training[source_id[d1.training] >= 8])
    np.testing.assert_array_equal(d2.labels[d2.training], source_id[d2.training] % 2)


def test_too_few_triplets_for_a_batch_is_refused_with_both_numbers(config):
    config.batch_size = 64
    with pytest.raises(ValueError, match="training triplets have a unanimous label, fewer than one batch of 64"):
        builders.divide(builders.open_triplets(config), config)


def test_a_release_that_is_not_there_says_what_was_expected(config, tmp_path):
    config.data.release = str(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"nowhere.*triplet_answers\.csv"):
        builders.divide(builders.open_triplets(config), config)


def test_training_starts_from_a_model_folder_with_the_configs_dtype(config):
    config.model.dtype, config.model.remat, config.model.kernels = "bfloat16", True, "xla"
    started, loaded = builders.starting_point(config)
    assert started == iresnet(**{**config.model, "arch": "r18", "dtype": np.dtype("bfloat16")})
    jax.tree.map(np.testing.assert_array_equal, loaded, formula.variables(started))

    config.model.width = 8
    with pytest.raises(ValueError, match=r"- width = 4\n\+ width = 8"):
        builders.starting_point(config)


def test_without_a_folder_training_starts_from_random_weights_of_the_seed(config):
    config.init = ""
    one, again = builders.starting_point(config)[1], builders.starting_point(config)[1]
    config.seed = 1
    other = builders.starting_point(config)[1]
    jax.tree.map(np.testing.assert_array_equal, one, again)
    assert np.abs(one["params"]["fc"]["kernel"] - other["params"]["fc"]["kernel"]).max() > 0.01


def test_a_missing_model_folder_says_how_to_make_one(config):
    config.init = "nowhere"
    with pytest.raises(FileNotFoundError, match=r"converters\.arcface_torch"):
        builders.starting_point(config)
