"""The whole page on drawn faces, with embedders whose results can be checked by eye: the colors of a face."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from configs import synthetic
from perface_jax import naturalness, report
from perface_jax.anonymization import anonymize as pipeline
from perface_jax.anonymization import anonymizer, diffusing, input_warnings, natural, pool
from perface_jax.anonymization.embedders import BEFORE_TRAINING, Embedders, FileEmbedder
from perface_jax.anonymization.inputs import Inputs
from perface_jax.anonymization.natural import NaturalFloor
from perface_jax.datasets.portraits import Portraits
from perface_jax.evaluation import Vectors
from perface_jax.synthetic import faces, world
from tests import browser, drawn_faces

SIZE = 48
ORIGINALS, CANDIDATES = 4, 16


class Colors:
    """Vectors that are the mean colors of the middle of a face, less gray."""

    embeds_new_pictures = True

    def __init__(self, channel):
        self.channel = channel

    def embed(self, pictures, points, *, role=None, names=()):
        middle = np.asarray(pictures, np.float32)[:, 16:32, 16:32]
        rows = middle.mean(2)[..., self.channel]
        return (rows - 100.0).astype(np.float32)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Folders of originals and candidates, with landmarks and attributes."""
    folder, count = tmp_path_factory.mktemp("drawn"), ORIGINALS + CANDIDATES
    sources, targets = world.create_people(5, count)
    pictures = drawn_faces.draw(sources.faces, targets.faces, size=SIZE, view=faces.CELEBA_HQ_VIEW)
    points = np.asarray(faces.landmarks(sources.faces, targets.faces, size=SIZE, view=faces.CELEBA_HQ_VIEW))
    names = [f"q{i}" if i < ORIGINALS else f"c{i}" for i in range(count)]
    for name, picture in zip(names, pictures, strict=True):
        (folder / name[0]).mkdir(exist_ok=True)
        Image.fromarray(picture).save(folder / name[0] / f"{name}.png")
    (folder / "c" / "broken.png").write_bytes(b"")
    np.savez(folder / "landmarks.npz", names=np.array(names), landmarks=points)
    with open(folder / "groups.csv", "w", newline="") as file:
        groups = (["female", "male"][int(female < 0.5)] for female in sources.female)
        csv.writer(file).writerows([("name", "sex"), *zip(names, groups, strict=True)])
    return folder


@pytest.fixture
def config():
    config = synthetic.get_config("demo")
    config.anonymize.size = SIZE
    config.anonymize.candidates = 2
    config.anonymize.false_accept_rate = 0.1
    config.anonymize.degrees = (0.0, 1.0)
    return config


@pytest.fixture
def inputs(drawn):
    files = {"landmarks": {None: str(drawn / "landmarks.npz")}, "attributes": {None: str(drawn / "groups.csv")}}
    return Inputs(originals=str(drawn / "q"), candidates=str(drawn / "c"), **files)


@pytest.fixture
def embedders(monkeypatch):
    """The perceptual model sees red, the recognizer green."""
    opened = Embedders(Colors(0), {"green": Colors(1)})
    monkeypatch.setattr(anonymizer, "open_embedders", lambda *_: opened)


def test_faces_are_replaced_by_members_of_their_group_and_only_admitted_results_are_selected(
    config, inputs, embedders, drawn, tmp_path
):
    said = anonymizer.anonymize(config, "a run", inputs, str(tmp_path))
    rows = said.sections[0].rows
    assert {row.original for row in rows} == {"q0", "q1", "q2", "q3"}
    assert [row.rank for row in rows if row.original == "q0"] == [1, 2]
    sexes = dict(csv.reader((drawn / "groups.csv").open()))
    assert all(sexes[row.candidate] == row.group for row in rows)
    selected = {row.original for row in rows if row.selected}
    assert selected == {path.stem for path in (tmp_path / "pictures").iterdir()}
    assert all(row.admitted for row in rows if row.selected)
    assert said.summary.verdict.startswith(f"{len(selected)} of 4 faces were anonymized")
    report.write_html(tmp_path / "page.html", said)
    page = (tmp_path / "page.html").read_text()
    assert page.count('alt="face from ') == len(rows)
    assert page.count('class="framed"') == len(selected)
    written = json.loads((tmp_path / "results.json").read_text())
    assert len(written["sections"][0]["rows"]) == len(rows)
    assert (tmp_path / "sheet.png").stat().st_size > 10_000
    assert any(warning.startswith("candidates: 1 picture was left out") for warning in said.warnings)
    assert written["facts"]["Pictures left out"]["candidates"][0].startswith("broken.png: ")


@pytest.mark.slow
def test_results_of_diffusion_are_scored_and_chosen_by_the_same_rule(config, inputs, embedders, tmp_path):
    options = diffusing.Options("untrained", seeds=2, steps=2, size=32)
    said = anonymizer.anonymize(config, "a run", inputs, str(tmp_path), diffuse=options)
    rows = said.sections[0].rows
    assert [(row.original, row.group) for row in rows][:2] == [("q0", "all")] * 2
    assert sorted(row.candidate for row in rows if row.original == "q0") == ["seed 0", "seed 1"]
    assert all(row.admitted for row in rows if row.selected)
    written = json.loads((tmp_path / "results.json").read_text())
    assert written["facts"]["Diffusion"]["degree"] == 1.25
    report.write_html(tmp_path / "page.html", said)
    assert "noise of its own seed" in (tmp_path / "page.html").read_text()


def test_no_result_below_the_floor_of_naturalness_is_selected(config, inputs, embedders, monkeypatch, tmp_path):
    model = naturalness.NaturalnessModel({}, np.zeros(1, np.float32))
    monkeypatch.setattr(natural.naturalness, "load", lambda _: model)
    monkeypatch.setattr(natural.naturalness, "score", lambda _, crops: np.arange(len(crops)) - 3.0)
    config.anonymize.naturalness, config.anonymize.band = "model.npz", (-1.0, 1.0)
    said = anonymizer.anonymize(config, "a run", inputs, str(tmp_path))
    (section,) = said.sections
    assert sorted(row.naturalness for row in section.rows) == [*range(-3, 5)]
    assert all(row.naturalness >= 0 for row in section.rows if row.admitted)
    assert any(row.selected for row in section.rows)
    assert section.table.columns[-2] == "naturalness"
    assert "Floor of naturalness: +0.00." in section.help
    assert "is not below the floor of naturalness" in said.summary.verdict


def test_at_degree_0_both_axes_are_at_1(config, inputs, embedders, monkeypatch, tmp_path):
    seen = {}
    monkeypatch.setattr(anonymizer.proposals, "section", lambda *_, curves, **__: seen.update(curves))
    monkeypatch.setattr(anonymizer.folder, "write", lambda *_, **__: None)
    anonymizer.anonymize(config, "a run", inputs, str(tmp_path))
    for degree, mean, _, _ in seen.values():
        np.testing.assert_array_equal(degree, [0, 1])
        np.testing.assert_allclose(mean[0], 1, atol=1e-6)
        assert mean[1] < 0.9999


def test_methods_are_compared_with_baselines_on_both_axes(config, inputs, monkeypatch, drawn, tmp_path):
    names = [f"q{i}" for i in range(ORIGINALS)]
    vectors = Vectors(names, np.random.default_rng(0).normal(size=(ORIGINALS, 8)))
    files = FileEmbedder({"originals": vectors, "same": vectors, "gray": vectors}, "files")
    opened = Embedders(Colors(0), {"files": files, BEFORE_TRAINING: Colors(1)})
    monkeypatch.setattr(anonymizer, "open_embedders", lambda *_: opened)
    for i in range(ORIGINALS):  # a method that does nothing, and one that gives a gray square
        for method in ("same", "gray"):
            (tmp_path / method).mkdir(exist_ok=True)
        picture = Image.open(drawn / "q" / f"q{i}.png")
        picture.save(tmp_path / "same" / f"q{i}.png")
        Image.new("RGB", picture.size, (127, 127, 127)).save(tmp_path / "gray" / f"q{i}.png")
    config.anonymize.references = ("black_box", "chosen_swap")
    config.anonymize.false_accept_rate = 0.5  # of six impostor pairs
    inputs = inputs._replace(
        methods={"same": str(tmp_path / "same"), "gray": str(tmp_path / "gray")},
        landmarks=inputs.landmarks | {"same": inputs.landmarks[None]},
    )
    said = anonymizer.evaluate(config, "a run", inputs)
    both, _, preserved, groups = said.sections
    rows = [row for row in both.rows if row.matched.group == "all"]
    green = {row.method: row for row in rows if row.matched.recognizer == BEFORE_TRAINING}
    assert set(green) == {"same", "gray", "black box", "chosen swap"}
    assert green["same"].matched.similarity.value == pytest.approx(1)
    assert green["same"].perceived.value == pytest.approx(1)
    assert green["same"].matched.re_identified.value == 1
    assert green["same"].matched.protected.value == 0
    assert {row.method for row in rows if row.matched.recognizer == "files"} == {"same", "gray"}
    assert any(warning.startswith("files: n/a for black box, chosen swap: these") for warning in said.warnings)
    values = {(row.method, row.measure): row for row in preserved.rows}
    assert values["same", "SSIM"].value.value == pytest.approx(1)
    assert values["same", "expression"].value.value == pytest.approx(0, abs=1e-5)
    assert values["gray", "expression"].note
    assert values["chosen swap", "L1"].value.value < values["black box", "L1"].value.value
    assert {line[3] for line in groups.table.lines} & {"female", "male"}
    assert any("no landmarks" in warning for warning in said.warnings)
    scores = {(score.measure, score.name): score.value for score in said.summary.scores}
    assert scores["protected", "same"] == 0
    assert scores["perceived", "same"] == pytest.approx(1)
    assert said.summary.verdict.startswith("black box has the highest share of protected results of 4 methods: 0.")
    assert "Most similar to its originals, as perceived: same (1.000)." in said.summary.details
    report.write_html(tmp_path / "privacy.html", said)
    assert browser.faults(tmp_path / "privacy.html") == []


def test_what_is_missing_is_said(config, inputs, embedders, tmp_path):
    config.anonymize.references = ()
    with pytest.raises(ValueError, match="no method; wanted --anonymized=DIR"):
        anonymizer.evaluate(config, "a run", inputs)
    config.anonymize.retouch = ("makeup",)
    with pytest.raises(ValueError, match="retouch has 'makeup'; wanted some of skin, light"):
        anonymizer.evaluate(config, "a run", inputs)
    config.anonymize.retouch, config.anonymize.false_accept_rate = (), 1e-3
    with pytest.raises(ValueError, match=r"the threshold of green, from the candidates: .*3,688"):
        anonymizer.anonymize(config, "a run", inputs, str(tmp_path))


def test_thresholds_take_no_two_pictures_of_one_person_for_impostors():
    faces = np.random.default_rng(0).normal(size=(12, 8)).astype(np.float32)
    twice = {"network": np.repeat(faces, 2, axis=0)}
    rate = 0.04  # 12 of 276 pairs are copies
    limit = pool.match_thresholds(twice, np.repeat(np.arange(12), 2), rate)["network"].value
    unit = faces / np.linalg.norm(faces, axis=1, keepdims=True)
    impostors = np.sort((unit @ unit.T)[np.triu_indices(12, 1)])
    assert limit == pytest.approx(impostors[-3], abs=1e-6)  # 2 of 66 pairs, .03, lie above
    with pytest.raises(ValueError, match="have the same embedding"):
        pool.match_thresholds(twice, None, rate)


def test_what_is_left_out_of_the_baselines_is_said(config, monkeypatch):
    baselines = anonymizer.make_baselines
    monkeypatch.setattr(anonymizer.methods, "without_swap", lambda *_: {})
    config.anonymize.references = ("blur", "chosen_swap")
    pictures, points = np.zeros((2, 4, 4, 3), np.uint8), np.zeros((2, 5, 2))
    faces = Portraits(("a", "b"), pictures, points, True, np.zeros((2, 3)), np.zeros((2, 2)))
    found = baselines(config, Inputs("o", candidates="c"), Embedders(None, {"green": Colors(1)}), faces, NaturalFloor())
    assert found == ({}, None, ["No --workdir was given: chosen swap left out, which need the perceptual model."])
    files = Embedders(None, {"theirs": FileEmbedder({}, "theirs")})
    _, _, (warning,) = baselines(config, Inputs("o"), files, faces, NaturalFloor())
    assert warning.startswith("theirs: n/a for blur, chosen swap: these pictures are made here, and files have vectors")
    proposal, choice = pipeline.Proposal(np.zeros(2, int), None, None), pipeline.Choice(None, None, np.array([-1, -1]))
    found = pipeline.Anonymized(proposal, pictures, points, None, choice)
    candidates = pool.Pool(faces, [], np.ones((2, 1, 2), bool), {BEFORE_TRAINING: None}, {})
    monkeypatch.setattr(anonymizer, "open_pool", lambda *_: candidates)
    monkeypatch.setattr(anonymizer, "run_pipeline", lambda *_: found)
    seen = Embedders(Colors(0), {BEFORE_TRAINING: Colors(1)})
    made, opened, warnings = baselines(config, Inputs("o", candidates="c"), seen, faces, NaturalFloor())
    assert (made, opened, warnings) == ({}, candidates, ["chosen swap is left out: no result is admitted."])


def test_every_picture_left_out_is_in_the_facts(config):
    skipped = tuple((f"{i}.png", "no result") for i in range(9))
    faces = {"ours": Portraits((), None, None, False, None, None, skipped)}
    assert list(input_warnings.of_pictures(faces, [])) == [
        "ours: 9 pictures were left out, among them 0.png: no result; 1.png: no result; 2.png: no result"
    ]
    facts = anonymizer._facts(config, None, Inputs("o"), faces)
    assert facts["Pictures left out"] == {"ours": [f"{i}.png: no result" for i in range(9)]}


def test_what_is_wrong_with_roles_names_and_folders_is_said_before_anything_is_read(config, tmp_path):
    nowhere = Inputs("nowhere", candidates="nowhere")
    with pytest.raises(ValueError, match="--landmarks names our;"):
        anonymizer.evaluate(config, None, nowhere._replace(landmarks={"our": "f"}))
    with pytest.raises(ValueError, match="--landmarks names ours;"):
        anonymizer.anonymize(config, "", nowhere._replace(landmarks={"ours": "f"}, methods={"ours": "d"}), "out")
    with pytest.raises(ValueError, match="--anonymized names blur, which"):
        anonymizer.evaluate(config, None, nowhere._replace(methods={"blur": "d"}))
    (tmp_path / "results.json").write_text("")
    with pytest.raises(ValueError, match="holds results.json of an earlier run"):
        anonymizer.anonymize(config, "", nowhere, str(tmp_path))
    config.anonymize.references = ("blurr",)
    with pytest.raises(ValueError, match="references has 'blurr'; wanted some of blur"):
        anonymizer.evaluate(config, None, nowhere)


@pytest.mark.slow
def test_retouched_methods_are_added(config, inputs, embedders):
    config.anonymize.references = ("blur",)
    config.anonymize.retouch = ("skin", "light")
    config.anonymize.false_accept_rate = 0.5
    said = anonymizer.evaluate(config, "a run", inputs)
    assert {line[0] for line in said.sections[0].table.lines} == {"blur", "blur + skin + light"}
