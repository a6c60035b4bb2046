"""A sweep: the runs that one program trains, each with its own config.

`config.sweep` has every field that may differ between runs, with the values to try, or `()` for a field that does not
vary: `config.sweep.margin = (0.1, 0.2)`, `config.sweep.split.fold = (0, 1, 2, 3, 4)`. If `config.sweep.combine` is
`"grid"`, every combination is a run; if it is `"list"`, the i-th values of all fields are run i.
"""

import collections
import itertools
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from perface_jax import formatting
from perface_jax.settings import flat
from perface_jax.training import config_schema


class Replica(NamedTuple):
    """One run of a sweep."""

    name: str  # its values, `labels=majority,seed=2`; "" without a sweep
    values: dict[str, Any]  # by dotted field name
    config: ConfigDict  # of this run alone, without a sweep

    @property
    def cell(self) -> str:
        """The name without seeds and folds, which merely repeat a run."""
        return _name({field: value for field, value in self.values.items() if field not in REPEATS})

    @property
    def seed(self) -> tuple:
        """The seeds of this repetition; the folds of one repetition are pooled."""
        return tuple(self.values[field] for field in ("seed", "split.seed") if field in self.values)


REPEATS = ("seed", "split.seed", "split.fold")
ONE_PROGRAM = (
    "All runs of a sweep are one program and may differ only in fields that change neither its shapes nor its data set:"
    f" {', '.join(config_schema.SWEPT)}. Start one run for each value instead."
)


def replicas(config: ConfigDict) -> tuple[Replica, ...]:
    """The checked runs of a config: one, unless it has a sweep."""
    config_schema.check(config)
    swept = {field: tuple(values) for field, values in _values(config.sweep).items() if len(values)}
    if absent := sorted(swept.keys() - flat(config.to_dict()).keys()):
        raise ValueError(f"config.sweep varies {', '.join(absent)}, which this config does not have")
    lengths = {field: len(values) for field, values in swept.items()}
    if config.sweep.combine == "grid":
        rows = list(itertools.product(*swept.values()))
    elif len(set(lengths.values())) > 1:
        raise ValueError(f"config.sweep.combine is list, and its fields have {lengths} values; wanted equally many")
    else:
        rows = list(zip(*swept.values(), strict=True)) or [()]
    made = tuple(_replica(config, dict(zip(swept, row, strict=True))) for row in rows)
    for replica in made:
        config_schema.check(replica.config)
    if doubled := [name for name, count in collections.Counter(one.name for one in made).items() if count > 1]:
        raise ValueError(f"the sweep has {', '.join(doubled)} more than once")
    return made


def _values(sweep: ConfigDict) -> dict[str, tuple]:
    fields = {name: values for name, values in flat(sweep.to_dict()).items() if name != "combine"}
    if sweep.combine not in ("grid", "list"):
        raise ValueError(f"config.sweep.combine is {sweep.combine!r}; wanted grid or list")
    if unknown := sorted(fields.keys() - set(config_schema.SWEPT)):
        raise ValueError(f"{', '.join(unknown)} cannot be swept. {ONE_PROGRAM}")
    for name, values in fields.items():
        if not isinstance(values, (tuple, list)):
            raise ValueError(f"config.sweep.{name} is {values!r}; wanted the values to try, as ({values!r},)")
    return fields


def _replica(config, values):
    single = config.copy_and_resolve_references()
    single.sweep = ConfigDict(config_schema.UNSWEPT).lock()
    try:
        single.update_from_flattened_dict(values)  # refuses a value that does not fit the type of the field
    except TypeError as error:
        seen = ", ".join(f"{name} = {formatting.shown(repr(value), 40)}" for name, value in values.items())
        raise ValueError(f"config.sweep has a value of another kind than the field: {seen}") from error
    return Replica(_name(values), values, single)


def _name(values):
    return ",".join(f"{field}={value}" for field, value in sorted(values.items()))
