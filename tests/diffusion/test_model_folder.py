"""The model folder of the diffusion anonymizer."""

import json

import jax
import numpy as np
import pytest

from perface_jax.diffusion import load, model_folder
from tests.diffusion import tiny


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "tiny"
    model_folder.save(out, tiny.made(), tiny.params().items(), source={"file": "made up"}, license="none")
    return out


@pytest.mark.slow
def test_what_is_saved_is_loaded_and_halved_on_request(folder):
    made, params = load(folder)
    assert made == tiny.made()
    jax.tree.map(np.testing.assert_array_equal, params, tiny.params())
    half, smaller = load(folder, dtype="bfloat16")
    assert half.dtype == "bfloat16"
    assert {str(leaf.dtype) for leaf in jax.tree.leaves(smaller["unet"])} == {"bfloat16"}
    assert {str(leaf.dtype) for leaf in jax.tree.leaves(smaller["vae"])} == {"float32"}
    assert model_folder.read_record(folder)["license"] == "none"


@pytest.mark.slow
def test_a_folder_is_not_overwritten_and_damage_is_found(folder, tmp_path):
    with pytest.raises(FileExistsError, match="never overwritten"):
        model_folder.save(folder, tiny.made(), tiny.params().items())
    with pytest.raises(ValueError, match="no parameters of"):
        model_folder.save(tmp_path / "part", tiny.made(), [("vae", tiny.params()["vae"])])
    assert not list(tmp_path.iterdir())
    file = folder / "weights" / "vae.npz"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 255
    file.write_bytes(data)
    with pytest.raises(ValueError, match="vae.npz is damaged or missing"):
        load(folder)


def test_other_folders_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="perface convert"):
        load(tmp_path)
    (tmp_path / "model.json").write_text(json.dumps({"format": 2}))
    with pytest.raises(ValueError, match="no model folder of the diffusion anonymizer"):
        load(tmp_path)
    with pytest.raises(ValueError, match="saw the dtype int8"):
        load(tmp_path, dtype="int8")
    (tmp_path / "model.json").write_text(json.dumps({"format": model_folder.FORMAT, "settings": {}}))
    with pytest.raises(ValueError, match="lacks a field"):
        load(tmp_path)
