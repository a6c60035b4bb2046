"""`perface rank`: the order, both ends, the query left out, and the files."""

import csv

import numpy as np
import pytest
from PIL import Image

from perface_jax import evaluation
from perface_jax.commands import rank
from perface_jax.network.model_folder import load_model
from perface_jax.similarity import similarity
from tests import browser
from tests.commands.face_folder import folder  # noqa: F401
from tests.detection.test_folder import brightest


def test_faces_are_ranked_by_their_cosine_without_the_query_itself(folder, start, tmp_path, capsys):  # noqa: F811
    page, sheet, table = (tmp_path / name for name in ("rank.html", "sheet.png", "rank.csv"))
    given = [str(folder / "p0.png"), str(folder), "--model", str(start), "--top", "1"]
    rank.main([*given, "--html", str(page), "--sheet", str(sheet), "--csv", str(table)])
    names, vectors, _ = evaluation.embed_folder(*load_model(start), folder, crop="arcface", detector=brightest)
    assert names == ["p0.png", "p1.png", "p2.png", "p3.png"]
    wanted = {name: float(similarity(vectors[0], vector)) for name, vector in zip(names[1:], vectors[1:], strict=True)}
    order = sorted(wanted, key=lambda name: -wanted[name])
    with open(table) as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == order
    np.testing.assert_allclose([float(row["cosine"]) for row in rows], [wanted[name] for name in order], atol=2e-6)
    said = capsys.readouterr().out
    most, least = said.partition("Least alike")[0::2]
    assert "3 faces ranked" in said
    assert f"    1  {wanted[order[0]]:6.3f}  {order[0]}\n" in most
    assert f"    3  {wanted[order[-1]]:6.3f}  {order[-1]}\n" in least
    assert order[1] not in said
    assert "left out: empty.png: no face found" in said
    assert "embedded 4 of 6 pictures; 2 skipped: 1 no face found in this picture (empty.png)" in said.replace(
        "\n  ", " "
    )
    assert page.read_text().count("<img ") == 3
    assert "Least alike" in page.read_text()
    assert browser.faults(page) == []
    with Image.open(sheet) as drawn:
        assert drawn.width == 1400


def test_all_faces_of_a_picture_count_where_asked(folder, start, tmp_path, capsys):  # noqa: F811
    rank.main([str(folder / "p0.png"), str(folder), "--model", str(start), "--faces", "all"])
    assert "6 faces ranked" in capsys.readouterr().out


def test_ends_do_not_overlap():
    ranking = rank.Ranking(list("abc"), np.array([0.9, 0.5, 0.1]), [])
    assert {name: list(places) for name, places in ranking.ends(2).items()} == {
        "Most alike": [0, 1], "Least alike": [2],
    }  # fmt: skip
    assert list(ranking.ends(5)) == ["Most alike"]
    assert list(ranking.ends(1)["Least alike"]) == [2]


def test_nobody_to_rank_is_said(folder, start, capsys):  # noqa: F811
    for path in folder.glob("p[1-3].png"):
        path.unlink()
    with pytest.raises(SystemExit) as end:
        rank.main([str(folder / "p0.png"), str(folder), "--model", str(start)])
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert f"{folder}: no face to rank besides the query (embedded 1 of 3 pictures; 2 skipped: 1 no face found" in said
    with pytest.raises(SystemExit):
        rank.main([str(folder / "p0.png"), str(folder / "p0.png"), "--model", str(start)])
    assert "wanted a folder of pictures; `perface compare A B`" in capsys.readouterr().err


def test_a_sheet_of_another_format_is_refused_before_the_work(capsys):
    with pytest.raises(SystemExit) as end:
        rank.main(["/nope.png", "/nope", "--model", "/nope", "--sheet", "sheet.jpg"])
    assert end.value.code == 2
    assert "saw --sheet sheet.jpg, wanted a file that ends in .png or .pdf" in capsys.readouterr().err
