"""The commands of the README as a user types them, each in a process of its own (`make demo` is run by hand)."""

import functools
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from perface_jax import commands, selftest
from perface_jax._version import __version__
from perface_jax.commands import COMMANDS
from perface_jax.network.model_folder import load_model
from tests import processes
from tests.conftest import QUICK, ROOT
from tests.small_release import SOURCES, TARGETS

PATIENCE = 20  # seconds: on a busy machine, a second signal would meet the first one's tidying up
run = functools.partial(processes.run, xla_flags=QUICK)


def perface(*arguments, expect=0):
    """The console script, installed or not."""
    return run("-c", "from perface_jax.commands import main; main()", *arguments, expect=expect)


def test_perface_lists_its_commands_and_names_them_where_another_is_asked_for():
    listed = perface("--help")
    assert all(f"\n  {name} " in listed for name in COMMANDS)
    assert max(map(len, listed.splitlines())) <= 80
    assert len(listed.splitlines()) <= 30
    assert listed == perface() == run("-m", "perface_jax")
    assert perface("--version") == f"perface_jax {__version__}\n"
    wanted = "perface has no command 'trian'; did you mean 'train'? All commands: perface --help\n"
    assert perface("trian", expect=2) == wanted
    shown = [name for names in commands.GROUPS.values() for name in names if name in COMMANDS]
    assert sorted(shown) == sorted(COMMANDS)


def test_memory_that_is_used_up_is_one_line_and_nothing_is_tidied_up_after_it(monkeypatch, capsys):
    def use_up():
        raise MemoryError

    ended = []
    monkeypatch.setattr(commands.quiet, "install", lambda: None)
    monkeypatch.setattr(selftest, "main", use_up)
    monkeypatch.setattr(commands.os, "_exit", ended.append)
    commands.call("selftest")
    assert ended == [2]
    assert capsys.readouterr().err.startswith("out of memory. Close other programs, or take a smaller model")


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("train", "--workdir"),
        ("evaluate", "--parts"),
        ("anonymize", "--originals"),
        ("config", "triplets"),
        ("audit", "--sources"),
        ("selftest", "folder"),
        ("detect", "--smallest"),
        ("scale", "--answers"),
        ("convert", ".safetensors"),
        ("export", "--format"),
        ("synthetic", "--targets"),
        ("identities", "--pictures"),
    ],
)
def test_every_command_of_perface_shows_an_example_and_its_options(name, option):
    shown = perface(name, "--help")
    assert shown.startswith(f"For example:\n  perface {name} ")
    assert option in shown
    assert len(shown.splitlines()[1]) <= 80


def test_the_fields_of_a_config_are_listed_with_what_they_mean():
    listed = perface("config", "identities").splitlines()
    margin = next(i for i, line in enumerate(listed) if line.startswith("margin = 0.3: "))
    assert "; can be swept" in " ".join(listed[margin : margin + 2]).replace("     ", " ")
    assert max(map(len, listed)) <= 80
    assert not [line for line in listed if line.startswith(("labels", "groups", "anonymize"))]


def test_the_former_spelling_of_a_flag_is_understood_and_not_advertised():
    said = perface("evaluate", "--anonymised=a=x", "--part=privacy", expect=2)
    assert said == "privacy wants --originals=DIR\n"
    assert "anonymised" not in perface("evaluate", "--help")


def test_ctrl_c_while_a_data_set_is_drawn_ends_with_one_line_and_leaves_no_part_of_it(tmp_path):
    code, folder = "from perface_jax.commands import main; main()", tmp_path / "new" / "world"
    process = processes.start(["-c", code, "synthetic", "--out", folder], (tmp_path / "said",) * 2, xla_flags=QUICK)
    while process.is_alive() and not list(tmp_path.glob("new/**/.*unfinished*")):
        time.sleep(0.01)
    while process.is_alive():
        os.kill(process.pid, signal.SIGINT)  # again, as a user would: Python drops a KeyboardInterrupt in a destructor
        process.join(PATIENCE)
    assert process.exitcode == 130
    said = (tmp_path / "said").read_text()
    assert "Traceback" not in said
    assert said.endswith(f"\ninterrupted: {folder} is not there; the same command starts again\n")
    assert not list(tmp_path.glob("new/**/*.*"))


def test_ctrl_c_ends_any_command_with_one_line(monkeypatch, capsys):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(selftest, "main", interrupted)
    with pytest.raises(SystemExit) as ended:
        commands.call("selftest")
    assert ended.value.code == 130
    assert capsys.readouterr().err.startswith("\ninterrupted: what is written is whole")


@pytest.fixture(scope="module")
def flags(release, start, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    fields = {
        "init": "",
        "data.release": release,
        "data.data_dir": folder / "tfds",
        "data.sources": SOURCES,
        "data.targets": TARGETS,
        "split.sources": "(6,2,2)",
        "split.targets": "(6,2,2)",
        "model.layers": "(1,1,1,1)",  # half of r18, which compiles in half of the time
    }
    return [
        "--config=configs/perface_r50.py:smoke",
        f"--workdir={folder / 'run'}",
        *(f"--config.{name}={value}" for name, value in fields.items()),
    ]


@pytest.fixture(scope="module")
def printed(flags):
    """What a training printed that built its data set: output, errors."""
    return processes.run_both("train.py", *flags, xla_flags=QUICK)


@pytest.fixture(scope="module")
def trained(flags, printed):
    assert "step 2/2" in printed[0]
    return flags[1].removeprefix("--workdir=")


FOREIGN = (  # absl, XLA, TFDS, Orbax, tqdm, Python's warnings, colors
    r"WARNING|INFO|ERROR|^[IWEF]\d{4} |absl|orbax|tensorstore|grain|[Dd]ownload|it/s|\d%\||Warning:|site-packages"
    r"|Traceback|\x1b|\r"
)


def _is_ours(text, *paths):
    for path in paths:
        text = text.replace(str(path), "")
    assert not re.findall(FOREIGN, text, re.MULTILINE), text
    assert max(map(len, text.splitlines()), default=0) <= 80, text


def test_a_training_that_builds_its_data_says_what_it_does_and_found_and_nothing_foreign(printed, trained, release):
    output, errors = printed
    _is_ours(output, trained)
    _is_ours(errors, pathlib.Path(trained).parent, release)
    assert errors.startswith("note: builds the data set")
    assert "one run on 1 device (cpu), from random weights." in " ".join(output.split())
    assert "the first step took " in output
    last = " ".join(output[output.index("Accuracy on validation") :].split())
    assert last.endswith(f"The model: {trained}/model. Next: perface evaluate --workdir={trained}")


def test_train_then_evaluate_prints_and_writes_the_accuracy_before_and_after(trained, tmp_path):
    """The config is the one of the run. What is printed is ours, and says where the numbers are."""
    folders = f"--report={tmp_path / 'report'}", f"--figures={tmp_path / 'figures'}"
    output, errors = processes.run_both("evaluate.py", f"--workdir={trained}", *folders, xla_flags=QUICK)
    _is_ours(output, trained, tmp_path)
    assert errors == ""
    assert output.startswith("Evaluating ")
    assert output.endswith(f"All numbers: {trained}/evaluation.json; tables: --tables; a page: --report=DIR\n")
    with open(f"{trained}/evaluation.json") as file:
        written = json.load(file)
    section = written["sections"][0]
    assert section["title"] == "Triplet accuracy"
    found = {(row["setting"], row["model"]) for row in section["rows"] if row["kind"] == "model"}
    settings = "train", "validation", "i", "ii", "iii"
    assert found == {(setting, model) for setting in settings for model in ("before", "after")}
    assert json.loads((tmp_path / "report" / "report.json").read_text()) == written
    page = (tmp_path / "report" / "report.html").read_text()
    assert all(part["title"] in page for part in written["sections"])
    for row in section["rows"]:
        assert row["accuracy"] is None or f"{row['accuracy']:.3f}" in page
    assert len(list((tmp_path / "figures").glob("*.pdf"))) >= 5


def test_only_paths_and_settings_of_an_evaluation_may_be_given_again(trained, start, tmp_path):
    workdir = f"--workdir={trained}"
    said = run("evaluate.py", workdir, "--config.margin=0.3", expect=2)
    assert "holds another run" in said
    assert "+ margin = 0.3" in said
    said = run("evaluate.py", workdir, "--config.split.sizes=(1,1,1)", expect=2)
    assert said == "the config of this task has no such field: --config.split.sizes=(1,1,1)\n"
    assert "Traceback" not in run("evaluate.py", workdir, "--config.margin=wide", expect=2)
    assert "triplet_answers.csv is missing" in run(
        "evaluate.py", workdir, f"--config.data.release={tmp_path}", expect=2
    )
    assert "holds no run: there is no" in run("evaluate.py", f"--workdir={tmp_path}", expect=2)


def test_vectors_are_embedded_by_one_command_and_judged_by_another(trained, flags, release, tmp_path):
    out = tmp_path / "mine.npz"
    said = run("evaluate.py", *flags, "--parts=embed", f"--pictures={release / 'triplet'}", f"--out={out}")
    assert "300 pictures embedded by" in said
    flags = [flag for flag in flags if not flag.startswith("--workdir")]
    table = run("evaluate.py", *flags, f"--embeddings={out}", f"--report={tmp_path}", "--tables")
    section = json.loads((tmp_path / "report.json").read_text())["sections"][0]
    assert "mine" in {row["model"] for row in section["rows"]}
    for row in section["rows"]:
        assert row["accuracy"] is None or f"{row['accuracy']:.3f}" in table
    assert "either --workdir" in run("evaluate.py", *flags, expect=2)


def test_the_trained_model_passes_its_selftest_and_goes_back_to_pytorch(trained, tmp_path):
    assert "right" in run("-m", "perface_jax.selftest", f"{trained}/model")
    run("-m", "converters.to_torch", f"{trained}/model", "--out", tmp_path / "back.pth")
    run("-m", "converters.arcface_torch", tmp_path / "back.pth", "--out", tmp_path / "again")
    model, _ = load_model(tmp_path / "again")
    assert (model.layers, model.width) == ((1, 1, 1, 1), 4)


def test_three_lines_of_python_embed_a_folder(trained, tmp_path):
    Image.fromarray(np.arange(48 * 48 * 3).astype(np.uint8).reshape(48, 48, 3)).save(tmp_path / "a.png")
    code = f"""
import perface_jax
model, variables = perface_jax.load_model("{trained}/model")
names, embeddings, skipped = perface_jax.embed_folder(model, variables, "{tmp_path}", crop="simswap")
print(names, embeddings.shape, float(perface_jax.similarity(embeddings[0], embeddings[0])))
"""
    assert run("-c", code).startswith("['a.png'] (1, 512) ")


def test_an_unknown_field_suggests_the_closest(flags):
    message = run("train.py", *flags, "--config.marign=0.2", expect=2)
    assert "marign" in message
    assert "margin" in message


def test_a_stray_argument_is_refused(flags):
    """Python itself starts the command, which the other tests fork from a process that has imported it."""
    command = [sys.executable, "train.py", *flags, "margin=0.2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "unexpected argument 'margin=0.2'" in done.stderr


@pytest.mark.slow  # two more programs to compile; tests/anonymization/test_anonymizer.py checks the results
def test_faces_are_anonymized_by_one_command_and_evaluated_by_another(trained, flags, release, tmp_path):
    for folder, count in (("originals", 4), ("candidates", 24)):
        (tmp_path / folder).mkdir()
        for path in sorted((release / "triplet").glob("*.jpg"))[:count]:
            (tmp_path / folder / f"{folder[0]}{path.name}").write_bytes(path.read_bytes())
    options = [
        *flags, "--crop=simswap", "--config.anonymize.size=48", "--config.anonymize.false_accept_rate=.5",
        f"--candidates={tmp_path / 'candidates'}",
    ]  # fmt: skip
    out, originals = tmp_path / "out", tmp_path / "originals"
    said = run("evaluate.py", *options, "--part=anonymize", f"--queries={originals}", f"--out={out}")  # the former name
    assert "ot0000_a" in said
    assert (out / "sheet.png").exists()
    report = f"--report={tmp_path / 'report'}"
    given = f"--originals={originals}", f"--anonymized=ours={originals}"
    said = run("evaluate.py", *options, "--part=privacy", *given, report)
    assert "chosen swap" in said
    assert (tmp_path / "report" / "report.html").exists()
    assert "wants --originals=DIR" in run("evaluate.py", *flags, "--part=privacy", expect=2)
    unwanted = run(
        "evaluate.py",
        *options,
        "--part=anonymize",
        f"--originals={originals}",
        "--diffusion=x",
        f"--out={tmp_path / 'o'}",
        expect=2,
    )
    assert "--diffusion=x wants --method=diffusion" in unwanted
