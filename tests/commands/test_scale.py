"""`perface scale`: the file from pictures and answers, what is kept and replaced, and what other commands then say."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from perface_jax import evaluation, similarity_scale
from perface_jax.commands import compare, embed, rank, scale
from perface_jax.network import model_folder
from perface_jax.similarity import similarity

PEOPLE, PICTURES = 6, 2


@pytest.fixture
def model(start, tmp_path):
    """A copy of the model folder that a scale may be written into."""
    made, variables = model_folder.load_model(start)
    model_folder.save_model(tmp_path / "model", made.clone(crop="arcface"), variables)
    return tmp_path / "model"


@pytest.fixture
def study(tmp_path):
    """Crops of six people, two each, and the CSV of people, with spaces."""
    made, random = tmp_path / "crops", np.random.default_rng(0)
    made.mkdir()
    rows = ["picture, person"]
    for person in range(PEOPLE):
        base = random.integers(0, 256, (4, 4, 3))
        for number in range(PICTURES):
            pixels = np.clip(base + random.normal(scale=10, size=base.shape), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).resize((32, 32), Image.Resampling.NEAREST).save(made / f"p{person}_{number}.png")
            rows.append(f" p{person}_{number}.png , person {person}")
    people = tmp_path / "people.csv"
    people.write_text("\n".join(rows))
    return made, people


def arguments(model, study, *more):
    crops, people = study
    given = ["--model", model, "--pictures", crops, "--people", people, "--detector", "none", *more]
    return [str(argument) for argument in given]


def answers_of(model, study, file):
    """Every triplet of three people, in which two of three votes are for the more similar picture."""
    names, vectors, _ = evaluation.embed_folder(*model_folder.load_model(model), study[0], crop="arcface")
    with open(file, "w", newline="") as opened:
        rows = csv.writer(opened)
        rows.writerow(("reference", "a", "b", "votes_a", "votes_b"))
        for i in range(PEOPLE):
            for j in range(PEOPLE):
                for k in range(j):
                    if i not in (j, k):
                        reference, a, b = (PICTURES * person for person in (i, j, k))
                        more = similarity(vectors[reference], vectors[a]) > similarity(vectors[reference], vectors[b])
                        rows.writerow((names[reference], names[a], names[b][:-4], *((2, 1) if more else (1, 2))))
    return file


def test_a_scale_is_made_used_kept_and_replaced_aloud(model, study, tmp_path, capsys):
    crops = [str(study[0] / f"p{person}_0.png") for person in (0, 1)]
    given = [*crops, "--model", str(model), "--detector", "none"]
    compare.main(given)
    assert f"`perface scale --model {model}" in " ".join(capsys.readouterr().out.split())

    scale.main(arguments(model, study)[1:])  # the model folder may go without its flag
    said = " ".join(capsys.readouterr().out.split())
    assert "12 pictures of 6 people make 60 pairs of different people" in said
    assert "The scale has no probability: there are no answers (--answers CSV)" in said
    assert "replaces" not in said
    compare.main(given)
    said = " ".join(capsys.readouterr().out.split())
    assert "60 pairs of different people (6 people on 12 pictures in" in said
    assert "no probability" in said
    assert "--answers CSV` adds it" in said

    answers = answers_of(model, study, tmp_path / "answers.csv")
    scale.main(arguments(model, study, "--answers", answers))
    said = " ".join(capsys.readouterr().out.split())
    assert f"from 180 votes on 60 triplets in {answers} (6 people as references, 15 pairs of people)" in said
    assert "It replaces the scale of 20" in said
    fitted = similarity_scale.read(model)

    scale.main(arguments(model, study))
    said = " ".join(capsys.readouterr().out.split())
    assert "The slope of the present scale is kept: 180 votes" in said
    kept = similarity_scale.read(model)
    assert kept.slope == fitted.slope
    np.testing.assert_array_equal(kept.curve.log_odds, fitted.curve.log_odds)

    card = tmp_path / "card.html"
    compare.main([*given, "--html", str(card), "--json"])
    found = json.loads(capsys.readouterr().out)
    p = similarity_scale.probability(kept, found["cosine"])
    np.testing.assert_allclose([found[f"probability{end}"] for end in ("", "_low", "_high")], p, atol=1e-4)
    assert found["share_below"] == pytest.approx(similarity_scale.share_below(kept, found["cosine"]).value, abs=1e-4)
    assert f"random pair of different people with probability {p.value:.2f} [" in found["meaning"][1]
    assert "does not say whether two pictures show the same person" in found["meaning"][-1]
    page = card.read_text()
    assert 'class="half" style="left:' in page
    assert "Pairs of different people" in page

    rank.main([crops[0], str(study[0]), *given[2:], "--csv", str(tmp_path / "rank.csv"), "--top", "2"])
    lines = capsys.readouterr().out.splitlines()
    assert " rank  cosine   above      p   name" in lines
    with open(tmp_path / "rank.csv") as file:
        first = next(csv.DictReader(file))
    assert float(first["probability"]) == pytest.approx(
        similarity_scale.probability(kept, float(first["cosine"])).value, abs=1e-4
    )
    assert any(line.startswith("    1") and first["name"] in line for line in lines)
    assert max(len(line) for line in lines if "/" not in line) <= 80
    rank.main([crops[0], str(study[0]), *given[2:], "--json"])
    assert json.loads(capsys.readouterr().out)["ranking"][0]["name"] == first["name"]


def test_a_scale_of_another_model_or_a_damaged_one_is_not_used_and_says_so(model, study, capsys):
    scale.main(arguments(model, study))
    other = similarity_scale.read(model)._replace(model="0123", slope=None)
    similarity_scale.write(model, other)
    given = [str(study[0] / f"p{person}_0.png") for person in (0, 1)] + ["--model", str(model), "--detector", "none"]
    compare.main(given)
    said = " ".join(capsys.readouterr().out.split())
    assert "scale.json is not used: it was made for another model" in said
    assert "the model folder has no scale that can be used" in said
    (model / "scale.json").write_text("{}")
    compare.main(given)
    assert "is damaged or of another version" in capsys.readouterr().out
    scale.main(arguments(model, study))
    assert "It replaces a file that could not be used" in capsys.readouterr().out
    compare.main([*given, "--crop", "simswap"])
    assert "the scale was made from 'arcface' crops, these are 'simswap' crops" in " ".join(
        capsys.readouterr().out.split()
    )


def failed(capsys, arguments, command=scale):
    with pytest.raises(SystemExit) as end:
        command.main(arguments)
    assert end.value.code == 2
    return capsys.readouterr().err


def test_pictures_that_cannot_be_used_are_listed_and_wrong_files_name_the_line(model, study, tmp_path, capsys):
    crops, people = study
    text = people.read_text()
    people.write_text(f"{text}\nnowhere.png,person 9\npage.png,person 9\n")
    (crops / "page.png").write_text("<!DOCTYPE html>")
    Image.new("RGB", (32, 32)).save(crops / "spare.png")
    answers = tmp_path / "answers.csv"
    answers.write_text("reference,a,b,votes_a,votes_b\np0_0,p1_0,nowhere,1,2\np0_0,p1_0,p2_0,2,1\np1_0,p0_0,p2_0,1,2\n")
    scale.main(arguments(model, study))
    said = " ".join(capsys.readouterr().out.split())
    assert "left out: nowhere.png: no such picture in" in said
    assert "left out: page.png: a web page" in said
    assert "1 other pictures of" in said
    before = (model / "scale.json").read_text()

    people.write_text(text.replace("person 2", " "))
    assert "people.csv, line 6: saw an empty cell in column person" in failed(capsys, arguments(model, study))
    people.write_text(f"{text}\np0_0.png,person 1")
    assert "line 14: saw p0_0.png, which is also on line 2" in failed(capsys, arguments(model, study))
    people.write_text(f"{text}\np0_0,person 1")
    assert "p0_0.png is named twice" in failed(capsys, arguments(model, study))
    people.write_text("picture,person\np0_0.png,anna\np0_1.png,anna")
    assert "all pictures are of anna, wanted at least two people" in failed(capsys, arguments(model, study))
    people.write_text("picture,who\na.png,anna")
    assert "line 1: saw the header 'picture,who', wanted person in it" in failed(capsys, arguments(model, study))
    people.write_text(text)
    answers.write_text("reference,a,b,votes_a,votes_b\np0_0,p1_0,p2_0,2.5,1\n")
    given = arguments(model, study, "--answers", answers)
    assert "line 2: saw '2.5' in column votes_a, wanted a whole number" in failed(capsys, given)
    answers.write_text("reference,a,b,votes_a,votes_b\np0_0,p1_0,nowhere,2,1\n")
    assert "no triplet of" in failed(capsys, given)
    answers.write_text("reference,a,b,votes_a,votes_b\np0_0,p1_0,p2_0,0,0\n")
    assert "no slope can be fitted: no triplet has votes" in failed(capsys, given)
    assert "wanted a CSV with the columns reference,a,b" in failed(
        capsys, arguments(model, study, "--answers", tmp_path / "no.csv")
    )
    assert (model / "scale.json").read_text() == before


def test_landmarks_from_a_file_take_the_place_of_a_detector(model, tmp_path, capsys):
    pictures, random = tmp_path / "photographs", np.random.default_rng(1)
    pictures.mkdir()
    for number in range(2):
        Image.fromarray(random.integers(0, 256, (200, 180, 3), np.uint8)).save(pictures / f"p{number}.png")
    points = np.array([[70, 90], [110, 90], [90, 115], [72, 135], [108, 135]], float)
    dense = tmp_path / "landmarks.npz"
    np.savez(dense, names=np.array(["p0", "p1"]), landmarks=np.stack([points, points + 3]))
    given = [str(pictures / "p0.png"), str(pictures / "p1.png"), "--model", str(model), "--landmarks", str(dense)]
    compare.main([*given, "--json"])
    found = json.loads(capsys.readouterr().out)
    landmarks = {"p0": points, "p1": points + 3}
    options = {"crop": "arcface", "landmarks": landmarks}
    _, vectors, _ = evaluation.embed_folder(*model_folder.load_model(model), pictures, **options)
    assert found["cosine"] == pytest.approx(float(similarity(*vectors)), abs=1e-5)
    embed.main([str(pictures), *given[2:], "--out", str(tmp_path / "e.npz"), "--json"])
    assert json.loads(capsys.readouterr().out)["faces"] == ["p0.png", "p1.png"]
    assert "wanted one of the two" in failed(capsys, [*given, "--detector", "mtcnn"], compare)
    assert "wanted mtcnn, none, mediapipe=FILE.task" in failed(capsys, [*given[:4], "--detector", "yolo"], compare)
    assert "no file a.dat; wanted dlib's shape predictor" in failed(
        capsys, [*given[:4], "--detector", "dlib=a.dat"], compare
    )
    assert "no file a.task" in failed(capsys, [*given[:4], "--detector", "mediapipe=a.task"], compare)
    assert "wanted landmarks as .csv or .npz" in failed(capsys, [*given[:4], "--landmarks", "no.csv"], compare)


def test_a_missing_extra_names_the_ways_without_a_detector(study, model, capsys, monkeypatch):
    def missing():
        raise ModuleNotFoundError("mtcnn is not installed; run: ...")

    monkeypatch.setattr("perface_jax.detection.mtcnn", missing)
    said = failed(capsys, [str(study[0] / "p0_0.png")] * 2 + ["--model", str(model)], compare)
    assert "mtcnn is not installed" in said
    assert "--detector none takes aligned crops, and --landmarks FILE" in said


def test_a_model_given_twice_is_refused(model, study, capsys):
    with pytest.raises(SystemExit, match="2"):
        scale.main([str(model), *arguments(model, study)])
    assert "wanted one of the two" in capsys.readouterr().err
