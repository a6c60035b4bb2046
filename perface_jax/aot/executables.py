"""Keeps a compiled program in a file, and loads it where such devices are, without compiling.

A file fits the devices and the versions of jax and jaxlib that it was made for. It is a pickle, which can run any code
when it is loaded: load only files that you made.
"""

import pathlib
import pickle
from collections.abc import Sequence
from typing import Any

import jax
import jaxlib
from jax.experimental import serialize_executable

from perface_jax import files


def save(file: pathlib.Path, executable: jax.stages.Compiled) -> None:
    """Write an executable. One that a CPU has loaded from the cache of programs lacks its functions: compile it."""
    files.write_bytes(file, pickle.dumps(_versions() | {"executable": serialize_executable.serialize(executable)}))


def load(file: pathlib.Path, devices: Sequence[Any] | None = None) -> jax.stages.Compiled:
    """The executable of a file, to be called with arguments as it was compiled for.

    Args:
      file: made by `save`, on this computer or another one.
      devices: those to run on, in the order of the mesh; None: all.

    Raises:
      ValueError: the file was made with other versions.
    """
    found = pickle.loads(file.read_bytes())
    executable = found.pop("executable")
    if found != _versions():
        raise ValueError(f"{file} was made with {found}; these are {_versions()}: compile it again")
    devices = jax.devices() if devices is None else devices
    return serialize_executable.deserialize_and_load(
        *executable, backend=devices[0].client, execution_devices=tuple(devices)
    )


def _versions():
    return {"jax": jax.__version__, "jaxlib": jaxlib.__version__}
