"""Of what packages say, only ours reaches the terminal, in lines of 80 columns."""

import subprocess
import sys

SPEAKERS = """
import importlib, logging, sys, types, warnings
from perface_jax.commands import quiet
quiet.install()
quiet.install()
from absl import logging as absl
absl.warning("absl takes a step")
absl.error("absl logs what is raised")
logging.getLogger("absl").info("orbax too")
for name in ("perface_jax.datasets", "orbax.checkpoint"):
    module = types.ModuleType(name)
    exec("import warnings\\ndef warn(text, kind): warnings.warn(text, kind)", module.__dict__)
    module.warn(f"{name} warns " + "of much " * 20, UserWarning)
    module.warn("old", DeprecationWarning)
logging.getLogger("perface_jax.datasets.x").warning("%d triplets are left out", 3)
"""


def said(*options):
    return subprocess.run(
        [sys.executable, *options, "-c", SPEAKERS], capture_output=True, text=True, check=True
    ).stderr.splitlines()


def test_only_our_warnings_and_notes_are_printed():
    shown = said()
    assert shown[0].startswith("warning: perface_jax.datasets warns of much of much")
    assert shown[-1] == "note: 3 triplets are left out"
    assert all(line.startswith("  of much") or line.startswith("  much") for line in shown[1:-1])
    assert max(map(len, shown)) <= 80


def test_python_shows_its_warnings_where_that_is_asked_for():
    assert any("orbax.checkpoint warns" in line for line in said("-W", "default"))
