"""The commands and the config fields, as the program itself lists them."""

from perface_jax import all_settings
from perface_jax.commands import COMMANDS
from perface_jax.settings import TASKS, Change, Field


def commands() -> str:
    """One section a command: what it does, and an example."""
    sections = [
        f"## {name}\n\n{command.purpose.capitalize()}.\n\n```\n{command.example}\n```"
        for name, command in COMMANDS.items()
    ]
    return "\n\n".join(("# perface", "`perface COMMAND --help` shows all options.", *sections))


def fields() -> str:
    """One table for each kind of run, as `perface config` lists it."""
    tables = [f"## {task}\n\n{HEAD}\n" + "\n".join(map(_row, all_settings.of_task(task))) for task in TASKS]
    return "\n\n".join(
        ("# Config fields", "What `--config.NAME=VALUE` sets; `perface config` prints the same.", *tables)
    )


HEAD = "| field | default | meaning |\n|---|---|---|"


def _row(field: Field) -> str:
    default = "..." if isinstance(field.default, dict) else repr(field.default)
    change = "" if field.change is Change.REFUSED else field.change.value
    notes = field.meaning, field.check.wanted, change, "can be swept" if field.swept else ""
    cells = f"`{field.name}`", f"`{default}`", "; ".join(filter(None, notes))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
