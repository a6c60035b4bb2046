"""A run killed, stopped or starved at any moment and started again ends with the bytes of an uninterrupted run.

All of the kills, a line for each run: `python -m pytest tests/training/test_kills.py -m slow -s`.
"""

import os
import pathlib
import random
import resource
import signal
import time

import pytest

from perface_jax.training import preemption
from tests.kill_runs import LAST, left_by, printed, saved

SAVING, EXPORTING = "checkpoints/*.orbax-checkpoint-tmp*", ".model.unfinished"


@pytest.fixture(scope="module")
def whole(trainings, tmp_path_factory):
    """What a run left that nobody disturbed."""
    workdir = tmp_path_factory.mktemp("whole") / "run"
    trainings.run(workdir)
    return left_by(workdir)


def _wait(process, workdir, *, after):
    while process.is_alive() and saved(workdir) < after:
        time.sleep(0.001)


def _kill(process, workdir: pathlib.Path, *, after: int, seconds: float = 0, during: str = "") -> str:
    """Kill a process some seconds after a step was saved and, where `during` is a pattern, when it next writes there.

    Returns:
      what it left unfinished.
    """
    before = _found(workdir, during)
    _wait(process, workdir, after=after)
    due = time.monotonic() + seconds
    while process.is_alive() and (time.monotonic() < due or (during and not _found(workdir, during) - before)):
        time.sleep(0.001)
    ended = not process.is_alive()
    process.kill()
    process.join()
    unfinished = [path.name for pattern in (SAVING, EXPORTING) for path in workdir.glob(pattern)]
    return "ended before" if ended else f"step {saved(workdir)} saved, unfinished {' '.join(unfinished) or 'nothing'}"


def _found(workdir, pattern):
    return {(path.name, path.stat().st_ino) for path in workdir.glob(pattern)} if pattern else set()


@pytest.mark.slow
def test_a_run_killed_while_saving_and_while_exporting_ends_with_the_same_bytes(trainings, whole, tmp_path):
    workdir = tmp_path / "run"
    for moment, unfinished in (
        ({"after": -1, "during": SAVING}, "3.orbax-checkpoint-tmp"),
        ({"after": 9, "during": SAVING}, ".orbax-checkpoint-tmp"),
        ({"after": LAST, "during": EXPORTING}, ".model.unfinished"),
    ):
        assert unfinished in _kill(trainings.start(workdir), workdir, **moment)
    assert trainings.run(workdir).startswith(f"step {LAST}/{LAST}  ")
    assert left_by(workdir) == whole


@pytest.mark.slow
def test_twenty_runs_killed_at_random_moments_end_with_the_same_bytes(trainings, whole, tmp_path):
    moments, different = random.Random(0), []
    for i in range(20):
        workdir, left = tmp_path / str(i), []
        for _ in range(moments.randint(1, 3)):
            last, during = saved(workdir), moments.choice(("", "", SAVING, SAVING, EXPORTING))
            if last < LAST and moments.random() < 0.7:
                moment = {"after": moments.randint(last + 1, LAST), "seconds": moments.uniform(0, 0.5)}
            else:
                moment = {"after": -1, "seconds": moments.uniform(0, 5)}
            left.append(_kill(trainings.start(workdir), workdir, **moment, during=during))
        trainings.run(workdir)
        same = left_by(workdir) == whole
        print(f"run {i}: {'the same bytes' if same else 'OTHER BYTES'} after {'; '.join(left)}", flush=True)
        different += [] if same else [i]
    assert not different


@pytest.mark.slow  # its guards: a run told to stop in test_trainer, and tests/commands/test_train.py
def test_a_run_told_to_stop_saves_exits_with_75_and_ends_with_the_same_bytes(trainings, whole, tmp_path):
    workdir = tmp_path / "run"
    process = trainings.start(workdir)
    _wait(process, workdir, after=6)
    os.kill(process.pid, signal.SIGTERM)
    process.join()
    assert process.exitcode == preemption.EXIT_CODE == 75
    assert f"told to stop after step {saved(workdir)} of {LAST}; the state is saved in {workdir}" in printed(workdir)
    assert f"step {saved(workdir)}/{LAST}" in trainings.run(workdir).splitlines()[0]
    assert left_by(workdir) == whole


def _children(process: int) -> list[int]:
    """Those that a process started, as Linux tells."""
    lists = pathlib.Path(f"/proc/{process}/task").glob("*/children")
    return [int(child) for one in lists for child in one.read_text().split()]


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 1])
def test_ctrl_c_saves_and_ends_like_sigterm_though_it_reaches_the_reading_processes_too(
    trainings, whole, tmp_path, workers
):
    workdir = tmp_path / "run"
    process = trainings.start(workdir, workers=workers)
    _wait(process, workdir, after=6)
    readers = _children(process.pid)
    assert bool(readers) == bool(workers)
    for one in (*readers, process.pid):
        os.kill(one, signal.SIGINT)
    process.join()
    told = printed(workdir)
    assert process.exitcode == preemption.EXIT_CODE, told
    assert f"told to stop after step {saved(workdir)} of {LAST}; the state is saved in {workdir}" in told
    assert "Traceback" not in told
    assert not (workdir / "run.lock").exists()
    trainings.run(workdir)
    assert left_by(workdir) == whole


@pytest.mark.slow
def test_a_second_ctrl_c_ends_at_once_and_the_run_goes_on_from_the_state_saved_last(trainings, whole, tmp_path):
    workdir = tmp_path / "run"
    process = trainings.start(workdir)
    _wait(process, workdir, after=3)
    os.kill(process.pid, signal.SIGINT)
    while process.is_alive() and "Ctrl-C again ends at once" not in printed(workdir):
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGINT)
    process.join()
    assert process.exitcode in (-signal.SIGINT, preemption.EXIT_CODE)  # it may have been done with saving by then
    trainings.run(workdir)
    assert left_by(workdir) == whole


@pytest.mark.slow
def test_a_second_training_in_a_workdir_is_refused_and_may_take_over_from_a_killed_one(trainings, whole, tmp_path):
    workdir = tmp_path / "run"
    first = trainings.start(workdir)
    _wait(first, workdir, after=3)
    os.kill(first.pid, signal.SIGSTOP)  # it is alive and does nothing
    second = trainings.start(workdir, part=1)
    second.join()
    assert second.exitcode == 2
    told = printed(workdir, 1)
    assert f"{workdir} is in use: process {first.pid} on " in told
    assert "Traceback" not in told
    first.kill()
    first.join()
    assert (workdir / "run.lock").exists()
    trainings.run(workdir)
    assert not (workdir / "run.lock").exists()
    assert left_by(workdir) == whole


@pytest.mark.slow
def test_a_full_disk_ends_the_run_with_its_last_state_whole(trainings, whole, tmp_path):
    workdir = tmp_path / "run"
    process = trainings.start(workdir, keep_checkpoints=1)
    _wait(process, workdir, after=3)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (50_000, 50_000))  # what is printed is shorter
    process.join()
    told = printed(workdir)
    assert process.exitcode == 2
    assert "Traceback" not in told
    fault, advice = told.splitlines()[-2:]
    assert fault.startswith("a state could not be saved: OUT_OF_RANGE: ")
    assert f'"{workdir}/checkpoints/' in fault
    assert advice.startswith("Earlier states are complete")
    kept = saved(workdir)
    assert 3 <= kept < LAST
    assert f"step {kept}/{LAST}" in trainings.run(workdir, keep_checkpoints=1).splitlines()[0]
    assert left_by(workdir) == whole


@pytest.mark.slow
def test_after_a_truncated_file_the_state_before_is_taken_and_the_run_ends_with_the_same_bytes(
    trainings,
    whole,
    tmp_path,
):
    workdir = tmp_path / "run"
    _kill(trainings.start(workdir), workdir, after=6)
    damaged = saved(workdir)
    files = (workdir / "checkpoints" / str(damaged) / "default" / "ocdbt.process_0" / "d").iterdir()
    for file in files:
        os.truncate(file, file.stat().st_size // 2)
    told = trainings.run(workdir)
    assert "continuing from an earlier state; set aside as damaged-checkpoint" in told
    assert f"{workdir}/checkpoints/{damaged}: " in told
    assert f"continues at step {damaged - 3:,} of {LAST:,}" in told
    assert "Traceback" not in told
    assert left_by(workdir) == whole


@pytest.mark.parametrize("taken", ["", "checkpoints", "log.jsonl/x"])
def test_what_cannot_be_written_to_is_named_in_one_line(trainings, tmp_path, taken):
    """A file stands in the place of a folder, or the other way round, since root may write anywhere else."""
    file = tmp_path / "run" / taken
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("")
    told = trainings.run(tmp_path / "run", expect=2)
    assert "Traceback" not in told
    assert str(tmp_path / "run") in told.splitlines()[-1]
