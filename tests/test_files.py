"""Files that are whole or absent, values as JSON, and paths."""

import dataclasses
import enum
import json
import os
import pathlib

import numpy as np
import pytest

from perface_jax import files


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    file = tmp_path / "folder" / "text.txt"
    files.write_text(file, "old")
    with pytest.raises(ZeroDivisionError), files.replacing(file) as unfinished:
        unfinished.write_text(f"half of the new {1 / 0}")
    assert file.read_text() == "old"
    files.write_text(file, "new\udc80")  # a file name that is not UTF-8
    assert file.read_text() == "new\\udc80"
    files.write_text(file, "newer")
    assert [one.name for one in file.parent.iterdir()] == ["text.txt"]


def test_names_that_are_not_utf8_survive_a_csv_and_json_and_are_shown_in_pages(tmp_path):
    name = os.fsdecode(b'caf\xe9, "1".jpg')
    files.write_csv(tmp_path / "a.csv", [("name", "n"), (name, 1), ("\n", 2)])
    assert (tmp_path / "a.csv").read_bytes() == b'name,n\n"caf\xe9, ""1"".jpg",1\n"\n",2\n'
    files.write_csv(tmp_path / "b.csv", [("\ud800",)])  # stands for no byte
    assert (tmp_path / "b.csv").read_bytes() == b"\\ud800\n"
    files.write_text(tmp_path / "a.json", files.to_json([name]))
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == [name]


def test_the_names_of_arrays_are_text_bytes_or_whole_numbers(tmp_path):
    for names in (np.array(["caf\u00e9", "b"]), np.array(["caf\u00e9".encode(), b"b"])):
        files.write_arrays(tmp_path / "a.npz", {"names": names})
        with np.load(tmp_path / "a.npz") as arrays:
            assert files.read_names(arrays["names"]) == ("caf\u00e9", "b")
    assert files.read_names(np.array([b"caf\xe9"])) == (os.fsdecode(b"caf\xe9"),)
    assert files.read_names(np.array([7, 10])) == ("7", "10")
    for wrong, message in (
        (np.array(["a", None], object), r"names are object; wanted text: np.array\(names, dtype=str\)"),
        (np.array([1.5]), "names are float64"),
        (np.array([["a"]]), r"names have the shape \[1, 1\]; wanted \[N\]"),
    ):
        with pytest.raises(ValueError, match=message):
            files.read_names(wrong)


def test_json_takes_what_results_are_made_of():
    class Rule(enum.Enum):
        MEAN = "mean"

    @dataclasses.dataclass
    class Point:
        x: float

    values = {
        "rule": Rule.MEAN,
        "path": pathlib.Path("a/b"),
        "point": Point(float("nan")),
        Rule.MEAN: np.bool_(True),
        ("majority", "source"): (np.int64(3), np.array([[1.5, np.nan]]), "text"),
    }
    assert json.loads(files.to_json(values)) == {
        "rule": "mean",
        "path": "a/b",
        "point": {"x": None},
        "mean": True,
        "majority, source": [3, [[1.5, None]], "text"],
    }


def test_json_refuses_what_it_has_no_form_for():
    with pytest.raises(TypeError, match="cannot hold .* of type set"):
        files.to_json({"names": {"a"}})


def test_the_address_of_a_bucket_stays_an_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(files.absolute("runs")) == str(tmp_path / "runs")
    assert str(files.absolute("gs://bucket/runs")) == "gs://bucket/runs"


def test_the_digest_is_that_of_the_file(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    assert files.sha256(tmp_path / "abc").startswith("ba7816bf8f01cfea414140de5dae2223")  # FIPS 180-2, appendix B.1


def test_damaged_arrays_and_records_are_named_by_what_they_are(tmp_path):
    file = tmp_path / "a.npz"
    np.savez(file, names=np.array(["x"]), odd=np.array([None]))
    assert files.read_arrays(file, ["names"])[0].tolist() == ["x"]
    for names, words in ((["vectors"], "no array vectors"), (["odd"], "Python objects")):
        with pytest.raises(ValueError, match=words):
            files.read_arrays(file, names)
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(ValueError, match="is no .npz, or a damaged one; wanted a .npz with the arrays names"):
        files.read_arrays(file, ["names"])
    for data, words in ((b"", "an empty file"), (b"\xff", "not text in UTF-8"), (b"{", "not JSON: ")):
        file.write_bytes(data)
        with pytest.raises(ValueError, match=words):
            files.read_json(file)
    file.write_text('\ufeff{"a": 1}')
    assert files.read_json(file) == {"a": 1}
