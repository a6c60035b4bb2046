"""Which runs a sweep stands for, under which names, and what cannot be swept."""

import pytest
from ml_collections import ConfigDict

from configs import arcface_synthetic, perface_r50
from perface_jax.training import config_schema, sweeps


@pytest.fixture
def config():
    return perface_r50.get_config("smoke")


def test_without_a_sweep_there_is_one_run_without_a_name(config):
    [replica] = sweeps.replicas(config)
    assert (replica.name, replica.values, replica.cell, replica.seed) == ("", {}, "", ())
    assert replica.config == config


def test_a_grid_is_every_combination_and_names_say_which(config):
    config.sweep.margin, config.sweep.seed = (0.1, 0.2), (0, 7)
    names = {replica.name: replica.config for replica in sweeps.replicas(config)}
    assert sorted(names) == ["margin=0.1,seed=0", "margin=0.1,seed=7", "margin=0.2,seed=0", "margin=0.2,seed=7"]
    for name, single in names.items():
        assert f"margin={single.margin},seed={single.seed}" == name
        assert single.sweep == ConfigDict(config_schema.UNSWEPT).lock()
        assert single.learning_rate == config.learning_rate
    assert (config.margin, config.seed) == (0.1, 0)


def test_a_list_takes_the_values_of_all_fields_together(config):
    config.sweep.combine = "list"
    config.sweep.loss, config.sweep.temperature = ("soft_vote", "odd_one_out"), (0.1, 0.5)
    pairs = [(replica.config.loss, replica.config.temperature) for replica in sweeps.replicas(config)]
    assert pairs == [("soft_vote", 0.1), ("odd_one_out", 0.5)]


def test_an_empty_list_is_one_run(config):
    config.sweep.combine = "list"
    assert [replica.name for replica in sweeps.replicas(config)] == [""]


def test_a_field_of_a_group_keeps_its_dotted_name(config):
    config.sweep.split.fold = (0, 3)
    assert [(one.name, one.config.split.fold) for one in sweeps.replicas(config)] == [
        ("split.fold=0", 0),
        ("split.fold=3", 3),
    ]


def test_a_cell_is_a_run_without_its_repetitions(config):
    config.sweep.labels, config.sweep.seed, config.sweep.split.fold = ("majority",), (5,), (2,)
    [replica] = sweeps.replicas(config)
    assert replica.name == "labels=majority,seed=5,split.fold=2"
    assert (replica.cell, replica.seed) == ("labels=majority", (5,))


def test_a_whole_number_for_a_field_of_fractions_is_one(config):
    config.sweep.weight_decay = (0, 1)
    values = [replica.config.weight_decay for replica in sweeps.replicas(config)]
    assert values == [0, 1]
    assert all(isinstance(value, float) for value in values)


def test_fields_that_change_shapes_are_refused_with_the_reason(config):
    with config.unlocked():
        config.sweep.batch_size, config.sweep.model = (8, 16), {"width": (4, 8)}
    message = r"batch_size, model.width cannot be swept. All runs of a sweep are one program.*shapes.*: seed, labels"
    with pytest.raises(ValueError, match=message):
        sweeps.replicas(config)


def test_a_field_that_the_config_does_not_have_is_refused():
    config = arcface_synthetic.get_config()
    config.sweep.loss, config.sweep.split.fold, config.sweep.seed = ("soft_vote",), (0, 1), (0, 1)
    with pytest.raises(ValueError, match="varies loss, split.fold, which this config does not have"):
        sweeps.replicas(config)


def test_a_run_twice_is_refused_and_named(config):
    config.sweep.seed = (1, 2, 1)
    with pytest.raises(ValueError, match="the sweep has seed=1 more than once"):
        sweeps.replicas(config)


def test_lists_of_different_lengths_are_refused_with_their_lengths(config):
    config.sweep.combine, config.sweep.seed, config.sweep.margin = "list", (1, 2), (0.1,)
    with pytest.raises(ValueError, match=r"\{'margin': 1, 'seed': 2\} values; wanted equally many"):
        sweeps.replicas(config)


def test_another_way_to_combine_and_a_bare_value_are_refused(config):
    config.sweep.combine = "all"
    with pytest.raises(ValueError, match="combine is 'all'; wanted grid or list"):
        sweeps.replicas(config)
    config = perface_r50.get_config()
    with config.sweep.ignore_type():
        config.sweep.margin = 0.2
    with pytest.raises(ValueError, match=r"margin is 0.2; wanted the values to try, as \(0.2,\)"):
        sweeps.replicas(config)


def test_a_value_of_another_type_is_refused(config):
    for field in ("seed", "margin"):
        config.sweep = ConfigDict(config_schema.UNSWEPT)
        config.sweep[field] = ("much",)
        with pytest.raises(ValueError, match=f"a value of another kind than the field: {field} = 'much'"):
            sweeps.replicas(config)


@pytest.mark.parametrize(
    ("field", "right", "wrong"),
    [
        ("labels", "majority", "unanimos"),
        ("fraction", 0.5, 1.5),
        ("loss", "soft_vote", "hinge"),
        ("weight_decay", 0.0, -1.0),
    ],
)
def test_a_wrong_value_is_refused_in_the_field_and_in_the_sweep_whether_the_other_is_right_or_not(
    config, field, right, wrong
):
    for value, swept in ((wrong, ()), (wrong, (right,)), (right, (wrong,)), (right, (right, wrong))):
        config[field], config.sweep[field] = value, swept
        with pytest.raises(ValueError, match=f"config.{field} is {wrong!r}; wanted "):
            sweeps.replicas(config)
    config[field], config.sweep[field] = right, (right,)
    assert len(sweeps.replicas(config)) == 1
