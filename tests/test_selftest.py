"""The self-test: right on this machine, wrong when the weights are."""

import json
import re

import numpy as np
import pytest

from perface_jax import selftest
from perface_jax.network.model import iresnet
from perface_jax.network.model_folder import save_model
from tests.golden import formula

MODEL = iresnet(layers=(1, 1, 1, 1), width=4, image_size=32, embedding_size=16)


@pytest.fixture
def folder(tmp_path):
    save_model(tmp_path / "model", MODEL, formula.variables(MODEL))
    return tmp_path / "model"


def test_this_machine_passes_and_the_program_says_so(folder, capsys):
    assert selftest.selftest(folder).exact < 1e-6
    with pytest.raises(SystemExit) as stop:
        selftest.main([str(folder)])
    assert stop.value.code == 0
    said = capsys.readouterr().out
    assert said.rstrip().endswith("right")
    assert re.search(r"whole: \d+ hashes in model.json are right", said)


@pytest.fixture
def older(folder):
    """A folder from before there were hashes."""
    record = json.loads((folder / "model.json").read_text())
    del record["hashes"]
    (folder / "model.json").write_text(json.dumps(record))
    return folder


def test_a_changed_answer_is_blamed_on_the_folder(folder, capsys):
    with np.load(folder / "known_answer.npz") as stored:
        images, embeddings = stored["images"], stored["embeddings"]
    np.savez(folder / "known_answer.npz", images=images, embeddings=embeddings * np.float32(1.001))
    with pytest.raises(SystemExit) as stop:
        selftest.main([str(folder)])
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert "1 of 2 arrays do not have the hash in model.json (known_answer.npz/embeddings)" in said
    assert said.count("\n") == 1


def test_a_device_that_computes_something_else_fails(folder, capsys, monkeypatch):
    monkeypatch.setattr(selftest, "embed", lambda *_: np.ones((4, 16), np.float32))
    with pytest.raises(SystemExit) as stop:
        selftest.main([str(folder)])
    assert stop.value.code == 1
    assert capsys.readouterr().out.endswith("WRONG: this device does not compute what the model folder says\n")


@pytest.mark.parametrize("factor", [1.001, np.nan])
def test_another_answer_in_an_older_folder_fails(older, capsys, factor):
    folder = older
    with np.load(folder / "known_answer.npz") as stored:
        images, embeddings = stored["images"], stored["embeddings"]
    np.savez(folder / "known_answer.npz", images=images, embeddings=embeddings * np.float32(factor))
    with pytest.raises(SystemExit) as stop:
        selftest.main([str(folder)])
    assert stop.value.code == 1
    said = capsys.readouterr().out
    assert "no hashes in model.json (an older folder)" in said
    assert said.endswith("or the folder is damaged\n")


def test_a_folder_without_a_known_answer_says_so(folder, capsys):
    (folder / "known_answer.npz").unlink()
    with pytest.raises(SystemExit) as stop:
        selftest.main([str(folder)])
    assert stop.value.code == 2
    assert "has no known answer" in capsys.readouterr().err
