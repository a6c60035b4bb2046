"""Every config and variant: its fields are known, its sweep is one, and what a user writes wrongly is refused."""

import importlib
import math
import pathlib

import pytest

from configs import anonymizer_synthetic, arcface_synthetic, perface_r50, synthetic
from perface_jax import all_settings
from perface_jax.settings import flat
from perface_jax.training import builders, sweeps

ALL = [
    ("perface_r50", ""), ("perface_r50", "paper"), ("perface_r50", "d1"), ("perface_r50", "as_released"),
    ("perface_r50", "table3"),
    ("perface_r50", "margins"), ("perface_r50", "losses"), ("perface_r50", "batch_norm"), ("perface_r50", "smoke"),
    ("arcface_r50", ""), ("synthetic", ""), ("synthetic", "demo"), ("arcface_synthetic", ""),
    ("arcface_synthetic", "demo"), ("anonymizer_synthetic", ""), ("anonymizer_synthetic", "five"),
    ("anonymizer_synthetic", "no_regions"), ("anonymizer_synthetic", "celebamask_hq"),
]  # fmt: skip


def _config(name, variant):
    module = importlib.import_module(f"configs.{name}")
    return module.get_config(variant) if variant else module.get_config()


def test_no_config_is_left_out():
    files = pathlib.Path(perface_r50.__file__).parent.glob("*.py")
    assert {file.stem for file in files} - {"__init__"} == {name for name, _ in ALL}


@pytest.mark.parametrize(("name", "variant"), ALL)
def test_a_config_passes_its_own_checks(name, variant):
    config = _config(name, variant)
    all_settings.check(config)
    assert len(sweeps.replicas(config)) >= 1


@pytest.mark.parametrize(("variant", "replicas"), [("table3", 2 * 5 * 3), ("margins", 4 * 3), ("losses", 3 * 3)])
def test_a_sweep_has_a_replica_for_every_combination(variant, replicas):
    assert len(sweeps.replicas(perface_r50.get_config(variant))) == replicas


def test_the_papers_protocol_is_what_the_paper_states():
    config = perface_r50.get_config("paper")
    stated = {
        "model.arch": "r50", "model.embedding_size": 512, "labels": "unanimous", "min_votes": 3, "split.by": "ids",
        "loss": "cosine_triplet", "margin": 0.1, "batch_size": 32, "learning_rate": 0.01, "momentum": 0.9,
        "weight_decay": 5e-4, "optimizer.name": "sgd", "flip": False, "data.sources": 80, "data.targets": 80,
    }  # fmt: skip
    assert {name: flat(config.to_dict())[name] for name in stated} == stated


@pytest.mark.parametrize("module", [perface_r50, synthetic, arcface_synthetic, anonymizer_synthetic])
def test_an_unknown_variant_names_those_there_are(module):
    with pytest.raises(ValueError, match="unknown variant 'd3'.*it has: [df]"):
        module.get_config("d3")


def test_an_unknown_field_suggests_the_closest_and_a_missing_one_is_named():
    config = perface_r50.get_config()
    with config.unlocked():
        config.learnign_rate = 0.1
    with pytest.raises(ValueError, match=r"unknown fields of the config: learnign_rate \(close to it: learning_rate"):
        all_settings.check(config)
    config = perface_r50.get_config()
    with config.unlocked():
        del config.margin
    with pytest.raises(ValueError, match="the config lacks margin"):
        all_settings.check(config)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("fraction", 0.0, r"config.fraction is 0.0; wanted a share of the training triplets"),
        ("weight_decay", math.nan, "config.weight_decay is nan"),
        ("loss", "triplet", "config.loss is 'triplet'; wanted one of cosine_triplet, soft_vote, odd_one_out"),
        ("feed", "memory", "config.feed is 'memory'; wanted one of disk, on_device$"),
        ("clip_norm", -1.0, "config.clip_norm is -1.0; wanted at least 0"),
        ("anonymize.references", ("blurr",), "config.anonymize.references has 'blurr'; wanted some of blur, pixelate"),
        ("anonymize.retouch", ("makeup",), "config.anonymize.retouch has 'makeup'; wanted some of skin, light"),
        ("anonymize.band", (0.9, 0.1), r"config.anonymize.band is \(0.9, 0.1\); wanted two similarities"),
    ],
)
def test_values_out_of_range_are_refused(field, value, message):
    config = perface_r50.get_config()
    config.update_from_flattened_dict({field: value})
    with pytest.raises(ValueError, match=message):
        all_settings.check(config)


def test_the_values_of_a_sweep_are_checked_too():
    config = perface_r50.get_config()
    config.sweep.loss = ("cosine_triplet", "bogus")
    with pytest.raises(ValueError, match="config.loss is 'bogus'"):
        sweeps.replicas(config)


def test_a_sweep_over_what_identities_do_not_have_is_refused():
    config = arcface_synthetic.get_config()
    config.sweep.labels = ("unanimous", "majority")
    with pytest.raises(ValueError, match="varies labels, which this config does not have"):
        sweeps.replicas(config)


def test_momentum_is_swept_with_sgd_only():
    config = perface_r50.get_config()
    config.optimizer.name, config.sweep.momentum = "adamw", (0.8, 0.9)
    with pytest.raises(ValueError, match="config.sweep.momentum is for sgd"):
        builders.optimizer(config, {}, 10)
