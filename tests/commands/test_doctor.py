"""`perface doctor`: what is installed and missing, and a known answer that a wrong device would not give."""

import importlib.util

import jax
import numpy as np
import pytest

from perface_jax import images
from perface_jax.commands import doctor
from perface_jax.network import compilation
from perface_jax.network.model import iresnet


@pytest.fixture(autouse=True)
def cache(monkeypatch):
    monkeypatch.setattr(compilation, "keep_programs", lambda: None)


def test_the_known_answer_is_that_of_plain_xla():
    model = iresnet(layers=(1, 1, 1, 1), width=4, image_size=32, embedding_size=16, kernels="xla")
    pictures = images.normalize(doctor.small_pictures())
    vectors = np.asarray(jax.jit(model.apply)(doctor.small_variables(model), pictures), np.float64)
    cosines = vectors @ vectors.T / np.outer(*2 * [np.linalg.norm(vectors, axis=1)])
    np.testing.assert_allclose(cosines[np.triu_indices(3, 1)], doctor.KNOWN, atol=2e-6)
    assert np.ptp(doctor.KNOWN) > 100 * doctor.TOLERANCE


def test_everything_is_listed_and_the_answer_is_right(capsys, monkeypatch, start):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in ("grain", "mtcnn") else find(name))
    with pytest.raises(SystemExit) as end:
        doctor.main(["--model", str(start)])
    assert end.value.code == 0
    said = capsys.readouterr().out
    assert f"jax {jax.__version__}" in said
    assert "(cpu)" in said
    assert 'extra detect    missing mtcnn: python -m pip install "perface_jax[detect]"\n' in said
    assert "extra train     missing grain: " in said
    assert "extra report    installed: matplotlib, rich\n" in said
    assert "known answer    right" in said
    assert said.endswith("right\n")


def test_a_wrong_device_ends_with_1(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "small_answer", lambda: np.array(doctor.KNOWN) + [0, 0, 2e-4])
    with pytest.raises(SystemExit, match="does not compute what it should"):
        doctor.main([])
    assert "known answer    WRONG: cosines of a small network differ by 2e-04" in capsys.readouterr().out
