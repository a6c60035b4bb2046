"""Masks of annotators through the whole training: who has them, what is written, and what is refused."""

import functools

import jax
import numpy as np
import pytest

from perface_jax import annotator_masks, evaluator, parallel
from perface_jax.network.model_folder import load_model
from perface_jax.training import annotators, builders, sweeps, trainer
from tests.small_long_form import LONG_FORM_PEOPLE
from tests.small_release import config_of


@pytest.fixture(autouse=True)
def one_device(monkeypatch):
    monkeypatch.setattr(parallel, "make_mesh", functools.partial(parallel.make_mesh, devices=jax.devices()[:1]))


@pytest.fixture
def long_form_config(long_form, start):
    config = config_of(long_form, start)
    config.labels, config.loss, config.min_votes = "majority", "annotator_votes", 2
    config.export, config.tensorboard = "last", False
    return config


def test_a_run_writes_the_masks_of_those_who_voted_in_training_beside_its_model(long_form_config, tmp_path):
    [folder] = trainer.train(long_form_config, tmp_path / "run")
    assert_masks(folder, long_form_config)
    _, variables = load_model(folder)  # without the masks
    assert "annotators" not in variables["params"]


@pytest.mark.slow  # the test before it has one run
def test_in_a_sweep_only_the_models_of_this_loss_have_masks(long_form_config, tmp_path):
    config = long_form_config
    config.feed, config.sweep.loss = "on_device", ("soft_vote", "annotator_votes")
    plain, masked = trainer.train(config, tmp_path / "run")
    assert annotator_masks.read(plain) is None
    assert_masks(masked, sweeps.replicas(config)[1].config)
    report = evaluator.evaluate(evaluator.open_run(config, tmp_path / "run"))
    found = {section.title: section for section in report.sections}
    masks = found["Masks of annotators"].rows
    settings = {row.setting for row in masks}
    assert {(row.first, row.second) for row in masks} == {
        ("after loss=annotator_votes", "the same network without masks"),
        ("after loss=annotator_votes", "after loss=soft_vote"),
    }
    assert len(masks) == 4 * len(settings)
    for row in masks:
        assert 0 < row.votes == 3 * row.triplets  # everybody has training votes
    assert [row.model for row in found["Do annotators differ?"].rows] == [
        "after loss=soft_vote", "after loss=soft_vote", "after loss=soft_vote",
        "after loss=annotator_votes", "after loss=annotator_votes", "after loss=annotator_votes",
    ]  # fmt: skip


def assert_masks(folder, config):
    masks = annotator_masks.read(folder)
    triplets = annotators.named(builders.open_triplets(config), config)
    data = builders.divide(triplets, config)
    assert (masks.names, set(masks.names)) == (triplets.annotators, set(LONG_FORM_PEOPLE))
    for who, votes in enumerate(masks.votes):
        own = (triplets.annotator == who) & (triplets.votes >= 0)
        assert votes == own[data.training].sum() > 0
    assert masks.logits.shape == (len(LONG_FORM_PEOPLE), 16)
    assert (np.abs(masks.logits).max(axis=1) > 0).all()


def test_the_release_has_no_masks_because_nobody_knows_who_voted(config, tmp_path):
    config.loss = "annotator_votes"
    with pytest.raises(
        ValueError, match=r"does not say who gave which vote; a column \(ans1, ans2, ans3\) is not a per"
    ):
        trainer.train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_frozen_masks_are_refused(long_form_config, tmp_path):
    long_form_config.rules = (("fc/.*", 1.0), (".*", "frozen"))
    with pytest.raises(ValueError, match=r"config.rules freezes the masks .*put \('annotators', 1.0\) first"):
        trainer.train(long_form_config, tmp_path / "run")


def test_the_prior_is_shared_by_all_training_votes(long_form_config):
    given = np.array([[3, 5], [2, 6]])
    assert annotators.prior(long_form_config, given) == pytest.approx(1 / (0.5**2 * 8))
    assert annotators.prior(long_form_config, None) == 0
