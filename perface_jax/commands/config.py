"""`perface config [triplets|identities]`: list every field of a config, its default, meaning and allowed values."""

from perface_jax import all_settings
from perface_jax.argument_parser import ArgumentParser
from perface_jax.commands import help_page
from perface_jax.settings import TASKS


def main() -> None:
    """The command; see the docstring of the module."""
    parser = ArgumentParser(prog="perface config", description="List every field of a config.")
    parser.add_argument(
        "task", nargs="?", default="triplets", choices=TASKS, help="what the config trains on (default: triplets)"
    )
    for field in all_settings.of_task(parser.parse_args().task):
        print(help_page.described(field))
