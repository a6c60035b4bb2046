"""Sweeps whose number of runs the devices do not divide: what is trained, saved, logged and exported."""

import json
import os
import signal
import socket
import time

import jax
import numpy as np
import pytest

from perface_jax import parallel
from perface_jax.training import preemption, repeated_replicas
from tests import small_runs
from tests.kill_runs import printed, saved, saved_arrays

SWEEP = {"feed": "on_device", "max_steps": 2, "evaluate_every": 10}


def test_what_is_repeated_is_left_out_and_comes_back():
    mesh = small_runs.mesh(2, replicas=2)
    whole = parallel.stack_replicas(lambda i: {"x": np.full(2, i)}, 3, mesh)
    host = repeated_replicas.without(whole, 3, mesh)
    np.testing.assert_array_equal(host["x"], [[0, 0], [1, 1], [2, 2]])
    again = repeated_replicas.again(host, whole)
    assert again["x"].sharding == whole["x"].sharding
    np.testing.assert_array_equal(again["x"], [[0, 0], [1, 1], [2, 2], [2, 2]])
    assert repeated_replicas.without(whole, 4, mesh) is whole


@pytest.mark.slow
@pytest.mark.parametrize(
    ("runs", "devices", "fields", "said"),
    [
        (31, 16, {}, "31 runs as one program on 16 devices (cpu), 2 runs in turn"),
        (30, 16, {}, "30 runs as one program on 15 of 16 devices (cpu), 2 runs in turn"),
        (30, 256, {"mesh.data": 4}, "30 runs as one program on 120 of 256 devices (cpu), 4 for each run"),
    ],
)
def test_any_number_of_runs_trains_on_any_number_of_devices(trainings, tmp_path, runs, devices, fields, said):
    workdir = tmp_path / "run"
    output = trainings.run(workdir, devices=devices, **SWEEP, **fields, **{"sweep.seed": tuple(range(runs))})
    assert said in " ".join(output.split())
    names = {f"seed={i}" for i in range(runs)}
    assert {path.name for path in (workdir / "models").iterdir()} == names
    lines = [json.loads(line) for line in (workdir / "log.jsonl").read_text().splitlines()]
    assert sorted(line["replica"] for line in lines if line["step"] == 2 and "loss" in line) == sorted(names)
    assert small_runs.saved_replicas(workdir, 2) == {runs}


@pytest.mark.slow
def test_two_processes_train_three_runs_stop_and_go_on_to_the_bytes_of_one_process(trainings, tmp_path):
    fields = SWEEP | {"sweep.seed": (0, 1, 2), "max_steps": 24, "evaluate_every": 1}
    trainings.run(tmp_path / "one", devices=2, **fields)

    workdir = tmp_path / "two"
    two = _start_two(trainings, workdir, fields)
    while all(process.is_alive() for process in two) and saved(workdir) < 3:
        time.sleep(0.01)
    os.kill(two[1].pid, signal.SIGTERM)
    assert _join(two) == [preemption.EXIT_CODE] * 2, printed(workdir)
    assert _join(_start_two(trainings, workdir, fields)) == [0, 0], printed(workdir)
    assert "3 runs as one program on 2 devices (cpu), 2 runs in turn" in " ".join(printed(workdir).split())
    assert small_runs.saved_replicas(workdir, 24) == {3}
    one, other = (saved_arrays(path) for path in (tmp_path / "one", workdir))
    jax.tree.map(np.testing.assert_array_equal, one, other)


def _start_two(trainings, workdir, fields):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    flags = f"--coordinator=127.0.0.1:{port}", "--processes=2"
    return [trainings.start(workdir, *flags, f"--process={i}", part=i, **fields) for i in range(2)]


def _join(processes):
    for process in processes:
        process.join(240)
    return [process.exitcode for process in processes]
