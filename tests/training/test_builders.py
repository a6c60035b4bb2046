"""A config's data and model: what fits, and what is refused."""

import dataclasses

import jax
import numpy as np
import pytest

from perface_jax.annotations import Setting
from perface_jax.evaluation import divisions
from perface_jax.network.model import iresnet
from perface_jax.training import builders
from tests.golden import formula
from tests.releases import write_table


def test_training_takes_the_labels_asked_for_and_evaluation_the_unanimous_ones(config):
    d2 = builders.divide(builders.open_triplets(config), config)
    config.labels = "majority"
    d1 = builders.divide(builders.open_triplets(config), config)
    assert len(d1.training) == 36
    assert len(d2.training) == len(d2.settings["train"]) == len(d1.settings["train"])
    source_id = d2.triplets.source_id
    assert set(d1.training) - set(d2.training) == set(d1.training[source_id[d1.training] >= 8])
    np.testing.assert_array_equal(d2.labels[d2.training], source_id[d2.training] % 2)


def test_ties_are_trained_on_where_the_loss_takes_votes_on_both_sides(config):
    triplets = builders.open_triplets(config)
    votes = triplets.votes.copy()
    votes[:, 2] = -1
    votes[:50] = (0, 1, -1)
    votes[99] = -1
    triplets = dataclasses.replace(triplets, votes=votes)
    config.labels, config.loss, config.min_votes, config.split.by = "votes", "soft_vote", 2, "triplets"
    data = builders.divide(triplets, config)
    rows = data.split.rows["train"]
    np.testing.assert_array_equal(data.training, rows[rows != 99])
    assert (data.training_labels[:50] == 0).all()
    assert (data.labels[:50] == -1).all()
    config.loss = "cosine_triplet"
    with pytest.raises(ValueError, match="trains on ties, too, and config.loss=cosine_triplet needs one answer"):
        builders.divide(triplets, config)


def test_validation_sources_are_shown_on_all_non_test_targets_and_training_stays_as_it_was(config):
    triplets = builders.open_triplets(config)
    now = builders.divide(triplets, config)
    config.split.validation = "both_unseen"
    before = builders.divide(triplets, config)
    assert (len(now.split.rows["validation"]), len(before.split.rows["validation"])) == (2 * 8, 2 * 2)
    np.testing.assert_array_equal(now.training, before.training)
    for setting in ("i", "ii", "iii"):
        np.testing.assert_array_equal(now.split.rows[setting], before.split.rows[setting])


@pytest.fixture
def authors(config, tmp_path):
    """A split file that puts sources on both sides, named in the config, and a function that changes it."""
    settings = ["train"] * 60 + ["validation"] * 8 + ["i"] * 12 + ["test"] * 10

    def write(settings):
        write_table(tmp_path / "authors.csv", "tripletId,setting", [f"t{i:04d}" for i in range(90)], settings)

    write(settings)
    config.split.by, config.split.file = "file", str(tmp_path / "authors.csv")
    return settings, write


def test_a_split_from_a_file_is_taken_as_it_is_and_its_overlaps_are_counted(config, authors):
    data = builders.divide(builders.open_triplets(config), config)
    assert [len(data.split.rows[name]) for name in ("train", "validation", "i", "test")] == [60, 8, 12, 10]
    assert data.split.unused == 10
    source_id, target_id = data.triplets.source_id, data.triplets.target_id
    of_i, of_train = slice(68, 80), slice(0, 60)
    sources, targets = set(source_id[of_i]), set(target_id[of_i])
    seen = len(sources & set(source_id[of_train])), len(targets & set(target_id[of_train]))
    wanted = f"{seen[0]} of {len(sources)} sources, {seen[1]} of {len(targets)} targets"
    assert divisions.seen_in_training(data, Setting.BOTH_UNSEEN) == wanted
    assert seen[0] == 10
    first, second = divisions.notes(data)
    assert first == ("The triplets are divided by authors.csv: train 60, validation 8, i 12, test 10, unused 10.")
    assert f"in i {wanted}" in second


def test_a_split_from_a_file_needs_no_ids(config, authors):
    config.data.order, config.data.repair = "unknown", "none"
    data = builders.divide(builders.open_triplets(config), config)
    assert len(data.training) > 40
    assert divisions.seen_in_training(data, Setting.BOTH_UNSEEN) == "unknown"
    assert "Sources and targets are unknown" in " ".join(divisions.notes(data))
    assert "not compared, and none was repaired: the order of the pictures is unknown" in divisions.notes(data)[-1]
    config.split.by, config.split.file = "ids", ""
    with pytest.raises(ValueError, match="source_id has the id -1, which means unknown.*a file of ids"):
        builders.divide(builders.open_triplets(config), config)


def test_what_a_split_from_a_file_cannot_do_is_refused(config, authors):
    settings, write = authors
    triplets = builders.open_triplets(config)
    for field, value, words in [
        ("fold", 1, "config.split.fold is 1; a split by file has no folds"),
        ("seed", 1, "config.split.seed is 1; a split from a file is not drawn"),
        ("file", "", "config.split.by is file and config.split.file ''; wanted split.by=file and the path"),
        ("by", "ids", "config.split.by is ids and config.split.file '.*authors.csv'; wanted"),
    ]:
        broken = config.copy_and_resolve_references()
        broken.split[field] = value
        with pytest.raises(ValueError, match=words):
            builders.divide(triplets, broken)
    write(["train"] * 4 + ["ii"] * 56 + settings[60:])
    with pytest.raises(ValueError, match="training triplets have a unanimous label, fewer than one batch of 8"):
        builders.divide(triplets, config)
    write(["train"] * 68 + settings[68:])
    with pytest.raises(ValueError, match="no validation triplet .* of 3 votes; .*config.export=last, which needs none"):
        builders.divide(triplets, config)
    config.export = "last"
    assert len(builders.divide(triplets, config).settings["validation"]) == 0
    config.export = "best"
    write(["test"] * 90)
    with pytest.raises(ValueError, match="no triplet of the data set has the setting train"):
        builders.divide(triplets, config)
    evaluated = builders.divide(triplets, config, training=False)
    assert (len(evaluated.training), len(evaluated.split.rows["test"])) == (0, 90)


def test_a_file_of_ids_takes_the_place_of_order_and_grid(config, tmp_path):
    names = [f"t{i:04d}" for i in range(100)]
    people = [f"person {i % 9}" for i in range(100)]
    config.data.ids = str(write_table(tmp_path / "ids.csv", "tripletId,source,target", names, people, [7] * 100))
    config.split.sources, config.split.targets, config.export = (6, 1, 2), (1, 0, 0), "last"
    triplets = builders.open_triplets(config)
    assert triplets.metadata["order"]["source_names"] == [f"person {i}" for i in range(9)]
    data = builders.divide(triplets, config)
    assert {len(set(triplets.source_id[data.split.rows[name]])) for name in ("train", "iii")} == {6, 2}


def test_min_votes_decides_what_unanimous_means(config):
    triplets = builders.open_triplets(config)
    votes = np.array(triplets.votes)
    votes[:, 2] = -1
    two = dataclasses.replace(triplets, votes=votes)
    config.labels = "majority"
    with pytest.raises(ValueError, match="no validation triplet has a unanimous label of 3 votes"):
        builders.divide(two, config)
    config.min_votes = 2
    assert (builders.divide(two, config).labels >= 0).all()


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
    with pytest.raises(FileNotFoundError, match="perface convert"):
        builders.starting_point(config)
