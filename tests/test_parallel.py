"""The mesh, placing arrays on it, runs that share only a program, and several processes."""

import contextlib
import dataclasses
import logging
import math
import os
import re
import socket
import subprocess
import sys
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from perface_jax import parallel
from perface_jax.parallel import How
from tests import small_runs
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("replicas", "data", "shape"), [(1, 0, (1, 8)), (8, 0, (8, 1)), (12, 0, (4, 2)), (3, 0, (1, 8)), (8, 4, (2, 4))]
)
def test_replicas_share_the_devices_out_and_the_rest_shares_a_batch(replicas, data, shape):
    mesh = parallel.make_mesh(replicas, data=data)
    assert dict(mesh.shape) == dict(zip(("replica", "data"), shape, strict=True))
    assert mesh.devices.ravel().tolist() == jax.devices()


@pytest.mark.parametrize(
    ("replicas", "data", "message"),
    [
        (1, 3, "8 devices cannot be cut into groups of 3"),
        (1, 16, "8 devices cannot be cut into groups of 16"),
    ],
)
def test_groups_that_do_not_fit_are_refused(replicas, data, message):
    with pytest.raises(ValueError, match=message):
        parallel.make_mesh(replicas, data=data)


@dataclasses.dataclass(frozen=True)
class Device:
    id: int
    process_index: int


@pytest.mark.parametrize(("hosts", "shape"), [(1, {"replica": 3, "data": 2}), (4, {"replica": 4, "data": 2})])
def test_one_host_leaves_devices_idle_and_several_repeat_the_last_replica(hosts, shape):
    devices = [Device(i, i // (8 // hosts)) for i in range(8)]
    mesh = parallel.choose_mesh(3, (32, 64), pictures=3, devices=devices)
    assert mesh.devices.ravel().tolist() == devices[: mesh.size]
    assert dict(mesh.shape) == shape


def test_the_last_replica_is_repeated_until_groups_divide_them_and_is_not_fetched():
    mesh, made = small_runs.mesh(2, replicas=2), []
    assert [parallel.padded(replicas, mesh) for replicas in (1, 2, 3, 4)] == [2, 2, 4, 4]
    stacked = parallel.stack_replicas(lambda i: made.append(i) or np.full(2, i), 3, mesh)
    assert made == [0, 1, 2]
    np.testing.assert_array_equal(stacked, [[0, 0], [1, 1], [2, 2], [2, 2]])
    np.testing.assert_array_equal(parallel.fetch({"x": stacked}, replicas=3)["x"], [[0, 0], [1, 1], [2, 2]])
    rows = np.arange(6).reshape(3, 1, 2)
    for spec in (parallel.STATE, parallel.BATCH):
        np.testing.assert_array_equal(parallel.place_global(rows, mesh, spec), rows[[0, 1, 2, 2]])


def test_a_batch_that_does_not_divide_is_refused_with_both_numbers():
    with pytest.raises(ValueError, match="batch of 12 cannot be divided over 8 devices"):
        parallel.check_batch_size(12, parallel.make_mesh())
    parallel.check_batch_size(12, parallel.make_mesh(2))


def test_a_batch_is_named_in_its_refusal():
    with pytest.raises(ValueError, match="config.evaluation_batch_size of 12 cannot be divided over 8 devices"):
        parallel.check_batch_size(12, parallel.make_mesh(), name="config.evaluation_batch_size")


def test_objects_of_any_size_are_gathered_in_chunks(monkeypatch):
    """Two threads stand in for two processes."""
    meeting, sent, widths = threading.Barrier(2), {}, []

    def allgather(array):
        sent[threading.current_thread().name] = array
        meeting.wait(5)
        rows = np.stack([sent["0"], sent["1"]])
        meeting.wait(5)
        widths.append(array.nbytes)
        return rows

    monkeypatch.setattr(parallel.multihost_utils, "process_allgather", allgather)
    monkeypatch.setattr(parallel.jax, "process_count", lambda: 2)
    monkeypatch.setattr(parallel, "CHUNK", 1000)
    values, gathered = [{"long": "x" * 5432}, ["short"]], {}

    def gather(process):
        gathered[process] = parallel.gather_objects(values[process])

    threads = [threading.Thread(target=gather, args=(i,), name=str(i)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert gathered == {0: values, 1: values}
    assert max(widths) == 1000


def test_half_an_address_is_refused():
    with pytest.raises(ValueError, match="give all three"):
        parallel.initialize("localhost:1234", 2)
    with pytest.raises(ValueError, match="give all three"):
        parallel.initialize(processes=2, process=0)


def test_one_process_is_first():
    assert parallel.first_process_first(lambda: "done") == "done"


def test_replicas_are_stacked_where_they_live_and_taken_out_again():
    mesh = parallel.make_mesh(4)
    tree = parallel.stack_replicas(lambda i: {"x": np.full(3, i), "y": np.float32(i)}, 4, mesh)
    assert tree["x"].shape == (4, 3)
    np.testing.assert_array_equal(tree["x"].addressable_data(7), [[3, 3, 3]])
    assert parallel.take_replica(tree, 2, mesh) == {"x": pytest.approx([2, 2, 2]), "y": 2}
    np.testing.assert_array_equal(parallel.fetch(tree)["y"], [0, 1, 2, 3])


def test_rows_are_cut_over_the_devices_of_a_replica_and_shared_arrays_are_not():
    mesh = parallel.make_mesh(2)
    rows = np.arange(2 * 1 * 8).reshape(2, 1, 8)
    for placed in (parallel.place_global(rows, mesh, parallel.BATCH), parallel.to_global(rows, mesh)):
        np.testing.assert_array_equal(placed, rows)
        np.testing.assert_array_equal(placed.addressable_data(5), [[[10, 11]]])
    np.testing.assert_array_equal(parallel.place_global(rows, mesh).addressable_data(5), rows)


def _counting(state, batch, *shared, axis_name):
    assert batch["x"].shape == (1, 2)
    return state + 1, jax.lax.psum(jnp.sum(batch["x"]), axis_name) + sum(shared)


@pytest.mark.parametrize(("replicas", "how"), [(1, How.SHARD_MAP), (1, How.PMAP), (4, How.SHARD_MAP)])
def test_a_step_sees_its_own_rows_and_sums_over_the_devices_of_its_own_replica(replicas, how):
    mesh = parallel.make_mesh(replicas)
    x = np.arange(16.0, dtype=np.float32).reshape(replicas, 1, 16 // replicas)
    counters = parallel.stack_replicas(lambda i: np.float32(i), replicas, mesh)
    batch, shared = parallel.place_global({"x": x}, mesh, parallel.BATCH), parallel.place_global(np.float32(1000), mesh)
    counters, sums = parallel.spmd(_counting, mesh, how=how)(counters, batch, shared)
    np.testing.assert_array_equal(counters, np.arange(replicas) + 1)
    np.testing.assert_array_equal(sums, x.sum(axis=(1, 2)) + 1000)


def test_on_tpus_all_pictures_lie_by_planes_of_one_color(traced_for_tpu):
    mesh = parallel.make_mesh(devices=jax.devices()[:2])
    pictures = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), np.uint8)
    placed = parallel.place_pictures(pictures, mesh)
    np.testing.assert_array_equal(placed, pictures)
    program = jax.jit(lambda pictures, rows: pictures[rows])
    rows = parallel.place_global(np.array([3, 1]), mesh)
    np.testing.assert_array_equal(program(placed, rows), pictures[[3, 1]])
    formats, _ = program.lower(placed, rows).compile().input_formats
    assert formats[0].layout.major_to_minor == (0, 3, 1, 2)  # taken as it lies


def test_rows_come_back_in_their_order_with_more_replicas_than_groups():
    mesh = small_runs.mesh(4, replicas=4, data=2)
    rows = np.arange(16.0).reshape(4, 1, 4)
    scaled = parallel.spmd_rows(lambda factor, rows: factor * rows, mesh)(
        parallel.stack_replicas(lambda i: np.float32(10**i), 4, mesh),
        parallel.place_global(rows.astype(np.float32), mesh, parallel.BATCH),
    )
    np.testing.assert_array_equal(scaled, rows * 10 ** np.arange(4)[:, None, None])


def test_pmap_refuses_several_groups_of_replicas():
    with pytest.raises(ValueError, match="pmap serves one replica; this mesh has 4 groups"):
        parallel.spmd(_counting, parallel.make_mesh(4), how=How.PMAP)


@contextlib.contextmanager
def _compilations(caplog):
    """How many programs are compiled in this context, the small ones between two steps too."""
    caplog.clear()
    with jax.log_compiles(), caplog.at_level(logging.WARNING):
        yield lambda: sum("Finished XLA compilation" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("how", How)
def test_a_step_gives_its_memory_on_moves_nothing_to_the_devices_and_compiles_once(how, caplog):
    model, variables = small_runs.dot()
    mesh = small_runs.mesh(2)
    program = small_runs.program(model, mesh, how=how)
    current, _ = program(small_runs.start(variables, [small_runs.hyper()], mesh), _placed(model, mesh))
    for seed in range(2):
        before, batch = current, _placed(model, mesh, seed=seed)
        with _compilations(caplog) as count, jax.transfer_guard_host_to_device("disallow"):
            current, sums = program(before, batch)
        assert count() == 0
        assert all(leaf.is_deleted() for leaf in jax.tree.leaves(before))
    assert sums["loss"].shape == (1,)
    assert current.step.sharding == parallel.place_global(np.zeros(1), mesh, parallel.STATE).sharding


def _placed(model, mesh, **options):
    return small_runs.place([small_runs.batch(model, **options)], mesh)


COLLECTIVE = r" (?:all-reduce|all-gather|all-to-all|reduce-scatter|collective-\w+)(?:-start)?\("
PARTICIPANTS = r"(?:replica_groups|source_target_pairs)=\{(\{[\d,{}]*\})\}"
AXES = r"replica_groups=mesh\[(.*?)\] \{(.*?)\}"  # as jaxlib 0.12 writes them: ['replica'=4,'data'=2] {'data'}


def _groups(line):
    """The groups of devices of one collective operation."""
    if axes := re.search(AXES, line):
        sizes = {name: int(size) for name, size in re.findall(r"'(\w+)'=(\d+)", axes[1])}
        within = [list(sizes).index(name) for name in re.findall(r"'(\w+)'", axes[2])]
        ids = np.arange(math.prod(sizes.values())).reshape(*sizes.values())
        ids = np.moveaxis(ids, within, range(-len(within), 0))
        return ids.reshape(-1, math.prod(ids.shape[-len(within) :])).tolist()
    return [group.split(",") for group in re.search(PARTICIPANTS, line)[1].strip("{}").split("},{")]


def _conversations(text):
    """The groups of devices that talk to each other in a compiled program."""
    lines = [line for line in text.splitlines() if re.search(COLLECTIVE, line)]
    return {frozenset(map(int, group)) for line in lines for group in _groups(line)}


def test_devices_talk_within_their_replica_only():
    model, variables = small_runs.dot()
    mesh = parallel.make_mesh(4)
    current = small_runs.start(variables, [small_runs.hyper()] * 4, mesh)
    program, batch = small_runs.program(model, mesh), small_runs.place([small_runs.batch(model)] * 4, mesh)
    seen = _conversations(program.lower(current, batch).compile().as_text())
    assert seen == {frozenset(pair) for pair in [(0, 1), (2, 3), (4, 5), (6, 7)]}


@pytest.mark.parametrize(
    "gossip", [jax.lax.psum, jax.lax.all_gather, lambda x, axis: jax.lax.ppermute(x, axis, [(0, 1)])]
)
def test_a_word_between_replicas_would_be_heard(gossip):
    mesh, spec = parallel.make_mesh(4), PartitionSpec(("replica", "data"))
    program = jax.shard_map(
        lambda x: gossip(x, "replica"), mesh=mesh, in_specs=spec, out_specs=PartitionSpec("data"), check_vma=False
    )
    seen = _conversations(jax.jit(program).lower(np.ones(8, np.float32)).compile().as_text())
    assert {0, 2} <= set().union(*(group for group in seen if 0 in group))


SWEEP = (
    {},
    {"learning_rate": 3e-3},
    {"momentum": 0.5},
    {"weight_decay": 0.1},
    {"margin": 0.9},
    {"loss": 1},
    {"loss": 2, "temperature": 0.3},
    {"learning_rate": 2e-3, "loss": 1, "temperature": 0.5},
)


def test_eight_replicas_are_one_program_that_never_talks_and_each_is_the_run_it_is_alone(caplog):
    with jax.enable_x64(True):
        model, variables = small_runs.network(np.float64)
        hypers = [small_runs.hyper(np.float64, **numbers) for numbers in SWEEP]
        batches = [small_runs.batch(model, rows=8, seed=seed) for seed in range(8)]
        mesh = small_runs.mesh(8, replicas=8)
        program = small_runs.program(model, mesh, choices=small_runs.LOSSES)
        current, placed = small_runs.start(variables, hypers, mesh), small_runs.place(batches, mesh)
        with _compilations(caplog) as count:
            compiled = program.lower(current, placed).compile()
            for _ in range(5):
                current, _ = compiled(current, placed)
        assert count() == 1
        assert max(map(len, _conversations(compiled.as_text())), default=1) == 1

        alone = small_runs.mesh(1)
        program, seen = small_runs.program(model, alone, choices=small_runs.LOSSES), []
        for i, numbers in enumerate(hypers):
            wanted, _ = small_runs.go(program, small_runs.start(variables, [numbers], alone), [batches[i]], alone)
            seen.append(small_runs.of_replica(current, i))
            small_runs.assert_same_state(seen[i], small_runs.of_replica(wanted), 1e-9)
    kernels = np.stack([trees["params"]["conv1"]["kernel"] for trees in seen])
    assert min(np.abs(kernels[i] - kernels[j]).max() for i in range(8) for j in range(i)) > 1e-6


def test_more_replicas_than_groups_take_turns_and_each_is_the_run_it_is_alone():
    with jax.enable_x64(True):
        model, variables = small_runs.dot(np.float64)
        hypers = [small_runs.hyper(np.float64, learning_rate=rate) for rate in (0.1, 0.2, 0.3, 0.4)]
        batches = [small_runs.batch(model, seed=seed) for seed in range(4)]
        many, alone = small_runs.mesh(4, replicas=4, data=2), small_runs.mesh(1)
        start = small_runs.start(variables, hypers, many)
        current, means = small_runs.go(small_runs.program(model, many), start, batches, many)
        one = small_runs.program(model, alone)
        for i in range(4):
            start = small_runs.start(variables, hypers[i : i + 1], alone)
            wanted, mean = small_runs.go(one, start, batches[i : i + 1], alone)
            np.testing.assert_allclose(means[:, i], mean[:, 0], rtol=1e-9)
            small_runs.assert_same_state(small_runs.of_replica(current, i), small_runs.of_replica(wanted), 1e-9)


@pytest.mark.slow
def test_two_processes_of_two_devices_take_the_steps_of_one_process_of_four(tmp_path):
    with _two_processes(tmp_path) as processes, jax.enable_x64(True):
        network, dot = _four_devices(*small_runs.network(np.float64)), _four_devices(*small_runs.dot(np.float64))
        assert [process.wait(timeout=300) for process in processes] == [0, 0]
    assert (tmp_path / "order").read_text() == "01"
    for name, wanted in {"shard_map": network, "pmap": dot, "continued": dot}.items():
        small_runs.assert_same_state(_written(tmp_path / f"{name}.npz", wanted), wanted, 1e-9)
    [number] = np.load(tmp_path / "replica.npz").values()
    np.testing.assert_array_equal(number, [1.5] * 3)


@contextlib.contextmanager
def _two_processes(folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    environment = os.environ | {
        "JAX_PLATFORMS": "cpu",
        "JAX_ENABLE_X64": "1",
        "JAX_DEFAULT_MATMUL_PRECISION": "highest",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
    }
    commands = ([sys.executable, "-m", "tests.two_processes", port, str(i), str(folder)] for i in range(2))
    processes = [subprocess.Popen(command, cwd=ROOT, env=environment) for command in commands]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _four_devices(model, variables):
    mesh = small_runs.mesh(4)
    start = small_runs.start(variables, [small_runs.hyper(np.float64)], mesh)
    after, _ = small_runs.go(small_runs.program(model, mesh), start, [small_runs.batch(model)], mesh)
    return small_runs.of_replica(after)


def _written(path, like):
    return jax.tree.unflatten(jax.tree.structure(like), np.load(path).values())
