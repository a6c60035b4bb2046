"""`python -m perface_jax.detection` as a user runs it, with a stand-in for the networks."""

import numpy as np
import pytest
from PIL import Image

from perface_jax import detection, extras
from perface_jax.annotations import tables
from perface_jax.detection.__main__ import main
from tests.detection.test_folder import brightest, folder  # noqa: F401


@pytest.fixture(autouse=True)
def networks(monkeypatch):
    asked = {}
    monkeypatch.setattr(detection, "mtcnn", lambda **options: asked.update(options) or brightest)
    return asked


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return ended.value.code, out, err


def test_landmarks_a_sheet_and_what_was_not_found(folder, tmp_path_factory, capsys, networks):  # noqa: F811
    out = tmp_path_factory.mktemp("out") / "landmarks.csv"
    code, printed, said = run(capsys, folder, "--out", out, "--smallest", "30")
    assert code == 0
    assert printed.splitlines() == [
        f"2 of 4 pictures show a face, 2 of them several; 2 faces in {out}",
        f"all pictures with boxes and points: {out.with_suffix('.png')}",
        "no face found in 1: a.png",
        "cannot be read: d.jpg: a web page saved as a picture: download the picture itself",
    ]
    assert said == f"Looking for faces in 4 pictures of {folder}\n"  # it took no five seconds
    assert networks == {"smallest": 30.0}
    assert [row["name"] for _, row in tables.read(out, ()).cells()] == ["b.png", "sub/c.png"]
    with Image.open(out.with_suffix(".png")) as sheet:
        assert np.asarray(sheet).std() > 1


def test_all_faces_are_numbered_the_largest_first(folder, capsys):  # noqa: F811
    code, printed, _ = run(capsys, folder, "--out", folder / "l.csv", "--faces", "all")
    assert code == 0
    assert "4 faces in" in printed
    names = [row["name"] for _, row in tables.read(folder / "l.csv", ()).cells()]
    assert names == ["b.png#0", "b.png#1", "sub/c.png#0", "sub/c.png#1"]


def test_a_folder_without_a_face_ends_with_1(tmp_path, capsys):
    Image.new("RGB", (40, 30)).save(tmp_path / "a.png")
    code, printed, _ = run(capsys, tmp_path, "--out", tmp_path / "l.csv")
    assert code == 1
    assert "0 of 1 pictures show a face" in printed


def test_what_cannot_be_done_is_said_in_one_line(tmp_path, capsys, monkeypatch):
    assert run(capsys, tmp_path / "nowhere", "--out", "l.csv") == (2, "", f"no folder {tmp_path / 'nowhere'}\n")
    code, _, err = run(capsys, tmp_path, "--out", "l.csv")
    assert (code, err.splitlines()[-1][:18]) == (2, "no picture in /tmp"[:18])
    code, _, err = run(capsys, tmp_path, "--out", "l.txt")
    assert "wanted a file that ends in .csv" in err
    Image.new("RGB", (40, 30)).save(tmp_path / "a.png")

    def missing(**_):
        raise extras.MissingExtra('mtcnn is not installed; run: python -m pip install "perface_jax[detect]"')

    monkeypatch.setattr(detection, "mtcnn", missing)
    assert run(capsys, tmp_path, "--out", "l.csv")[2].startswith("mtcnn is not installed; run:")
