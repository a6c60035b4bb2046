"""The folder of a run: which run it belongs to, and with which versions it was made.

`config.json` is the resolved config, `versions.json` what it ran on last. A field that changes the result must stay as
it is; the others may change between two starts, and more steps may be asked for under a constant learning rate.
"""

import importlib.metadata
import json
import platform
from collections.abc import Mapping

import jax
from etils import epath

from perface_jax import files

# Where things lie, on what they run, and how often one looks at them; every other field changes the result.
FREE_FIELDS = (
    "data.release", "data.data_dir", "mesh.data", "mesh.how", "feed", "workers", "steps_per_call", "log_every",
    "tensorboard", "keep_checkpoints", "evaluation_batch_size", "parts",
)  # fmt: skip
EVALUATED = ("groups.", "selection.", "anonymize.")  # what a trained run is judged on
LENGTHS = ("epochs", "max_steps")  # may grow under a constant schedule
PACKAGES = (
    "perface_jax",
    "jax",
    "jaxlib",
    "flax",
    "optax",
    "orbax-checkpoint",
    "grain",
    "tensorflow-datasets",
    "numpy",
)


def refuse_other_run(workdir: epath.PathLike, config: Mapping) -> dict[str, tuple]:
    """Raise a ValueError that lists every differing field, when the workdir belongs to a run with other results.

    Args:
      workdir: may not exist yet.
      config: the resolved config as nested plain values.

    Returns:
      by name, (before, now) of the fields that changed and may.
    """
    workdir = files.absolute(workdir)
    if workdir.exists() and not workdir.is_dir():
        raise ValueError(f"{workdir} is a file; wanted a folder for the run")
    if not (workdir / "config.json").exists():
        return {}
    old, new = flat(json.loads((workdir / "config.json").read_text())), flat(config)
    changed = {name: (old.get(name), new.get(name)) for name in sorted(old.keys() | new.keys())}
    changed = {name: pair for name, pair in changed.items() if pair[0] != pair[1]}
    if refused := {name: pair for name, pair in changed.items() if not _may_change(name, pair, new)}:
        lines = "\n".join(f"- {name} = {before!r}\n+ {name} = {now!r}" for name, (before, now) in refused.items())
        raise ValueError(
            f"{workdir} holds another run (- that run, + this one):\n{lines}\n"
            "Choose another --workdir, or start with that run's config; nothing was changed."
        )
    return changed


def claim(workdir: epath.PathLike, config: Mapping) -> epath.Path:
    """Make the workdir this run's own, or confirm that it is, and write down what it runs on.

    Args:
      workdir: made if it does not exist.
      config: the resolved config as nested plain values.

    Returns:
      the absolute path.

    Raises:
      ValueError: as `refuse_other_run`.
      OSError: the folder cannot be written to.
    """
    refuse_other_run(workdir, config)
    workdir = files.absolute(workdir)
    if jax.process_index() == 0:
        workdir.mkdir(parents=True, exist_ok=True)
        files.write_text(workdir / "config.json", files.to_json(config, sort_keys=True))
        files.write_text(workdir / "versions.json", files.to_json(versions(), sort_keys=True))
    return workdir


def versions() -> dict:
    """What a result may depend on beside the config: packages, Python, devices."""
    devices = jax.devices()
    return {
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "devices": f"{len(devices)} x {devices[0].device_kind} ({devices[0].platform})",
        "processes": jax.process_count(),
    }


def flat(config: Mapping, prefix: str = "") -> dict:
    """Nested values by dotted name."""
    fields = {}
    for name, value in config.items():
        fields |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return fields


def _may_change(name, pair, config):
    if name in LENGTHS and config.get("schedule.name") == "constant":
        before, now = (float("inf") if name == "max_steps" and not value else value for value in pair)  # 0: no limit
        return now > before
    return name in FREE_FIELDS or name.startswith(EVALUATED)
