"""`perface compare`: the cosine, what is said about it, the card, and errors that say what to do."""

import re

import pytest
from PIL import Image

from perface_jax import evaluation
from perface_jax.commands import compare
from perface_jax.network.model_folder import load_model
from perface_jax.similarity import similarity
from tests import browser
from tests.commands.face_folder import folder, picture  # noqa: F401
from tests.detection.test_folder import brightest


def failed(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        compare.main([str(argument) for argument in arguments])
    assert end.value.code == 2
    return capsys.readouterr().err


def test_the_cosine_is_that_of_the_embedded_folder_and_says_what_is_known(folder, start, tmp_path, capsys):  # noqa: F811
    card = tmp_path / "card.html"
    compare.main([str(folder / "p0.png"), str(folder / "p1.png"), "--model", str(start), "--html", str(card)])
    said = capsys.readouterr().out
    _, vectors, _ = evaluation.embed_folder(*load_model(start), folder, crop="arcface", detector=brightest)
    assert f"\ncosine {similarity(vectors[0], vectors[1]):.3f}\n" in said
    assert f"note: {folder / 'p0.png'}: 2 faces, the largest is taken" in " ".join(said.split())
    assert "the model folder names no crop: arcface is assumed" in said
    assert "no scale" in said
    assert "between -1 and 1; higher means more alike" in said
    page = card.read_text()
    assert page.count('<img src="data:image/webp;base64,') == 2
    assert f"<strong>{similarity(vectors[0], vectors[1]):.3f}</strong>" in page
    assert 'alt="the face in p1.png"' in page
    assert not re.search(r"https?://|<script", page)
    assert browser.faults(card) == []


def test_aligned_crops_need_no_detector(folder, start, tmp_path, capsys, monkeypatch):  # noqa: F811
    monkeypatch.setattr("perface_jax.detection.mtcnn", lambda: pytest.fail("a detector was asked for"))
    for number in range(2):
        Image.fromarray(picture(number)[:64, :64]).save(tmp_path / f"c{number}.png")
    given = [str(tmp_path / "c0.png"), str(tmp_path / "c1.png"), "--model", str(start), "--detector", "none"]
    compare.main([*given, "--crop", "simswap"])
    assert capsys.readouterr().out.startswith("cosine ")
    assert "without landmarks (120 x 90 pixels)" in failed(capsys, folder / "p0.png", *given[1:])


def test_what_cannot_be_compared_is_said_with_what_to_do(folder, start, capsys):  # noqa: F811
    good, model = folder / "p0.png", ("--model", start)
    assert failed(capsys, good, folder / "q1.png", *model) == (
        f"no file {folder / 'q1.png'}; did you mean {folder / 'p1.png'}?\n"
    )
    assert "there is no folder" in failed(capsys, folder / "nowhere" / "a.png", good, *model)
    assert "is a folder, wanted one picture; `perface rank QUERY FOLDER`" in failed(capsys, good, folder, *model)
    assert "a web page saved as a picture" in failed(capsys, good, folder / "page.jpg", *model)
    none = failed(capsys, good, folder / "empty.png", *model)
    assert none.startswith(f"{folder / 'empty.png'}: no face found. MTCNN looked at all 120 x 90 pixels upright")
    assert "--detector none" in none
    assert "wanted --model DIR" in failed(capsys, good, good)
    assert "is not a model folder" in failed(capsys, good, good, "--model", folder)
    start.rename(folder / "model")  # of a workdir
    assert failed(capsys, good, good, "--model", folder).endswith(f" Give {folder / 'model'}.\n")
    (folder / "model").rename(start)
    assert "unknown crop 'arcfac'" in failed(capsys, good, good, *model, "--crop", "arcfac")
