"""XLA flags that the installed jaxlib accepts: an unknown one ends the process before its first test."""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
from importlib import metadata


def accepted(flags: list[str], folder: pathlib.Path) -> list[str]:
    """Those of the flags with which a child process starts; the answer is kept in the folder, one file a jaxlib."""
    file = folder / f"xla_flags_{metadata.version('jaxlib')}.json"
    known = json.loads(file.read_text()) if file.exists() else {}
    if new := [flag for flag in flags if flag not in known]:
        known |= {flag: _starts(flag) for flag in new}
        with contextlib.suppress(OSError):  # a folder that cannot be written to: asked again next time
            file.parent.mkdir(parents=True, exist_ok=True)
            unfinished = file.with_suffix(f".{os.getpid()}")
            unfinished.write_text(json.dumps(known))
            unfinished.replace(file)
    return [flag for flag in flags if known[flag]]


def _starts(flag):
    environment = os.environ | {"XLA_FLAGS": flag, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", "import jax; jax.devices()"], env=environment, capture_output=True)
    return done.returncode == 0
