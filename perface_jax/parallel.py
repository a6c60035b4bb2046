"""Devices: makes the mesh, global arrays from host arrays, and a program from a per-device step.

Only this module makes a mesh. The mesh has two axes: `replica` (independent runs without communication) and `data` (the
devices that share the batch of one run). One run on one device is a mesh of 1 x 1; there is no other path.

Leading axes of global arrays: states `[R, ...]`; batches `[R, N, B, ...]`: replica, step within this call, row. `mesh`
always comes from `make_mesh`.
"""

import enum
import functools
import pickle
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.experimental.layout import Format, Layout
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import UInt8

from perface_jax import mesh_choice
from perface_jax.network import compilation
from perface_jax.network.kernels import compiled_for
from perface_jax.network.mesh_axes import DATA, REPLICA

STATE = PartitionSpec(REPLICA)
BATCH = PartitionSpec(REPLICA, None, DATA)
ROWS = PartitionSpec(DATA)
SHARED = PartitionSpec()
T = TypeVar("T")
CHUNK = 1 << 26  # bytes that a process sends at once in `gather_objects`


class How(enum.Enum):
    """Which of JAX's two maps turns a per-device step into a program."""

    SHARD_MAP = "shard_map"
    PMAP = "pmap"  # legacy: one replica only


def initialize(coordinator: str | None = None, processes: int | None = None, process: int | None = None) -> None:
    """Join the other processes of this run; call it before any other use of JAX.

    Args:
      coordinator: `host:port` of process 0. All three are None on TPU pods, SLURM and Open MPI, where JAX finds them.
      processes: the number of processes.
      process: the number of this one, from 0.
    """
    if len({coordinator is None, processes is None, process is None}) > 1:
        raise ValueError(
            f"coordinator {coordinator}, processes {processes} and process {process} belong together: give all three,"
            " or none where the cluster knows them (TPU pods, SLURM, Open MPI)"
        )
    jax.config.update("jax_cpu_collectives_implementation", "gloo")  # read on CPU only
    jax.distributed.initialize(coordinator, processes, process)


def first_process_first(function: Callable[[], T]) -> T:
    """The result of the function in every process; process 0 calls it before the others do."""
    results = [function()] if jax.process_index() == 0 else []
    multihost_utils.sync_global_devices("first_process_first")
    return results[0] if results else function()


def make_mesh(replicas: int = 1, *, data: int = 0, devices: Sequence[Any] | None = None) -> Mesh:
    """The mesh `[groups, data]` over all devices of all processes, or over the ones given; see also `choose_mesh`.

    Args:
      replicas: independent runs; each group of devices trains as many of them (`padded`), one after the other.
      data: devices that share the batch of a run; 0: the smallest number with which groups divide the replicas.
      devices: None: all.
    """
    devices = jax.devices() if devices is None else devices
    groups = len(devices) // data if data else np.gcd(len(devices), replicas)
    data = data or len(devices) // groups
    if groups * data != len(devices):
        raise ValueError(f"{len(devices)} devices cannot be cut into groups of {data} (config.mesh.data)")
    return Mesh(np.asarray(devices).reshape(groups, data), (REPLICA, DATA))


def choose_mesh(
    replicas: int,
    batches: Sequence[int],
    *,
    pictures: int = 1,
    data: int = 0,
    repeat: bool = True,
    devices: Sequence[Any] | None = None,
) -> Mesh:
    """The mesh that trains these replicas in the least time, see `mesh_choice.choose`, which has the arguments.

    Devices of one host need not all be used. Of several hosts they must: XLA refuses a part of a large TPU slice, and a
    process without a device in the mesh could not take part in a run.
    """
    devices = jax.devices() if devices is None else devices
    options = {"pictures": pictures, "data": data, "repeat": repeat}
    hosts = len({device.process_index for device in devices})
    chosen = mesh_choice.choose(replicas, len(devices), batches, all_devices=hosts > 1, **options)
    return make_mesh(replicas, data=chosen.data, devices=devices[: chosen.devices])


def padded(replicas: int, mesh: Mesh) -> int:
    """The replicas of a program: as many as asked for, and the last one again until the groups of devices divide them.

    Those that are repeated compute what the last one does. `fetch` leaves them out.
    """
    groups = mesh.shape[REPLICA]
    return -(-replicas // groups) * groups


def check_batch_size(batch_size: int, mesh: Mesh, *, name: str = "a batch") -> None:
    """Raise a ValueError if a global batch cannot be divided evenly over the devices of one run."""
    devices = mesh.shape[DATA]
    if batch_size % devices:
        raise ValueError(
            f"{name} of {batch_size} cannot be divided over {devices} devices; choose a multiple of {devices},"
            " or fewer devices"
        )


def place_global(tree: Any, mesh: Mesh, spec: PartitionSpec = SHARED) -> Any:
    """Host arrays that every process has in full -> global arrays, replicated or divided by `spec`.

    A leading axis of replicas becomes as long as `padded` says.
    """
    sharding, by_replica = NamedSharding(mesh, spec), REPLICA in spec[:1]

    def place(array):
        array = np.asarray(array)
        if not by_replica:
            return jax.make_array_from_callback(array.shape, sharding, lambda index: array[index])
        rows = np.minimum(np.arange(padded(len(array), mesh)), len(array) - 1)
        shape = len(rows), *array.shape[1:]

        def part(index: Any):
            return array[rows[index[0]]][:, *index[1:]]

        return jax.make_array_from_callback(shape, sharding, part)

    return jax.tree.map(place, tree)


def picture_place(mesh: Mesh) -> NamedSharding | Format:
    """Where all pictures `[n, h, w, 3]` of a data set lie: on every device.

    On TPUs by planes of one color. Otherwise XLA copies them all into this order in every step, to gather a few:
    13.6 of the 68 ms of a step with 19,200 pictures on a v5e, as the compiler estimates.
    """
    everywhere = NamedSharding(mesh, SHARED)
    on_tpu = compiled_for(mesh.devices.flat) == "tpu"
    return Format(Layout(major_to_minor=(0, 3, 1, 2)), everywhere) if on_tpu else everywhere


def place_pictures(pictures: UInt8[np.ndarray, "n h w 3"], mesh: Mesh) -> jax.Array:
    """All pictures of a data set, which every process has in full, on every device; see `picture_place`."""
    return jax.make_array_from_callback(pictures.shape, picture_place(mesh), lambda index: pictures[index])


def to_global(rows: Any, mesh: Mesh, spec: PartitionSpec = BATCH) -> Any:
    """This process's rows of a batch -> global arrays."""
    return jax.make_array_from_process_local_data(NamedSharding(mesh, spec), rows)


def stack_replicas(make: Callable[[int], Any], replicas: int, mesh: Mesh) -> Any:
    """The trees `make(0) .. make(replicas - 1)` as one tree of global arrays with a leading replica axis.

    The last one is repeated as `padded` says. Each process makes only the replicas of its own devices.
    """
    sharding, length = NamedSharding(mesh, STATE), padded(replicas, mesh)
    every = [min(i, replicas - 1) for i in range(length)]
    places = sharding.addressable_devices_indices_map((length,)).values()
    mine = sorted({i for place in places if place for i in every[place[0]]})

    def place(*leaves):
        of = dict(zip(mine, leaves, strict=True))

        def rows(index):
            return np.stack([of[i] for i in every[index[0]]])

        return jax.make_array_from_callback((length, *np.shape(leaves[0])), sharding, rows)

    return jax.tree.map(place, *(jax.device_get(make(i)) for i in mine))


def take_replica(tree: Any, index: int, mesh: Mesh) -> Any:
    """One replica of a stacked tree as host arrays, in full on every process."""
    return jax.device_get(_taker(mesh)(tree, index))


def fetch(tree: Any, *, replicas: int | None = None) -> Any:
    """Global arrays -> host arrays, in full on every process; of a leading axis of replicas, only this many."""
    if jax.process_count() == 1:
        host = jax.device_get(tree)
    else:
        host = multihost_utils.process_allgather(tree, tiled=True)
    return host if replicas is None else jax.tree.map(lambda x: x[:replicas], host)


def gather_objects(value: Any) -> list:
    """The values of all processes, in order, on every process; values are pickled and may have any size."""
    if jax.process_count() == 1:
        return [value]
    data = np.frombuffer(pickle.dumps(value), np.uint8)
    size = np.array(divmod(len(data), CHUNK), np.int32)  # JAX has no 64-bit integers by default
    sizes = [int(chunks) * CHUNK + int(rest) for chunks, rest in multihost_utils.process_allgather(size)]
    parts = [bytearray() for _ in sizes]
    for start in range(0, max(sizes), CHUNK):
        chunk = data[start : start + CHUNK]
        rows = multihost_utils.process_allgather(np.pad(chunk, (0, min(CHUNK, max(sizes) - start) - len(chunk))))
        for part, row, size in zip(parts, rows, sizes, strict=True):
            part += row[: max(size - start, 0)].tobytes()
    return [pickle.loads(part) for part in parts]


def spmd(step: Callable, mesh: Mesh, *, how: How = How.SHARD_MAP) -> Callable:
    """A per-device step of one run as one compiled program for all replicas.

    Args:
      step: pure `(state, batch, *shared, axis_name) -> (state, sums)` for one replica (without the replica axis) and
        the rows `[N, b, ...]` of one device. Its results must be the same on every device of the run.
      mesh: the devices.
      how: which map to use; results do not depend on it.

    Returns:
      jitted `(state, batch, *shared) -> (state, sums)` on global arrays; the input state is donated.
    """
    body = functools.partial(_in_turn, functools.partial(step, axis_name=DATA))
    return _pmapped(body, mesh) if how is How.PMAP else _shard_mapped(body, mesh, STATE, donate_argnums=0)


def spmd_rows(function: Callable, mesh: Mesh) -> Callable:
    """Like `spmd`, for a function of a replica's variables and rows that returns rows, `[N, b, ...] -> [N, b, ...]`."""
    return _shard_mapped(functools.partial(_in_turn, function), mesh, BATCH)


def _shard_mapped(body, mesh, out_specs, **options):
    mapped = jax.shard_map(body, mesh=mesh, in_specs=(STATE, BATCH, SHARED), out_specs=out_specs)

    def program(state, batch, *shared):
        return mapped(state, batch, shared)

    return jax.jit(program, compiler_options=compilation.options(mesh.devices.flat), **options)


@functools.cache  # one program for all replicas
def _taker(mesh):
    return jax.jit(lambda tree, i: jax.tree.map(lambda x: x[i], tree), out_shardings=NamedSharding(mesh, SHARED))


def _in_turn(step, state, batch, shared):
    """The step on each replica of this group, one after another, with the program size and memory of one."""
    if jax.tree.leaves(state)[0].shape[0] == 1:
        only = jax.tree.map(lambda x: x[0], (state, batch))
        return jax.tree.map(lambda x: x[None], step(*only, *shared))
    return jax.lax.map(lambda one: step(*one, *shared), (state, batch))


def _pmapped(body, mesh):
    if mesh.shape[REPLICA] > 1:
        raise ValueError(
            f"pmap serves one replica; this mesh has {mesh.shape[REPLICA]} groups. Use config.mesh.how=shard_map"
        )
    devices, sharding = list(mesh.devices.flat), NamedSharding(mesh, STATE)
    options = {"in_axes": (None, 2, None), "out_axes": None, "devices": devices, "donate_argnums": 0}
    mapped = jax.pmap(body, axis_name=DATA, **options)

    def rename(x):
        parts = [shard.data for shard in x.addressable_shards]
        return jax.make_array_from_single_device_arrays(x.shape, sharding, parts)

    def program(state, batch, *shared):
        cut = jax.tree.map(lambda x: x.reshape(*x.shape[:2], len(devices), -1, *x.shape[3:]), batch)
        # pmap returns arrays that name only this process's devices. Passed back, they would cause a second compilation,
        # and with several processes they are not global arrays.
        return jax.tree.map(rename, mapped(state, cut, shared))

    return program
