"""Devices to compile for, by name, without having them.

`v5e:4x4` are sixteen chips, and their compiler is in the package libtpu. `h200` is one GPU, and its compiler is in
jax-cuda12-plugin and jax-cuda12-pjrt; CUDA itself is not needed. The extra `aot` installs both.
"""

import importlib
import os
import re
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.experimental import topologies

from perface_jax.aot.chips import CHIPS, Chip

EXAMPLES = "v5e:2x2, v5e:4x4, v4:2x2x1, v5p:2x2x1, v6e:1x1 or h200"
_QUIET = {
    "TPU_SKIP_MDS_QUERY": "1",  # otherwise libtpu asks a server of Google's cloud, for minutes
    "TPU_ACCELERATOR_TYPE": "v5litepod-4",
    "TPU_WORKER_HOSTNAMES": "localhost",
    "TPU_STDERR_LOG_LEVEL": "3",
    "TPU_MIN_LOG_LEVEL": "3",
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",  # compiles beside a process that uses the TPUs
}
# What XLA asks of a GPU; an H200 says so of itself, but for the memory, which is that of the data sheet.
_H200 = """
gpu_device_info {
  threads_per_block_limit: 1024  threads_per_warp: 32  threads_per_core_limit: 2048
  shared_memory_per_block: 49152  shared_memory_per_core: 233472  shared_memory_per_block_optin: 232448
  registers_per_core_limit: 65536  registers_per_block_limit: 65536
  core_count: 132  fpus_per_core: 128  clock_rate_ghz: 1.98
  block_dim_limit_x: 2147483647  block_dim_limit_y: 65535  block_dim_limit_z: 65535
  memory_bandwidth: 4800000000000  l2_cache_size: 52428800  device_memory_size: 141000000000
  cuda_compute_capability { major: 9 minor: 0 }
}
platform_name: "CUDA"
dnn_version_info { major: 9 minor: 10 patch: 0 }
runtime_version { major: 12 minor: 9 patch: 0 }
device_description_str: "NVIDIA H200"
"""


class Topology(NamedTuple):
    """Devices that programs can be compiled for."""

    name: str
    chip: Chip
    devices: tuple[jax.Device, ...]  # pyright: ignore  # an alias of jaxlib
    host: tuple[jax.Device, ...]  # pyright: ignore  # those of the first host


def prepare() -> None:
    """Keep JAX on the CPU, and libtpu quiet; call it before any other use of JAX."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    jax.config.update("jax_platforms", "cpu")


def topology(name: str) -> Topology:
    """The devices of a name such as `v5e:2x2` or `h200`.

    Raises:
      ValueError: no such chip, or a shape that it does not come in.
      ModuleNotFoundError: the compiler is not installed; `extras.explained` says how to install it.
    """
    kind, _, shape = name.partition(":")
    if kind not in CHIPS or (kind == "h200") == bool(shape) or shape and not re.fullmatch(r"\d+(x\d+){1,2}", shape):
        raise ValueError(f"saw topology {name!r}; wanted one as {EXAMPLES}")
    devices = _gpu() if kind == "h200" else _tpus(name, kind, [int(side) for side in shape.split("x")])
    host = tuple(device for device in devices if device.process_index == devices[0].process_index)
    return Topology(name, CHIPS[kind], devices, host)


def _tpus(name: str, kind: str, sides: list[int]) -> tuple:
    importlib.import_module("libtpu")  # raises where it is missing, as `extras` explains
    options: dict[str, Any] = (
        {"chip_config_name": "megacore"} if kind in ("v4", "v5p") else {}
    )  # two cores make one device
    if np.prod(sides) == 1:
        options["chips_per_host_bounds"] = (1, 1, 1)
    try:
        return tuple(topologies.get_topology_desc(name, "tpu", **options).devices)
    except (jax.errors.JaxRuntimeError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"libtpu has no topology {name!r} ({reason}); wanted one as {EXAMPLES}") from error


def _gpu() -> tuple:
    importlib.import_module("jax_cuda12_plugin")
    return tuple(topologies.get_topology_desc("", "cuda", target_config=_H200, topology="1x1x1").devices)
