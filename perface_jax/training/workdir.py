"""The folder of a run: its config and the versions of software it used.

`config.json` is the resolved config, as nested plain values; `versions.json` has the versions of the last start.
Between two starts of a run, its training settings may differ only where `config_schema` allows it; settings of an
evaluation may always differ. Digests of the files of ids and split are recorded too: a run continues only with the
split it began with.
"""

import importlib.metadata
import json
import math
import platform
from collections.abc import Collection, Mapping
from typing import Any

import jax
from etils import epath
from ml_collections import ConfigDict

from perface_jax import files
from perface_jax.settings import Change, flat
from perface_jax.training import config_schema

DEFAULTS = {row.name: row.default for row in config_schema.ROWS if row.name in config_schema.ADDED}
PACKAGES = "perface_jax jax jaxlib flax optax orbax-checkpoint grain tensorflow-datasets numpy".split()


def of_run(config: ConfigDict, workdir: epath.PathLike) -> ConfigDict:
    """The config for a workdir, which may not exist yet.

    A run of an older version continues as it began: a field that its record lacks, and that has its default here, gets
    the value that reproduces that version (`config_schema.ADDED`).
    """
    if not (files.absolute(workdir) / "config.json").exists():
        return config
    before, fields = flat(recorded(workdir)), flat(config.to_dict())
    silent = [name for name in config_schema.ADDED if name not in before and fields.get(name) == DEFAULTS[name]]
    config = config.copy_and_resolve_references()
    config.update_from_flattened_dict({name: config_schema.ADDED[name] for name in silent})
    return config


def recorded(workdir: epath.PathLike) -> dict[str, Any]:
    """Read the `record` of a workdir. FileNotFoundError: it holds no run; ValueError: the file is damaged."""
    file = files.absolute(workdir) / "config.json"
    if not file.exists():
        raise FileNotFoundError(f"{workdir} holds no run: there is no {file}; wanted the --workdir of a training")
    try:
        found = files.read_json(file)
    except ValueError as error:
        raise ValueError(f"{file} is damaged ({error}); wanted the config of the run as JSON") from error
    if not isinstance(found, dict):
        raise ValueError(f"{file} is damaged: it holds no object; wanted the config of the run as JSON")
    return found


def record(config: ConfigDict) -> dict[str, Any]:
    """The record of a config in a workdir: plain nested values, and digests of the files that belong to the run.

    Raises:
      FileNotFoundError: such a file does not exist.
    """
    values = json.loads(config.to_json())
    for name in config_schema.FILES:
        if path := flat(values).get(name):
            if not epath.Path(path).is_file():
                raise FileNotFoundError(f"config.{name} is {path}: there is no such file")
            group, _, field = config_schema.digest_name(name).rpartition(".")
            values[group][field] = files.sha256(epath.Path(path))
    return values


def refuse_other_run(workdir: epath.PathLike, config: Mapping, *, moved: Collection[str] = ()) -> dict[str, tuple]:
    """Raise a ValueError that lists the differing fields if the workdir (which need not exist yet) is of another run.

    Args:
      workdir: of the run.
      config: its `record`.
      moved: further fields that may differ: paths of inputs that may have been moved since.

    Returns:
      By name, (before, now) of the fields that differ and may.
    """
    workdir = files.absolute(workdir)
    if workdir.exists() and not workdir.is_dir():
        raise ValueError(f"{workdir} is a file; wanted a folder for the run")
    if not (workdir / "config.json").exists():
        return {}
    new = flat(config)
    before = flat(recorded(workdir))
    old = {name: config_schema.ADDED.get(name) for name in new} | before
    pairs = {name: (old.get(name), new.get(name)) for name in sorted(old.keys() | new.keys())}
    changed = {name: pair for name, pair in pairs.items() if pair[0] != pair[1] and config_schema.change(name)}
    schedule = new.get("schedule.name")
    fixed = {name: pair for name, pair in changed.items() if name not in moved}
    if refused := {name: pair for name, pair in fixed.items() if not _may_change(name, *pair, schedule)}:
        lines = "\n".join(f"- {name} = {one!r}\n+ {name} = {now!r}" for name, (one, now) in refused.items())
        raise ValueError(
            f"{workdir} holds another run: choose another --workdir, or start with that run's config"
            f"{_of_old(refused, before)}; nothing was changed (- that run, + this one):\n{lines}"
        )
    return changed


def _of_old(refused, recorded):
    """The flags that reproduce a run of a version that lacked some fields."""
    old = [name for name in refused if name in config_schema.ADDED and name not in recorded]
    flags = " ".join(f"--config.{name}={config_schema.ADDED[name]}" for name in old)
    return f", which is older than these fields: {flags}" if old else ""


def claim(workdir: epath.PathLike, config: Mapping) -> epath.Path:
    """Create the workdir, or check that it is this run's, and record config and versions; returns its absolute path.

    Raises:
      ValueError: as `refuse_other_run`.
      OSError: the folder cannot be written to.
    """
    refuse_other_run(workdir, config)
    workdir = files.absolute(workdir)
    if jax.process_index() == 0:
        workdir.mkdir(parents=True, exist_ok=True)
        files.write_text(workdir / "config.json", files.to_json(_as_old(config, workdir), sort_keys=True))
        files.write_text(workdir / "versions.json", files.to_json(versions(), sort_keys=True))
    return workdir


def _as_old(config, workdir):
    """The record without the fields that the record of an older run lacks, so that it remains one of an older run."""
    file, kept = workdir / "config.json", json.loads(files.to_json(config))
    before = flat(recorded(workdir)) if file.exists() else flat(config)
    for name in config_schema.ADDED.keys() & flat(config).keys() - before.keys():
        group, _, field = name.rpartition(".")
        del (kept[group] if group else kept)[field]
    return kept


def versions() -> dict:
    """What a result depends on besides the config: packages, Python, devices."""
    devices = jax.devices()
    return {
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "devices": f"{len(devices)} x {devices[0].device_kind} ({devices[0].platform})",
        "processes": jax.process_count(),
    }


def _may_change(name, before, now, schedule):
    match config_schema.change(name):
        case Change.FREE:
            return True
        case Change.LONGER if schedule == "constant" and isinstance(before, int | float):
            if name == "max_steps":  # where 0 is no limit
                before, now = before or math.inf, now or math.inf
            return now > before
    return False
