"""The log of a run, the terminal, TensorBoard, and how seldom the devices are asked."""

import builtins
import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax import parallel
from perface_jax.training import progress as log
from perface_jax.training.progress import Progress
from tests.training.test_tensorboard import scalars

NAMES = ("seed=0", "seed=1")


def _progress(workdir, names=("",), *, first=0, last=20, every=10, tensorboard=False):
    return Progress(workdir, names, first=first, last=last, every=every, tensorboard=tensorboard)


def _step(progress, step, loss, *, count=4.0, diverged=None, steps=1):
    """One call of the program, `steps` steps that end at `step`, with what each replica gave."""
    loss = np.asarray(loss, np.float32)
    sums = {"loss": loss * count, "correct": np.full_like(loss, 3), "active": np.full_like(loss, 2)}
    sums["count"] = np.broadcast_to(np.float32(count), loss.shape)
    diverged = np.full(loss.shape, -1, np.int32) if diverged is None else np.int32(diverged)
    progress.after_steps(step, steps, jax.tree.map(jnp.asarray, sums), jnp.asarray(diverged))


def _lines(workdir):
    return [json.loads(line) for line in (workdir / "log.jsonl").read_text().splitlines()]


def test_the_log_holds_the_means_since_the_last_log_point(tmp_path, capsys):
    with _progress(tmp_path) as progress:
        for step in range(1, 21):
            _step(progress, step, [0.1 * step])
    first, second = _lines(tmp_path)
    assert first == {"step": 10, "loss": pytest.approx(0.55), "training_accuracy": 0.75, "active_rows": 0.5}
    assert (second["step"], second["loss"]) == (20, pytest.approx(1.55))
    first, second, line, _ = capsys.readouterr().out.splitlines()
    assert first == "the first step took 0 s, compiling included"
    assert second.startswith("the 18 steps left take about 0:00:")
    assert line.startswith("step 10/20  loss 0.55  accuracy 0.75  ")
    assert line.endswith(" left")
    assert len(line) <= 80


def test_the_time_left_is_measured_without_the_call_that_compiles(tmp_path, capsys, monkeypatch):
    times = iter([0.0, 100.0, 102.0, 120.0])  # made, after the first call, after the second one, at the log point
    monkeypatch.setattr(log.time, "perf_counter", lambda: next(times))
    with _progress(tmp_path, last=1010) as progress:
        for step in range(1, 11):
            _step(progress, step, [0.5])
    assert capsys.readouterr().out.splitlines() == [
        "the first step took 100 s, compiling included",
        "the 1,008 steps left take about 0:33:36, validations aside",  # 2 s each
        "step 10/1010  loss 0.5  accuracy 0.75  1.8 rows/s  0:37:02 left",  # 9 steps of 4 rows in 20 s: 1000 / 9 * 20
    ]


def test_what_is_too_long_for_a_line_goes_on_below(tmp_path, capsys):
    with _progress(tmp_path) as progress:
        progress.note(3, data="The triplets are divided " + "by source " * 10, shown=True)
        progress.note(3, steps_per_epoch=[7], shown=False)
    out = capsys.readouterr().out.splitlines()
    assert [len(line) <= 80 for line in out] == [True, True]
    assert out[1].startswith("           source by source")
    assert _lines(tmp_path)[-1] == {"step": 3, "steps_per_epoch": [7]}


def test_replicas_that_repeat_the_last_one_are_not_logged(tmp_path, capsys):
    with _progress(tmp_path, NAMES, every=1) as progress:
        _step(progress, 1, [0.25, 0.5, 9, 9], diverged=[-1, -1, 1, 1])
    assert [(line["replica"], line["loss"]) for line in _lines(tmp_path)] == [(NAMES[0], 0.25), (NAMES[1], 0.5)]
    assert "loss 0.375 [0.25, 0.5]" in capsys.readouterr().out


def test_the_devices_are_asked_once_a_log_point(tmp_path, monkeypatch):
    asked = []
    fetch = parallel.fetch
    monkeypatch.setattr(parallel, "fetch", lambda tree, **options: asked.append(tree) or fetch(tree, **options))
    with _progress(tmp_path) as progress:
        for step in range(1, 21):
            _step(progress, step, [0.5])
            assert len(asked) == step // 10


def test_calls_of_several_steps_log_when_they_pass_a_log_point(tmp_path):
    with _progress(tmp_path, last=24) as progress:
        for step in (8, 16, 24):
            _step(progress, step, [0.5], steps=8, count=32.0)
    assert [line["step"] for line in _lines(tmp_path)] == [16, 24]


def test_nothing_is_written_where_no_step_was_taken(tmp_path):
    with _progress(tmp_path) as progress:
        progress.flush(0, None)
    assert not (tmp_path / "log.jsonl").exists()


def test_each_replica_has_its_line_and_the_screen_their_mean_and_range(tmp_path, capsys):
    with _progress(tmp_path, NAMES, every=1) as progress:
        _step(progress, 1, [0.2, 0.6])
        progress.validated(1, np.float32([0.5, np.nan]))
        progress.note(1, steps_per_epoch=[7, 7], shown=True)
    assert [(line.get("replica"), line.get("loss")) for line in _lines(tmp_path)[:2]] == [
        ("seed=0", pytest.approx(0.2)),
        ("seed=1", pytest.approx(0.6)),
    ]
    assert _lines(tmp_path)[2:] == [
        {"step": 1, "replica": "seed=0", "validation_accuracy": 0.5},
        {"step": 1, "steps_per_epoch": [7, 7]},
    ]
    out = capsys.readouterr().out.splitlines()
    assert out[1].startswith("step 1/20  loss 0.4 [0.2, 0.6]  ")
    assert out[2:] == ["step 1/20  validation accuracy 0.5 [0.5, 0.5]", "step 1/20  steps per epoch: [7, 7]"]


def test_going_on_removes_the_lines_of_later_steps_and_half_lines(tmp_path):
    with _progress(tmp_path, every=5) as progress:
        for step in range(1, 16):
            _step(progress, step, [0.5])
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 5, "lo')
    with _progress(tmp_path, first=10, every=5) as progress:
        assert [line["step"] for line in _lines(tmp_path)] == [5, 10]
        for step in range(11, 16):
            _step(progress, step, [0.7])
    assert [(line["step"], line["loss"]) for line in _lines(tmp_path)] == [
        (5, 0.5),
        (10, 0.5),
        (15, pytest.approx(0.7)),
    ]


def test_a_replica_that_diverges_is_named_once_with_its_step_and_has_no_more_lines(tmp_path):
    with _progress(tmp_path, NAMES, every=1) as progress:
        _step(progress, 1, [0.5, 0.5])
        for step in (2, 3):
            _step(progress, step, [0.0, 0.5], count=np.float32([0, 4]), diverged=[2, -1])
    lines = _lines(tmp_path)
    assert [line for line in lines if "diverged" in line] == [{"step": 2, "diverged": "seed=0"}]
    assert [line["step"] for line in lines if line.get("replica") == "seed=0"] == [1]
    assert [line["step"] for line in lines if line.get("replica") == "seed=1"] == [1, 2, 3]


@pytest.mark.parametrize(
    ("names", "diverged", "message"),
    [
        (NAMES, [3, 7], "^step 3 of seed=0; step 7 of seed=1 gave a loss .* between steps 0 and 10"),
        (("",), [2], "^step 2 gave a loss .* between steps 0 and 10"),
    ],
)
def test_a_run_in_which_nothing_is_finite_stops_and_names_the_steps(tmp_path, names, diverged, message):
    with _progress(tmp_path, names) as progress, pytest.raises(FloatingPointError, match=message):
        _step(progress, 10, [0.5] * len(names), steps=10, diverged=diverged)


def test_tensorboard_has_a_run_for_each_replica(tmp_path):
    with _progress(tmp_path, NAMES, every=1, tensorboard=True) as progress:
        _step(progress, 1, [0.2, 0.6])
        progress.validated(1, np.float32([0.25, 0.75]))
    for name, loss, score in zip(NAMES, (0.2, 0.6), (0.25, 0.75), strict=True):
        assert list(scalars(tmp_path / "tensorboard" / name)) == [
            ("loss", 1, pytest.approx(loss)),
            ("training_accuracy", 1, 0.75),
            ("active_rows", 1, 0.5),
            ("validation_accuracy", 1, score),
        ]


def _fails(*_, **__):
    raise OSError("No space left on device")


@pytest.mark.parametrize(
    ("owner", "name", "warned"),
    [
        (builtins, "print", "lines on the terminal cannot be written, the run goes on: No space left on device"),
        (log.Board, "add", "TensorBoard files cannot be written"),
        (log.Board, "close", "TensorBoard files cannot be written"),
        (log.Board, "__init__", "TensorBoard files cannot be written"),
        (pathlib.PosixPath, "open", "log.jsonl cannot be written"),
    ],
)
def test_a_log_that_cannot_be_written_warns_once_and_the_run_goes_on(owner, name, warned, tmp_path, monkeypatch):
    def run():
        with _progress(tmp_path, every=1, tensorboard=True) as progress:
            for step in (1, 2):
                _step(progress, step, [0.5])

    monkeypatch.setattr(owner, name, _fails)
    with pytest.warns(UserWarning, match=warned) as warnings:
        run()
    assert [one.category for one in warnings].count(UserWarning) == 1


def test_half_a_line_that_a_full_disk_left_does_not_spoil_the_next(tmp_path, monkeypatch):
    with _progress(tmp_path, every=1) as progress:
        monkeypatch.setattr(pathlib.PosixPath, "open", _fails)
        with pytest.warns(UserWarning, match="log.jsonl"):
            _step(progress, 1, [0.5])
        monkeypatch.undo()
        (tmp_path / "log.jsonl").write_text('{"step": 1, "lo')
        _step(progress, 2, [0.25])
    assert [(line["step"], line["loss"]) for line in log.read_log(tmp_path / "log.jsonl")] == [(2, 0.25)]


@pytest.mark.parametrize("content", [b"3\n", b'{"step": 1, "loss": 1}\n\xff\xfe'], ids=["number", "torn"])
def test_lines_that_cannot_be_read_do_not_end_the_run(content, tmp_path):
    (tmp_path / "log.jsonl").write_bytes(content)
    with _progress(tmp_path) as progress:
        _step(progress, 10, [0.5], steps=10)
    assert _lines(tmp_path)[-1]["step"] == 10
