"""Where a report comes from."""

import datetime
import pathlib
import shlex
import subprocess
import sys

from perface_jax.report.contents import Made


def made() -> Made:
    """Now, by the command of this process."""
    date = datetime.datetime.now().astimezone().isoformat(" ", "minutes")
    program = pathlib.PurePath(sys.argv[0])
    name = f"python -m {program.parent.name}" if program.name == "__main__.py" else program.name
    implied = f"--part={name.rpartition(' ')[2]}"  # what `perface anonymize` stands for
    given = [argument for argument in sys.argv[1:] if argument != implied]
    return Made(date, _commit(), shlex.join([*name.split(), *given]))


def _commit() -> str:
    """The commit of the checkout that this package is in, with a + where files have changed since; "" without one."""
    root = pathlib.Path(__file__).parents[2]
    if not (root / ".git").exists():  # a wheel in somebody else's checkout is not from its commit
        return ""
    git = ["git", "-C", str(root), "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        return subprocess.run(git, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
