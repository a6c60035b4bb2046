"""`perface collect serve` and `delete`: links, what is refused, and a server that starts, answers and ends."""

import csv
import os
import re
import signal
import socket
import stat
import time
import urllib.request

import pytest

from perface_jax import collection
from perface_jax.collection.store import open_store
from perface_jax.commands import collect_delete, collect_serve
from tests import processes
from tests.collection.small_study import write_study


@pytest.fixture
def study(tmp_path):
    return write_study(tmp_path / "study", targets=2, spacing=3)


def links_of(study):
    with open(study.folder / "links.csv") as file:
        return {row["annotator"]: row["link"] for row in csv.DictReader(file)}


def test_one_wave_gets_links_and_they_stay_when_more_are_wanted(study):
    store = open_store(study)
    collect_serve.add_links(study, store, None)
    collect_serve.write_links(study, store, "http://a")
    first = links_of(study)
    assert len(first) == study.plan.annotators
    assert all(re.fullmatch(r"http://a/#[0-9a-f]{32}", link) for link in first.values())
    assert stat.S_IMODE((study.folder / "links.csv").stat().st_mode) == 0o600
    for wanted in (None, 2, 7):
        collect_serve.add_links(study, store, wanted)
    collect_serve.write_links(study, store, "https://b")
    more = links_of(study)
    assert len(more) == 7
    assert {name: link.replace("https://b", "http://a") for name, link in more.items()}.items() >= first.items()
    store.close()


def test_nobody_else_can_read_the_links_while_they_are_written(study, monkeypatch):
    def half_written(path, rows):
        path.with_name(".links.csv").write_text("a link")
        raise OSError("no space left")

    monkeypatch.setattr(collect_serve.files, "write_csv", half_written)
    store, before = open_store(study), os.umask(0o022)
    with pytest.raises(OSError, match="no space"):
        collect_serve.write_links(study, store, "http://a")
    assert stat.S_IMODE((study.folder / ".links.csv").stat().st_mode) == 0o600
    assert os.umask(before) == 0o022
    store.close()


def test_a_study_changed_after_its_first_vote_is_not_served(study, capsys):
    store = open_store(study)
    store.add_annotators({"panna": "x"})
    store.begin("panna", consent="", plan_of=lambda n: collection.plan_hash(collection.plan_trials(study, n)))
    collect_serve.refuse_changed_plan(study, store)
    store.close()
    plan = study.folder / "plan.yaml"
    plan.write_text(plan.read_text() + "seed: 7\n")
    with pytest.raises(SystemExit, match="2"):
        collect_serve.main([str(study.folder), "--port", "0"])
    assert "panna has begun under another plan" in capsys.readouterr().err


def test_a_port_in_use_and_a_folder_that_is_no_study_are_one_line(study, tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SystemExit, match="2"):
        collect_serve.main([str(study.folder), "--port", str(taken.getsockname()[1])])
    assert "cannot listen on 127.0.0.1 port" in capsys.readouterr().err
    for wrong in (["--port", "99999"], ["--votes-per-second", "nan"], ["--votes-per-second", "0"]):
        with pytest.raises(SystemExit, match="2"):
            collect_serve.main([str(study.folder), *wrong])
        assert len(capsys.readouterr().err.splitlines()) == 1
    with pytest.raises(SystemExit, match="2"):
        collect_serve.main([str(tmp_path)])
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_delete_says_which_exports_hold_the_votes(study, capsys):
    store = open_store(study)
    store.add_annotators({"panna": "x", "pberta": "y"})
    store.record_export("/data/first", ["panna"])
    store.close()
    collect_delete.main([str(study.folder), "panna"])
    assert "/data/first (2" in capsys.readouterr().out
    collect_delete.main([str(study.folder), "pberta"])
    assert "No export holds the votes." in capsys.readouterr().out
    with pytest.raises(SystemExit, match="2"):
        collect_delete.main([str(study.folder), "pclara"])
    assert "no annotator 'pclara' in this study; links.csv" in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_serves_until_it_is_ended_and_goes_on(study, tmp_path):
    for turn in range(2):
        printed, errors = tmp_path / f"output{turn}", tmp_path / f"errors{turn}"
        process = processes.start(
            ["-m", "perface_jax", "collect", "serve", study.folder, "--port", 0], (printed, errors)
        )
        while "Serving" not in (printed.read_text() if printed.exists() else ""):
            assert process.is_alive(), errors.read_text()
            time.sleep(0.05)
        link = next(iter(links_of(study).values()))
        address, _, token = link.partition("#")
        asked = urllib.request.Request(f"{address}api/state", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(asked) as answer:
            assert answer.status == 200
        os.kill(process.pid, signal.SIGINT)
        process.join(20)
        assert process.exitcode == 0
        said = printed.read_text()
        assert re.search(r"^Admin: http://127.0.0.1:\d+/admin#[0-9a-f]{32}$", said, re.MULTILINE)
        assert "Stopped with 0 votes." in said
        assert token not in said
        assert not errors.read_text()
