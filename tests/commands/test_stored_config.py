"""The config that a workdir recorded is the config that the run was started with."""

import json

import pytest

from configs import arcface_synthetic, perface_r50
from perface_jax.commands import evaluate, stored_config
from perface_jax.training import config_schema, workdir


@pytest.mark.parametrize("variant", ["", "table3", "paper", "batch_norm"])
def test_a_config_comes_back_as_it_was_recorded(variant, tmp_path):
    config = perface_r50.get_config(variant)
    config.optimizer.options, config.rules = {"b1": 0.8}, (("fc/.*", "frozen"), (".*", 1.0))
    workdir.claim(tmp_path, workdir.record(config))
    read = stored_config.read(str(tmp_path))
    assert read.to_dict() == config.to_dict()
    assert read.is_locked
    assert workdir.refuse_other_run(tmp_path, workdir.record(read)) == {}


def test_a_recognizer_has_a_config_of_its_own_task(tmp_path):
    config = arcface_synthetic.get_config()
    workdir.claim(tmp_path, workdir.record(config))
    assert stored_config.read(str(tmp_path)).to_dict() == config.to_dict()


def test_the_record_of_an_older_version_is_completed_with_what_it_did_and_digests_are_no_fields(tmp_path):
    (tmp_path / "split.csv").write_text("tripletId,setting\nt0000,train\n")
    config = perface_r50.get_config()
    config.split.by, config.split.file = "file", str(tmp_path / "split.csv")
    old = workdir.record(config)
    del old["min_votes"], old["split"]["validation"], old["comparisons"], old["groups"]["equalize"]
    workdir.claim(tmp_path / "run", old | {"of_another_version": 1})
    read = stored_config.read(str(tmp_path / "run"))
    assert (read.min_votes, read.split.validation) == (2, "both_unseen")
    assert read.comparisons == perface_r50.get_config().comparisons
    assert "of_another_version" not in read
    assert "file_sha256" not in read.split
    assert workdir.refuse_other_run(tmp_path / "run", workdir.record(read)) == {}


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (None, FileNotFoundError, "holds no run: there is no .*config.json; wanted the --workdir of a training"),
        ("{", ValueError, "config.json is damaged .*; wanted the config of the run as JSON"),
        ("[]", ValueError, "config.json is damaged: it holds no object"),
        ('{"task": "cats"}', ValueError, "has the task 'cats'; wanted one of triplets, identities"),
        (
            json.dumps({"task": "triplets", "margin": "wide"}),
            ValueError,
            "damaged: margin is 'wide', a value of another kind",
        ),
    ],
)
def test_what_is_no_record_of_a_run_is_named(text, error, message, tmp_path):
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    with pytest.raises(error, match=message):
        stored_config.read(str(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--workdir=runs/a", "--config.margin=1", "--parts=embed"], "runs/a"),
        (["-workdir", "runs/a", "--nodistributed"], "runs/a"),
        (["--workdir=runs/a", "--config=perface_r50"], ""),
        (["--config", "perface_r50", "--workdir=runs/a"], ""),
        (["--embeddings=mine.npz"], ""),
        (["--workdir"], ""),
    ],
)
def test_the_stored_config_is_wanted_where_a_run_is_given_and_no_config(arguments, found):
    assert evaluate.run_without_config(arguments) == found


def test_the_paths_that_may_be_given_again_in_an_evaluation_are_fields():
    assert set(config_schema.MOVED) <= {field.name for field in config_schema.FIELDS}
