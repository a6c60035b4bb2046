"""Where a report says it comes from."""

import datetime
import subprocess
import sys

from perface_jax.report import made, provenance
from tests.conftest import ROOT


def test_the_command_is_one_that_a_reader_can_run_again(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/usr/bin/perface", "evaluate", "--workdir=a b"])
    assert made().command == "perface evaluate '--workdir=a b'"
    monkeypatch.setattr(sys, "argv", ["perface privacy", "--part=privacy", "--originals=a"])
    assert provenance.made().command == "perface privacy --originals=a"
    monkeypatch.setattr(sys, "argv", ["/x/perface_jax/__main__.py", "evaluate"])
    assert made().command == "python -m perface_jax evaluate"


def test_date_and_commit_are_of_now_and_of_this_checkout(monkeypatch, tmp_path):
    now = datetime.datetime.fromisoformat(made().date)
    assert abs(datetime.datetime.now().astimezone() - now) < datetime.timedelta(minutes=2)
    if (ROOT / ".git").exists():
        git = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
        commit = subprocess.run(git, capture_output=True, text=True, check=True).stdout
        assert commit.startswith(made().commit.rstrip("+"))
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "perface_jax" / "report" / "provenance.py"))
    assert made().commit == ""
