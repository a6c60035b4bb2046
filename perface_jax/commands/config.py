"""`perface config [triplets|identities]`: list every field of a config, its default, meaning and allowed values."""

import argparse

from perface_jax import all_settings
from perface_jax.settings import TASKS, Change, Field


def main() -> None:
    """The command; see the docstring of the module."""
    parser = argparse.ArgumentParser(prog="perface config", description="List every field of a config.")
    parser.add_argument("task", nargs="?", default="triplets", choices=TASKS)
    for field in all_settings.of_task(parser.parse_args().task):
        print(_line(field))


def _line(field: Field) -> str:
    """`name = default: meaning; allowed values; whether it may change in a run, and be swept`."""
    default = "..." if isinstance(field.default, dict) else repr(field.default)
    change = "" if field.change is Change.REFUSED else field.change.value
    notes = field.meaning, field.check.wanted, change, "can be swept" if field.swept else ""
    return f"{field.name} = {default}: {'; '.join(filter(None, notes))}"
