"""`perface embed`: the file, the pictures left out, and what is refused before the model is loaded."""

import numpy as np
import pytest
from PIL import Image

from perface_jax import evaluation
from perface_jax.commands import embed
from perface_jax.network.model_folder import load_model
from tests.commands.face_folder import folder  # noqa: F401
from tests.detection.test_folder import brightest


def failed(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        embed.main([str(argument) for argument in arguments])
    assert end.value.code == 2
    return capsys.readouterr().err


def test_the_file_has_what_embed_folder_returns_and_the_others_are_listed(folder, start, tmp_path, capsys):  # noqa: F811
    out = tmp_path / "new" / "faces.npz"
    embed.main([str(folder), "--model", str(start), "--out", str(out), "--faces", "all"])
    said = capsys.readouterr().out
    assert "left out: empty.png: no face found" in said
    assert "left out: page.jpg: a web page" in said
    assert "8 faces, 16 numbers each: embedded 4 of 6 pictures; 2 skipped: 1 no face" in said
    options = {"crop": "arcface", "detector": brightest, "faces": "all"}
    names, vectors, _ = evaluation.embed_folder(*load_model(start), folder, **options)
    read = evaluation.read_vectors(out)
    assert read.names == tuple(names)
    np.testing.assert_allclose(read.embeddings, vectors, atol=1e-5)


def test_what_cannot_be_embedded_is_refused(folder, start, tmp_path, capsys):  # noqa: F811
    model = "--model", start
    assert "wanted a file that ends in .npz" in failed(capsys, folder, *model, "--out", "a.csv")
    assert f"no folder {tmp_path / 'no'}" in failed(capsys, tmp_path / "no", *model, "--out", "a.npz")
    assert "wanted a folder of pictures" in failed(capsys, folder / "p0.png", *model, "--out", "a.npz")
    Image.new("RGB", (40, 40)).save(folder / "p0.jpg")
    assert "several pictures called p0" in failed(capsys, folder, *model, "--out", "a.npz")
    for path in folder.glob("p?.*"):
        path.unlink()
    said = failed(capsys, folder, *model, "--out", tmp_path / "a.npz")
    assert f"no picture of {folder} can be used: embedded" in said.replace("\n  ", " ")
    assert not (tmp_path / "a.npz").exists()
