"""The demo: what it leaves alone and how it stops; the real one, as a user runs it, is slow."""

import json
import os
import pathlib
import re
import signal
import time

import pytest

from perface_jax.commands import demo
from perface_jax.settings import flat
from perface_jax.training import preemption
from tests import processes

PERFACE = ["-c", "from perface_jax.commands import main; main()"]


def test_the_paths_of_the_configs_are_those_of_a_demo_in_runs_demo():
    found = demo.plan(pathlib.Path("runs/demo"))
    assert flat(found.recognizer.to_dict()) == flat(demo.arcface_synthetic.get_config("demo").to_dict())
    assert flat(found.perface.to_dict()) == flat(demo.synthetic.get_config("demo").to_dict())


def test_what_is_drawn_is_what_the_configs_read():
    plan = demo.plan(pathlib.Path("anywhere"))
    assert sum(plan.recognizer.split.sizes) == plan.identities["identities"]
    for name in ("sources", "targets"):
        assert plan.perface.data[name] == plan.world[name] == sum(plan.perface.split[name])
    assert 4 * (plan.perface.groups.gallery + plan.perface.groups.queries) <= plan.world["people"]
    assert plan.world["order_fault"]


def test_a_demo_that_is_done_shows_its_results_and_writes_nothing(tmp_path, capsys):
    (tmp_path / "results.txt").write_text("Accuracy .5 -> .6\n")
    demo.main(["--out", str(tmp_path)])
    assert capsys.readouterr().out == (
        f"The demo in {tmp_path} is done; it runs again once the folder is removed.\nAccuracy .5 -> .6\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["results.txt"]


def test_what_a_stage_prints_is_in_the_log_and_the_terminal_has_lines_of_80_columns(tmp_path, capsys, monkeypatch):
    def draw(data, plan):
        print("drawn to", data)
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "draw", draw)
    with pytest.raises(SystemExit) as end:
        demo.main(["--out", str(tmp_path / "new")])
    assert end.value.code == preemption.EXIT_CODE
    seen = capsys.readouterr()
    assert seen.err == "\nstopped; the same command continues\n"
    assert "a fault is planted" in seen.out
    assert max(map(len, demo.START.splitlines())) <= 80
    assert seen.out.endswith("1/5 drawing 7,560 face swaps, and people")
    assert "drawn to" not in seen.out
    assert f"drawn to {tmp_path / 'new' / 'data'}\n" in (tmp_path / "new" / "demo.log").read_text()


def test_a_folder_that_holds_something_else_is_refused(tmp_path, capsys):
    (tmp_path / "data" / "identities").mkdir(parents=True)
    (tmp_path / "data" / "identities" / "mine.txt").write_text("mine")
    (tmp_path / "data" / "world").mkdir()
    with pytest.raises(SystemExit) as end:
        demo.main(["--out", str(tmp_path)])
    assert end.value.code == 2
    assert "data/identities is not empty, and was not changed" in capsys.readouterr().err


@pytest.mark.slow  # 5 minutes on 2 cores
def test_the_demo_is_stopped_and_continued_and_shows_a_gain(tmp_path):
    out = tmp_path / "runs" / "demo"
    printed = tmp_path / "printed"
    first = processes.start([*PERFACE, "demo", "--out", "runs/demo"], (printed,) * 2, folder=tmp_path)
    while first.is_alive() and not (out / "recognizer" / "log.jsonl").exists():
        time.sleep(0.1)
    os.kill(first.pid, signal.SIGINT)
    first.join()
    assert first.exitcode == preemption.EXIT_CODE
    said = processes.run(*PERFACE, "demo", "--out", "runs/demo", folder=tmp_path)
    lines = said.splitlines()
    assert len(lines) <= 14
    assert max(map(len, lines)) <= 80
    assert "ans3 in another row order, repaired" in said
    gains = [tuple(map(float, found)) for found in re.findall(r"gain (\S+) \[(\S+), (\S+)\]", said)]
    assert len(gains) == 1
    assert gains[0][1] > 0
    assert json.loads((out / "model" / "scale.json").read_text())
    assert {path.name for path in tmp_path.iterdir()} == {"runs", "printed"}
    again = processes.run(*PERFACE, "demo", "--out", "runs/demo", folder=tmp_path)
    assert again.splitlines()[1:] == lines[-6:]
    compare = " ".join(lines[-2:]).replace("\\", "").split()[1:]
    assert "cosine" in processes.run(*PERFACE, *compare, folder=tmp_path)
