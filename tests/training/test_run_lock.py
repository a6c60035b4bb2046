"""Of two runs in one workdir the second is refused, unless the first one is dead."""

import json
import os
import pathlib
import socket
import subprocess
import sys

import pytest

from perface_jax.training import run_lock
from perface_jax.training.run_lock import FILE, held, refuse_held

HOLD = """
import os, sys
from perface_jax.training import run_lock
with run_lock.held(sys.argv[1]):
    print("held", flush=True)
    input()
"""


def _write(workdir, **changes):
    """The lock of this process, with changes."""
    with held(workdir):
        text = (workdir / FILE).read_text()
    (workdir / FILE).write_text(json.dumps(json.loads(text) | changes))


def test_a_workdir_is_held_by_one_process_at_a_time_and_let_go_at_the_end(tmp_path):
    workdir = tmp_path / "new" / "run"
    refuse_held(workdir)
    assert not workdir.exists()
    with held(workdir):
        holder = json.loads((workdir / FILE).read_text())
        message = f"in use: process {os.getpid()} on {socket.gethostname()} trains there since {holder['since']}. Wait"
        with pytest.raises(ValueError, match="is in use") as refused:
            refuse_held(workdir)
        assert message in str(refused.value)
        with pytest.raises(ValueError, match="is in use"), held(workdir):
            pass
        assert json.loads((workdir / FILE).read_text()) == holder
    assert list(workdir.iterdir()) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, SystemExit])
def test_a_run_that_fails_lets_go(tmp_path, error):
    with pytest.raises(error), held(tmp_path):
        raise error
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_held_is_taken_over_and_what_a_living_one_holds_is_not(tmp_path):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], text=True, **pipes) as process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(ValueError, match=f"process {process.pid} on .* or choose another --workdir"):
            refuse_held(tmp_path)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead and not buried
        refuse_held(tmp_path)
    with held(tmp_path):
        assert json.loads((tmp_path / FILE).read_text())["process"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not pathlib.Path("/proc/self/stat").exists(), reason="Linux says when a process was started")
def test_another_process_with_the_number_of_a_dead_one_is_not_taken_for_it(tmp_path):
    _write(tmp_path, born="1")
    refuse_held(tmp_path)
    _write(tmp_path)
    with pytest.raises(ValueError, match="is in use"):
        refuse_held(tmp_path)


def test_a_process_of_another_host_cannot_be_asked_and_the_remedy_is_said(tmp_path):
    _write(tmp_path, host="far", process=2**22 + 1)
    with pytest.raises(ValueError, match=f"on far .*; if it is gone, remove {tmp_path / FILE} and start again"):
        refuse_held(tmp_path)
    with pytest.raises(ValueError, match="on far"), held(tmp_path):
        pass
    (tmp_path / FILE).unlink()
    with held(tmp_path):
        pass


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"host": "h", "process": null, "since": "now"}'])
def test_a_lock_that_does_not_say_whose_it_is_is_respected(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(ValueError, match="may be in use: .* does not say by which process"):
        refuse_held(tmp_path)


def test_a_lock_that_is_taken_over_in_the_same_moment_stays(tmp_path, monkeypatch):
    """Two processes find one dead; the slower one must not remove the lock of the faster one."""
    _write(tmp_path, born="1")
    read = run_lock._read
    living = json.dumps(json.loads((tmp_path / FILE).read_text()) | {"host": "far"})

    def slowly(lock):
        found = read(lock)
        if lock.name == FILE:
            lock.write_text(living)
        return found

    monkeypatch.setattr(run_lock, "_read", slowly)
    with pytest.raises(ValueError, match="on far"), held(tmp_path):
        pass
    assert (tmp_path / FILE).read_text() == living
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_the_lock_of_another_run_stays_where_ours_was_removed_by_hand(tmp_path):
    with held(tmp_path):
        (tmp_path / FILE).unlink()
        (tmp_path / FILE).write_text('{"process": 1}')
    assert (tmp_path / FILE).read_text() == '{"process": 1}'


def test_a_bucket_has_no_lock(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refuse_held("gs://bucket/run")
    with held("gs://bucket/run"):
        assert list(tmp_path.iterdir()) == []
