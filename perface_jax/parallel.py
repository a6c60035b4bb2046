"""Devices: the mesh, how a host's batch becomes a global array, and how a per-device step becomes a program.

The only module that makes a mesh. One axis, `data`: batches are cut along their first axis, states are the same on
every device. One device is a mesh of one; there is no other path.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

DATA = "data"


def data_mesh(devices: list[jax.Device] | None = None) -> Mesh:
    """A mesh over all devices (of all processes), or over the ones given."""
    return Mesh(np.asarray(devices if devices is not None else jax.devices()), (DATA,))


def check_batch_size(batch_size: int, mesh: Mesh) -> None:
    """Raise a ValueError when a global batch cannot be cut evenly over the mesh."""
    if batch_size % mesh.size:
        raise ValueError(
            f"a batch of {batch_size} cannot be divided over {mesh.size} devices; choose a multiple of {mesh.size},"
            " or fewer devices"
        )


def replicate(tree: Any, mesh: Mesh) -> Any:
    """The same arrays on every device of the mesh."""
    return jax.device_put(tree, NamedSharding(mesh, PartitionSpec()))


def to_global(batch: dict[str, np.ndarray], mesh: Mesh) -> dict[str, jax.Array]:
    """This process's rows of a batch -> global arrays cut along the first axis."""
    return jax.make_array_from_process_local_data(NamedSharding(mesh, PartitionSpec(DATA)), batch)


def spmd(step: Callable, mesh: Mesh) -> Callable:
    """A per-device `step(state, batch, *, axis_name) -> (state, sums)` as one compiled program over the mesh.

    Args:
      step: pure; sees the rows of one device, and returns what is the same on every device.
      mesh: of `data_mesh`.

    Returns:
      jitted `(state, batch) -> (state, sums)` on global arrays; the state given is donated.
    """
    mapped = jax.shard_map(
        lambda state, batch: step(state, batch, axis_name=DATA),
        mesh=mesh,
        in_specs=(PartitionSpec(), PartitionSpec(DATA)),
        out_specs=PartitionSpec(),
    )
    return jax.jit(mapped, donate_argnums=0)
