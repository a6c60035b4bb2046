"""Model folders: what is saved loads again, and an incomplete folder does not open."""

import json
import os
import signal
import subprocess
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax.network import model_folder
from perface_jax.network.model import iresnet
from perface_jax.network.model_folder import load_model, save_model
from tests.conftest import ROOT
from tests.golden import formula

MODEL = iresnet("r18", width=4, image_size=32, embedding_size=16, dtype=jnp.bfloat16, crop="simswap")


@pytest.fixture(scope="module")
def variables():
    return formula.variables(MODEL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, variables):
    path = tmp_path_factory.mktemp("models") / "small"
    save_model(path, MODEL, variables, source={"file": "x.pth"}, license="none")
    return path


def test_a_model_comes_back_as_it_was(folder, variables):
    model, loaded = load_model(folder)
    assert model == MODEL
    jax.tree.map(np.testing.assert_array_equal, loaded, variables)


def test_model_json_says_what_a_person_wants_to_know(folder):
    record = json.loads((folder / "model.json").read_text())
    wanted = {
        "arch": "r18",
        "width": 4,
        "crop": "simswap",
        "norms": "running",
        "dtype": "bfloat16",
        "source": {"file": "x.pth"},
        "license": "none",
    }
    assert record | wanted == record


def test_folded_norms_are_remembered(tmp_path, variables):
    save_model(tmp_path / "m", MODEL.clone(folded_norms=True), variables)
    assert load_model(tmp_path / "m")[0].folded_norms


def test_a_folder_is_never_overwritten(folder, variables):
    with pytest.raises(FileExistsError, match="never overwritten"):
        save_model(folder, MODEL, variables)


def test_variables_that_do_not_fit_are_refused_before_anything_is_written(tmp_path, variables):
    with pytest.raises(ValueError, match=r"- params/fc/kernel \[128, 24\]\n\+ params/fc/kernel \[128, 16\]"):
        save_model(tmp_path / "m", MODEL.clone(embedding_size=24), variables)
    broken = {**variables, "batch_stats": jax.tree.map(lambda x: x * np.nan, variables["batch_stats"])}
    with pytest.raises(ValueError, match="NaN or Inf in the weights: batch_stats/bn1/mean"):
        save_model(tmp_path / "m", MODEL, broken)
    assert not list(tmp_path.iterdir())


def test_a_place_without_a_model_says_what_is_there(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(FileNotFoundError, match=r"(?s)found notes\.txt.*perface convert"):
        load_model(tmp_path)
    with pytest.raises(FileNotFoundError, match="found nothing"):
        load_model(tmp_path / "nowhere")


def test_weights_of_another_architecture_are_named(folder, tmp_path):
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", folder, copy], check=True)
    record = json.loads((copy / "model.json").read_text()) | {"layers": [2, 2, 2, 1]}
    (copy / "model.json").write_text(json.dumps(record))
    with pytest.raises(ValueError, match=r"\+ params/layer4_1/bn1/bias \[32\]"):
        load_model(copy)


def test_other_formats_and_broken_json_are_refused(tmp_path):
    (tmp_path / "model.json").write_text('{"format": 99}')
    with pytest.raises(ValueError, match="format 99; this version reads format 1"):
        load_model(tmp_path)
    (tmp_path / "model.json").write_text("{")
    with pytest.raises(ValueError, match="is not JSON"):
        load_model(tmp_path)


def test_an_interrupted_write_leaves_nothing_that_opens_and_does_not_hinder_the_next(tmp_path, variables, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(model_folder, "known_answer", interrupted)  # after the weights, before model.json
    with pytest.raises(KeyboardInterrupt):
        save_model(tmp_path / "m", MODEL, variables)
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "m")
    monkeypatch.undo()
    save_model(tmp_path / "m", MODEL, variables)
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


KILLED = """
import sys
from perface_jax.network.model_folder import save_model
from tests.golden import formula
from tests.network.test_model_folder import MODEL
variables = formula.variables(MODEL)
print("ready", flush=True)
save_model(sys.argv[1], MODEL, variables)
print("done", flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("delay", [0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6])
def test_a_killed_conversion_leaves_a_whole_folder_or_none(tmp_path, delay):
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / "m")], stdout=subprocess.PIPE, cwd=ROOT, env=os.environ
    )
    assert child.stdout.readline() == b"ready\n"
    time.sleep(delay)
    child.send_signal(signal.SIGKILL)
    finished = b"done" in child.stdout.read()
    child.wait()
    if (tmp_path / "m").exists():
        load_model(tmp_path / "m")
    else:
        assert not finished
