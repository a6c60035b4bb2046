"""Config fields, and configs that are built from tables of fields and checked against them.

Training, evaluation and anonymization each declare a table; `perface config` prints all three.
"""

import dataclasses
import difflib
import enum
import functools
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from flax import traverse_util
from ml_collections import ConfigDict

TASKS = ("triplets", "identities", "anonymizer")
EMBEDDING = TASKS[:2]  # the tasks that train an embedding


class Change(enum.Enum):
    """Whether a field may differ between two starts of one run."""

    REFUSED = "fixed for a run"  # it changes the result
    FREE = "may change"  # paths, devices, logging: may change
    LONGER = "may grow under a constant schedule"


class Check(NamedTuple):
    """Which values a field takes."""

    wanted: str  # completes "config.margin is 3; wanted ..."
    holds: Callable[[Any], bool]
    each: bool = False  # `holds` is asked for every element of the value

    def fault(self, value: Any) -> str:
        """What is wrong with a value, as a predicate; "" if nothing is."""
        if not self.each:
            return "" if self._is_held(value) else f"is {value!r}; wanted {self.wanted}"
        wrong = ", ".join(repr(one) for one in value if not self._is_held(one))
        return f"has {wrong}; wanted {self.wanted}" if wrong else ""

    def _is_held(self, value: Any) -> bool:
        try:
            return self.holds(value)
        except TypeError:  # text or nothing, where a number is wanted
            return False


ABSENT = object()
ANYTHING = Check("", lambda value: True)
POSITIVE = Check("more than 0", lambda value: value > 0)
AT_LEAST_0 = Check("at least 0", lambda value: 0 <= value < math.inf)


def one_of(choices: Collection[str], *, former: Sequence[str] = ()) -> Check:
    """One of these values; `former` ones are accepted but not advertised."""
    return Check(f"one of {', '.join(choices)}", lambda value: value in (*choices, *former))


def some_of(choices: Sequence[str]) -> Check:
    """Any number of these values."""
    return Check(f"some of {', '.join(choices)}", lambda value: value in choices, each=True)


def interval(what: str, low: float, high: float) -> Check:
    """Two numbers, `low <= first <= second <= high`."""
    wanted = f"two {what}, {low} <= low <= high <= {high}"
    return Check(wanted, lambda value: len(value) == 2 and low <= value[0] <= value[1] <= high)


@dataclasses.dataclass(frozen=True)
class Field:
    """One config field. If the default is a mapping, the field is an open group: any name is allowed below it."""

    name: str  # dotted, as in `--config.NAME=VALUE`
    default: Any  # in a new config; every other value must have its type
    meaning: str  # one line
    check: Check = ANYTHING
    change: Change = Change.REFUSED
    swept: bool = False  # whether the runs of one sweep may differ in it
    tasks: tuple[str, ...] = TASKS  # the tasks whose configs have it

    def covers(self, name: str) -> bool:
        """Whether a dotted name is this field, or belongs to this open group."""
        return name == self.name or (isinstance(self.default, Mapping) and name.startswith(f"{self.name}."))


triplets_only = functools.partial(Field, tasks=("triplets",))
identities_only = functools.partial(Field, tasks=("identities",))
anonymizer_only = functools.partial(Field, tasks=("anonymizer",))
embedding_only = functools.partial(Field, tasks=EMBEDDING)


def default(fields: Sequence[Field], task: str) -> ConfigDict:
    """The config of a task with every field at its default; locked, so unknown names cannot be set."""
    values = {field.name: field.default for field in fields if task in field.tasks}
    return ConfigDict(nested(values | {"task": task})).lock()


def check(config: ConfigDict, fields: Sequence[Field]) -> None:
    """Raise a ValueError if one of these fields is missing or wrong; fields of other tables are ignored."""
    values = config.to_dict()
    if (task := values.get("task")) not in TASKS:
        raise ValueError(f"config.task is {task!r}; wanted one of {', '.join(TASKS)}")
    mine = [field for field in fields if task in field.tasks]
    found = {field.name: _get(values, field.name) for field in mine}
    if missing := sorted(name for name, value in found.items() if value is ABSENT):
        raise ValueError(f"the config lacks {', '.join(missing)}; `perface config` says what each field means")
    for field in mine:
        if fault := field.check.fault(found[field.name]):
            raise ValueError(f"config.{field.name} {fault}")


def refuse_unknown(config: ConfigDict, fields: Sequence[Field]) -> None:
    """Raise a ValueError that lists the unknown names, each with the closest known ones."""
    mine = [field for field in fields if config.get("task") in field.tasks]
    names = [field.name for field in mine]
    unknown = [name for name in flat(config.to_dict()) if not any(field.covers(name) for field in mine)]
    if unknown:
        close = [", ".join(difflib.get_close_matches(name, names)) or "none" for name in unknown]
        listed = "; ".join(f"{name} (close to it: {near})" for name, near in zip(unknown, close, strict=True))
        raise ValueError(f"unknown fields of the config: {listed}")


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Nested values by dotted name; an empty mapping has no name."""
    return traverse_util.flatten_dict(dict(values), sep=".")


def nested(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `flat`."""
    return traverse_util.unflatten_dict(dict(fields), sep=".")


def _get(values, dotted):
    for name in dotted.split("."):
        values = values.get(name, ABSENT) if isinstance(values, Mapping) else ABSENT
    return values
