"""Keeps a compiled program in a file, and loads it where such devices are, without compiling.

A file fits the devices and the versions of jax and jaxlib that it was made for. It is a pickle, which can run any code
when it is loaded: load only files that you made.
"""

import pathlib
import pickle
from collections.abc import Sequence
from importlib import metadata
from typing import Any

import jax
from jax.experimental import serialize_executable

from perface_jax import files


def save(file: pathlib.Path, executable: jax.stages.Compiled, devices: Sequence[Any]) -> None:
    """Write an executable for these devices.

    One that a CPU has loaded from the cache of programs lacks its functions: compile it.
    """
    content = _made_for(devices) | {"executable": serialize_executable.serialize(executable)}
    files.write_bytes(file, pickle.dumps(content))


def load(file: pathlib.Path, devices: Sequence[Any] | None = None) -> jax.stages.Compiled:
    """The executable of a file, to be called with arguments as it was compiled for.

    Args:
      file: made by `save`, on this computer or another one.
      devices: those to run on, in the order of the mesh; None: all.

    Raises:
      ValueError: the file was made for other devices or with other versions.
    """
    devices = jax.devices() if devices is None else devices
    found, wanted = pickle.loads(file.read_bytes()), _made_for(devices)
    executable = found.pop("executable")
    if found != wanted:
        raise ValueError(f"{file} was made for {found}; here it is {wanted}: compile it again")
    return serialize_executable.deserialize_and_load(
        *executable, backend=devices[0].client, execution_devices=tuple(devices)
    )


def _made_for(devices):
    return {"device": devices[0].device_kind, "jax": jax.__version__, "jaxlib": metadata.version("jaxlib")}
