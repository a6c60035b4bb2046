"""Flags that are wrong end in one line that says what to do."""

import importlib
import sys

import pytest
from absl import flags
from ml_collections import ConfigDict, config_flags

from perface_jax.commands import command_line
from tests import processes
from tests.processes import ROOT


@pytest.fixture
def parse(monkeypatch):
    """Flags as train.py defines them, but of their own; ml_collections looks for fields in sys.argv."""

    def run(*arguments):
        own = flags.FlagValues()
        monkeypatch.setattr(sys, "argv", ["train.py", f"--config={ROOT / 'configs/perface_r50.py'}", *arguments])
        monkeypatch.setattr(flags, "FLAGS", own)
        config_flags.DEFINE_config_file("config", flag_values=own)
        return command_line.parse(sys.argv), own.config

    return run


def test_commands_are_imported_without_any_effect():
    for name in ("train", "evaluate"):
        importlib.import_module(f"perface_jax.commands.{name}")
    assert not {"config", "workdir", "distributed"} & set(flags.FLAGS)


def test_right_flags_are_read(parse):
    rest, config = parse("--config.margin=0.3", "rest")
    assert (rest, config.margin) == (["train.py", "rest"], 0.3)


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--config.marign=1", "has no field 'marign': --config.marign=1; did you mean 'margin'?"),
        ("--config.sweep.batch_size=(1, 2)", "batch_size=.1, 2.: All runs of a sweep are one program .*: seed, labels"),
        ("--config.margin=abc", "--config.margin=abc: wanted a number"),
        ("--bogus=1", "Unknown command line flag 'bogus'"),
    ],
)
def test_wrong_flags_are_refused_in_one_line(parse, flag, message):
    with pytest.raises(SystemExit, match=message) as refused:
        parse(flag)
    assert "\n" not in str(refused.value)


def test_a_field_that_the_sweep_replaces_is_warned_of_by_name(parse):
    swept = "--config.sweep.margin=(.1,.2)", "--config.sweep.split.fold=(0,1)"
    given = "--config.margin=0.3", "--config.split.fold=4", "--config.seed=2"
    arguments, config = ["train.py", *swept, *given], parse(*swept, *given)[1]
    assert command_line.replaced(arguments, config) == [
        "warning: --config.margin=0.3 has no effect: config.sweep.margin = (0.1, 0.2) takes its place",
        "warning: --config.split.fold=4 has no effect: config.sweep.split.fold = (0, 1) takes its place",
    ]
    assert command_line.replaced(["train.py", *given], parse(*given)[1]) == []


@pytest.mark.parametrize("given", [["--config=perface_r50:d1"], ["--config", "perface_r50:d1"]])
def test_an_installed_config_has_a_name(monkeypatch, given):
    own = flags.FlagValues()
    monkeypatch.setattr(sys, "argv", ["train.py", *given])
    monkeypatch.setattr(flags, "FLAGS", own)
    config_flags.DEFINE_config_file("config", flag_values=own)
    command_line.parse(sys.argv)
    assert own.config.labels == "majority"


def test_the_path_of_a_config_stays_and_an_unknown_name_lists_the_known_ones():
    for given in ("configs/perface_r50.py", "/mine/new.py:big", "new.py"):
        assert command_line.find_config(given) == given
    with pytest.raises(
        ValueError,
        match=r"'perface_r5'; .*one of: anonymizer_synthetic, arcface_r50, .* perface_r50, synth",
    ):
        command_line.find_config("perface_r5:d1")


def test_a_field_of_the_other_task_is_named(parse):
    with pytest.raises(SystemExit, match="the config of this task has no such field: --config.split.sizes=.1, 1, 1.$"):
        parse("--config.split.sizes=(1, 1, 1)")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("perface_r50", "report is a file, wanted a folder to write to"),
        ("arcface_synthetic", "privacy wants the config of a run on triplets; this one's task is identities"),
    ],
)
def test_what_cannot_be_judged_or_written_is_refused_before_any_work(config, message, tmp_path):
    (tmp_path / "report").write_text("")
    flags = [f"--config=configs/{config}.py", "--part=privacy", "--originals=no", f"--report={tmp_path / 'report'}"]
    said = processes.run("evaluate.py", *flags, expect=2)
    assert message in said
    assert "Traceback" not in said


def test_a_tilde_in_the_file_of_a_config_is_the_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    config = ConfigDict({"init": "~/models/a", "crop": "a~b", "data": {"release": "~"}, "seeds": (1, 2)}).lock()
    command_line.expand_homes(config)
    assert (config.init, config.crop, config.data.release) == (f"{tmp_path}/models/a", "a~b", str(tmp_path))
