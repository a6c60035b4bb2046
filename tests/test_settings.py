"""A config is what its tables of fields say, and what they do not say is refused."""

import pytest

from perface_jax import settings
from perface_jax.settings import Field

FIELDS = (
    Field("task", "triplets", "what is learned"),
    Field("steps", 3, "how many", settings.POSITIVE),
    Field("data.parts", ("a",), "which", settings.some_of(("a", "b")), tasks=("triplets",)),
    Field("data.band", (0.0, 1.0), "from, to", settings.interval("shares", 0, 1)),
    Field("how", "new", "which way", settings.one_of(("new", "other"), former=("old",)), tasks=("identities",)),
    Field("options", {}, "of something else, by its own names"),
)


def test_a_new_config_has_the_defaults_of_its_task_and_no_other_name():
    config = settings.default(FIELDS, "triplets")
    assert config.to_dict() == {
        "task": "triplets",
        "steps": 3,
        "data": {"parts": ("a",), "band": (0.0, 1.0)},
        "options": {},
    }
    assert settings.default(FIELDS, "identities").how == "new"
    with pytest.raises(AttributeError, match='Did you mean "steps"'):
        config.stepz = 4
    settings.check(config, FIELDS)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("task", "people", "config.task is 'people'; wanted one of triplets, identities"),
        ("steps", 0, "config.steps is 0; wanted more than 0"),
        ("data.parts", ("a", "c", "d"), "config.data.parts has 'c', 'd'; wanted some of a, b"),
        ("data.band", (0.7, 0.3), r"config.data.band is \(0.7, 0.3\); wanted two shares, 0 <= low <= high <= 1"),
        ("data.band", (0.7,), "config.data.band is"),
    ],
)
def test_a_wrong_value_is_refused_with_what_was_wanted(field, value, message):
    config = settings.default(FIELDS, "triplets")
    config.update_from_flattened_dict({field: value})
    with pytest.raises(ValueError, match=message):
        settings.check(config, FIELDS)


def test_a_former_value_is_accepted_and_not_advertised():
    config = settings.default(FIELDS, "identities")
    config.how = "old"
    settings.check(config, FIELDS)
    config.how = "older"
    with pytest.raises(ValueError, match="wanted one of new, other$"):
        settings.check(config, FIELDS)


def test_missing_fields_and_unknown_ones_are_named_and_an_open_group_takes_any():
    config = settings.default(FIELDS, "triplets")
    with config.unlocked():
        config.options.b1, config.data.pats, config.how = 0.9, (), "new"
        del config.steps
    with pytest.raises(ValueError, match=r"unknown .*: data.pats \(close to it: data.parts.*\); how \(close"):
        settings.refuse_unknown(config, FIELDS)
    with pytest.raises(ValueError, match="the config lacks steps; `perface config`"):
        settings.check(config, FIELDS)


def test_nested_and_flat_are_inverse():
    flat = {"a": 1, "b.c": 2, "b.d.e": ()}
    assert settings.nested(flat) == {"a": 1, "b": {"c": 2, "d": {"e": ()}}}
    assert settings.flat(settings.nested(flat)) == flat
