"""model.json: what cannot be a model is refused in one short line, before anything is built or traced."""

import json

import pytest

from perface_jax.network import model_json
from perface_jax.network.model import iresnet

MODEL = iresnet(layers=(1, 0, 2, 1), width=4, image_size=32, embedding_size=16, crop="arcface")
RECORD = model_json.describe(MODEL, source={"file": "x.pth"}, license="none", hashes={"params/x": "0"})


def test_a_record_gives_the_model_back(tmp_path):
    file = tmp_path / "model.json"
    file.write_text(json.dumps(RECORD))
    assert model_json.rebuild(file, model_json.read(file)) == MODEL
    assert RECORD["hashes"]["model"] == model_json.module_hash(MODEL)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not JSON: it is empty; copy the model folder again"),
        (b"\xff\xfe{", "is not JSON: its bytes are no text; copy"),
        (b"<html>", "is not JSON: Expecting value"),
        (b'{"format": 99}', "has format 99; this version reads format 1 or 2"),
        (json.dumps(list(range(9999))).encode(), r"has format \[0, 1, .{,40} \.\.\.; this"),
        (b'{"format": [1]}', r"has format \[1\]; this"),
        (b"[" * 100_000, "is not JSON: maximum recursion"),
    ],
)
def test_what_is_no_record_is_refused(tmp_path, content, message):
    (tmp_path / "model.json").write_bytes(content)
    with pytest.raises(ValueError, match=f"model.json {message}") as raised:
        model_json.read(tmp_path / "model.json")
    assert len(str(raised.value)) < 300
    assert "\n" not in str(raised.value)


def test_a_folder_in_its_place_is_said(tmp_path):
    (tmp_path / "model.json").mkdir()
    with pytest.raises(ValueError, match=r"model\.json is a folder, wanted a file"):
        model_json.read(tmp_path / "model.json")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("width", 10**9), ("width", 2.5), ("width", True), ("width", float("inf")), ("image_size", 0),
        ("image_size", 33), ("embedding_size", "16"), ("layers", 4), ("layers", [1, 1, 1]), ("layers", [1, 1, 1, "1"]),
        ("remat", "yes"), ("crop", []), ("crop", 5), ("crop", "silswap"), ("input_range", None), ("dtype", None),
        ("dtype", "flost32"), ("norms", []), ("norms", "fold"), ("epsilon", "1"),
    ],
)  # fmt: skip
def test_an_impossible_value_is_refused_in_one_line(name, value):
    with pytest.raises(ValueError, match=r"^m/model\.json lacks a field, or a field has a value") as raised:
        model_json.rebuild("m/model.json", {**RECORD, name: value})
    assert "\n" not in str(raised.value)
