"""Fingerprints follow the weights and the module, not the machine; those of older folders stay valid."""

import hashlib
import json

import numpy as np
import pytest

from perface_jax.network import fingerprints
from perface_jax.network.fingerprints import fingerprint, has_fingerprint
from perface_jax.network.model import iresnet
from perface_jax.network.model_folder import save_model
from tests.golden import formula

MODEL = iresnet(layers=(1, 1, 1, 1), width=4, image_size=32, embedding_size=16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "m"
    save_model(path, MODEL, formula.variables(MODEL), source={"file": "x.pth"})
    return path


def edited(folder, tmp_path, change):
    record = json.loads((folder / "model.json").read_text())
    change(record)
    (tmp_path / "model.json").write_text(json.dumps(record))
    return tmp_path


def of_answer(folder):
    with np.load(folder / "known_answer.npz") as stored:
        return hashlib.sha256(stored["embeddings"].tobytes()).hexdigest()[:16]


def test_weights_and_module_count_but_neither_the_answer_nor_the_origin(folder, tmp_path):
    def elsewhere(record):
        record["source"] = {}
        record["hashes"]["known_answer.npz/embeddings"] = "of another machine"

    assert fingerprint(edited(folder, tmp_path, elsewhere)) == fingerprint(folder)
    for name in ("model", "params/fc/kernel"):
        other = edited(folder, tmp_path, lambda record, name=name: record["hashes"].update({name: "another"}))
        assert fingerprint(other) != fingerprint(folder)


def test_a_fingerprint_from_before_hashes_is_still_that_of_the_folder(folder):
    assert fingerprint(folder) != of_answer(folder)
    assert has_fingerprint(folder, of_answer(folder))
    assert has_fingerprint(folder, fingerprint(folder))
    assert not has_fingerprint(folder, "0123456789abcdef")


def test_a_folder_without_hashes_has_that_of_its_answer_and_a_damaged_one_none(folder, tmp_path):
    (tmp_path / "known_answer.npz").write_bytes((folder / "known_answer.npz").read_bytes())
    old = edited(folder, tmp_path, lambda record: record.pop("hashes"))
    assert fingerprint(old) == of_answer(folder)
    (old / "known_answer.npz").write_bytes(b"PK")
    assert fingerprint(old) == ""
    assert not has_fingerprint(old, "")
    assert len(fingerprint(folder)) == fingerprints.DIGITS
