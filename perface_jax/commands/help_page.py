"""`--help` of the commands whose flags are absl's: the flags and the fields of a config, on a screen of 80 columns."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence

from perface_jax import all_settings
from perface_jax.formatting import wrapped
from perface_jax.settings import TASKS, Change, Field
from perface_jax.training import config_schema

Flags = Mapping[str, tuple[str, str]]  # by name: the form of the value, "" for a switch; the meaning
FLAG, FIELD = 22, 34  # columns before the meaning of a flag, and of a field
PROCESSES: Flags = {
    "distributed": ("", "This is one of several processes; see docs/pods.md."),
}
GROUPS = {  # of the fields of training, each of which is in one group
    "start": ("task", "seed", "init", "crop"),
    "model": ("model", "precision", "batch_norm"),
    "data": ("data",),
    "labels": ("labels", "min_votes", "fraction", "split"),
    "loss": ("loss", "margin", "temperature", "scale", "annotator_sd"),
    "anonymizer": ("generator",),
    "steps": ("batch_size", "flip", "epochs", "max_steps"),
    "optimizer": ("optimizer", "learning_rate", "momentum", "weight_decay", "schedule", "clip_norm", "rules"),
    "saving": ("export", "evaluate_every", "evaluation_batch_size", "log_every", "tensorboard", "keep_checkpoints"),
    "devices": ("feed", "workers", "steps_per_call", "mesh"),
    "sweep": ("sweep",),
}


def flags(given: Flags) -> list[str]:
    """Two columns: `--name=VALUE`, meaning."""
    return [line for name, (value, meaning) in given.items() for line in _columns(_flag(name, value), meaning, FLAG)]


def fields(names: Sequence[str], *, task: str = "triplets") -> list[str]:
    """Two columns: `name = default`, meaning; a line each where the meaning is short."""
    by_name = {field.name: field for field in all_settings.of_task(task)}
    rows = [(f"{name} = {_default(by_name[name])}", by_name[name].meaning) for name in names]
    return [line for head, meaning in rows for line in _columns(head, meaning, FIELD)]


def group(name: str) -> list[str]:
    """All that is known of the fields of a group, of "all" groups, or of one field."""
    chosen = [field for field in config_schema.FIELDS if name == "all" or name in (_group(field), field.name)]
    if not chosen:
        raise ValueError(f"there is no group or field {name!r}; wanted one of: {', '.join(GROUPS)}, all, or a field")
    return [described(field, of_task=True) for field in chosen]


def groups() -> list[str]:
    """A line or more for each group: the names of its fields."""
    names: dict[str, list[str]] = {name: [] for name in GROUPS}
    for field in config_schema.FIELDS:
        names[_group(field)].append(field.name)
    lines = [f"  {name:11}{' '.join(_short(dict.fromkeys(mine)))}" for name, mine in names.items()]
    return [wrapped_line for line in lines for wrapped_line in textwrap.wrap(line, 80, subsequent_indent=" " * 13)]


def described(field: Field, *, of_task: bool = False) -> str:
    """`name = default: meaning; allowed values; whether it may change in a run, and be swept`; also for which task."""
    change = "" if field.change is Change.REFUSED else field.change.value
    only = _only(field.tasks) if of_task else ""
    notes = field.meaning, field.check.wanted, change, "can be swept" if field.swept else "", only
    return wrapped(f"{field.name} = {_default(field)}: {'; '.join(filter(None, notes))}", indent="    ")


def _flag(name, value):
    return f"--{name}={value}" if value else f"--{name}"


def _default(field):
    return "..." if isinstance(field.default, dict) else repr(field.default)


def _columns(head: str, meaning: str, width: int) -> Iterable[str]:
    """The meaning beside what it is of, or below where that is long."""
    head = f"  {head:{width - 3}} "
    parts = textwrap.wrap(meaning, 80 - width, break_on_hyphens=False)
    if len(head) > width:
        return [
            *textwrap.wrap(head.strip(), 80, initial_indent="  ", subsequent_indent="    "),
            *(" " * width + part for part in parts),
        ]
    return [head + parts[0], *(" " * width + part for part in parts[1:])]


def _group(field: Field) -> str:
    return next(name for name, members in GROUPS.items() if field.name.partition(".")[0] in members)


def _only(tasks):
    """Which tasks have a field, where not all do."""
    return f"for {' and '.join(tasks)} only" if len(tasks) < len(TASKS) else ""


def _short(names: Iterable[str]) -> list[str]:
    """`model.arch model.width` -> `model.arch .width`."""
    shown, last = [], ""
    for name in names:
        head = name.partition(".")[0]
        shown.append(name.removeprefix(head) if head == last and "." in name else name)
        last = head
    return shown
