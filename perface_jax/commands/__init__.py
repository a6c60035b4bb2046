"""The command line. `perface COMMAND ...` runs one of `COMMANDS`; each of them also runs by itself, as a module."""

import importlib
import sys

from perface_jax import extras

COMMANDS = {  # name: the module whose `main` it is, what it does
    "train": ("perface_jax.commands.train", "train a model, or continue an interrupted run"),
    "evaluate": ("perface_jax.commands.evaluate", "evaluate a run, embed pictures, anonymize faces"),
    "config": ("perface_jax.commands.config", "list the fields of a config: default, meaning, allowed values"),
    "plan": ("perface_jax.commands.plan", "plan a study: its power by sources, targets and votes"),
    "audit": ("perface_jax.annotations.__main__", "audit a file of votes"),
    "selftest": ("perface_jax.selftest", "check that this device computes what a model folder says"),
    "synthetic": ("perface_jax.synthetic.write_world", "draw the synthetic world: swaps, votes, portraits"),
    "identities": ("perface_jax.synthetic.write_identities", "draw synthetic identities for a recognizer"),
}
HELP = "usage: perface COMMAND ...; `perface COMMAND --help` shows its options\n\n" + "\n".join(
    f"  {name:12}{purpose}" for name, (_, purpose) in COMMANDS.items()
)


def main() -> None:
    """The console script `perface`."""
    name, *rest = sys.argv[1:] or ["--help"]
    if name in ("--help", "-h"):
        print(HELP)
    elif name in COMMANDS:
        sys.argv = [f"perface {name}", *rest]
        call(name)
    else:
        raise SystemExit(f"perface has no command {name!r}\n{HELP}")


def call(name: str) -> None:
    """Runs one of `COMMANDS`, imported only now; where packages are missing, ends with the line that installs them."""
    with extras.explained(program=True):
        importlib.import_module(COMMANDS[name][0]).main()
