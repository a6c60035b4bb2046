"""The config of a run, from what its workdir recorded; `evaluate` reads it where no `--config` is given.

Settings of an evaluation that the record lacks, since they are newer, have their defaults; settings of training have
the values that the older version used.
"""

from typing import Any

from ml_collections import ConfigDict

from perface_jax import all_settings, formatting
from perface_jax.settings import TASKS, flat, nested
from perface_jax.training import config_schema, workdir


def read(folder: str) -> ConfigDict:
    """The config of the run in this workdir. FileNotFoundError: there is no run; ValueError: its record is damaged."""
    recorded = flat(workdir.recorded(folder))
    if (task := recorded.get("task")) not in TASKS:
        raise ValueError(f"{folder}/config.json has the task {task!r}; wanted one of {', '.join(TASKS)}: give --config")
    fields = all_settings.of_task(task)
    values = {name: value for name, value in (config_schema.ADDED | recorded).items() if _is_field(name, fields)}
    config = all_settings.default(task)
    with config.unlocked():  # groups that are open, as optimizer.options, get the names that they had
        for name, value in values.items():
            _set(config, folder, name, _tuples(value))
    return config


def _set(config: ConfigDict, folder: str, name: str, value: Any) -> None:
    try:
        config.update(nested({name: value}))
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        seen = formatting.shown(repr(value), 40)
        raise ValueError(f"{folder}/config.json is damaged: {name} is {seen}, a value of another kind") from error


def _is_field(name: str, fields) -> bool:
    return any(field.covers(name) for field in fields)


def _tuples(value: Any) -> Any:
    """JSON has lists where a config has tuples."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
