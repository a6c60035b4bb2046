"""The commands of docs/pods.md for several processes on one machine, which train together over loopback."""

import os
import signal
import socket
import time

import pytest

from perface_jax.training import preemption
from tests.kill_runs import LAST, left_by, printed, saved


@pytest.fixture(scope="module")
def whole(trainings, tmp_path_factory):
    """What one process with two devices left."""
    workdir = tmp_path_factory.mktemp("whole") / "run"
    trainings.run(workdir, devices=2, **{"mesh.data": 2})
    return left_by(workdir)


def _start_two(trainings, workdir):
    """Two processes of one device; the data set is not built yet when they start the first time."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    flags = f"--coordinator=127.0.0.1:{port}", "--processes=2"
    data = {"data.data_dir": workdir.with_name("tfds"), "mesh.data": 2}
    return [trainings.start(workdir, *flags, f"--process={i}", part=i, **data) for i in range(2)]


def _wait(processes, workdir, *, after):
    while all(process.is_alive() for process in processes) and saved(workdir) < after:
        time.sleep(0.01)


def _join(processes, seconds=240):
    for process in processes:
        process.join(seconds)
    return [process.exitcode for process in processes]


@pytest.mark.slow
def test_two_processes_stopped_killed_and_continued_end_with_the_bytes_of_one(trainings, whole, tmp_path):
    workdir = tmp_path / "run"
    two = _start_two(trainings, workdir)
    _wait(two, workdir, after=3)
    os.kill(two[1].pid, signal.SIGINT)  # which it makes a SIGTERM: one is told, both save the same step
    assert _join(two) == [preemption.EXIT_CODE] * 2, printed(workdir)
    stopped = saved(workdir)
    for part in range(2):
        assert f"told to stop after step {stopped} of {LAST}" in printed(workdir, part)
    assert f"step {stopped}/" not in printed(workdir, 1)  # the first one writes

    two = _start_two(trainings, workdir)
    _wait(two, workdir, after=stopped + 1)
    two[1].kill()
    assert all(_join(two)), "the process that is left ends by itself, and not as if all were well"

    assert _join(_start_two(trainings, workdir)) == [0, 0], printed(workdir)
    assert left_by(workdir) == whole
