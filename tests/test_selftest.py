"""The self-test: right on this machine, wrong when the weights are."""

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
    assert capsys.readouterr().out.rstrip().endswith("right")


@pytest.mark.parametrize("factor", [1.001, np.nan])
def test_another_answer_fails(folder, capsys, factor):
    with np.load(folder / "known_answer.npz") as stored:
        images, embeddings = stored["images"], stored["embeddings"]
    np.savez(folder / "known_answer.npz", images=images, embeddings=embeddings * np.float32(factor))
    with pytest.raises(SystemExit) as stop:
        selftest.main([str(folder)])
    assert stop.value.code == 1
    assert "WRONG" in capsys.readouterr().out


def test_a_folder_without_a_known_answer_says_so(folder, capsys):
    (folder / "known_answer.npz").unlink()
    with pytest.raises(SystemExit) as stop:
        selftest.main([str(folder)])
    assert stop.value.code == 2
    assert "has no known answer" in capsys.readouterr().err
