"""The whole pipeline on drawn faces, with embedders that a person can follow: the colours of a face."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from configs import synthetic
from perface_jax import anonymizer
from perface_jax.anonymizer import Inputs
from perface_jax.datasets import faces, world
from perface_jax.evaluation import write_vectors

SIZE = 48
QUERIES, CANDIDATES = 4, 16


class Colours:
    """Vectors that are the mean colours of the middle of a face, less grey."""

    def __init__(self, channel):
        self.channel = channel

    def __call__(self, pictures, points):
        middle = np.asarray(pictures, np.float32)[:, 16:32, 16:32]
        rows = middle.mean(2)[..., self.channel]
        return (rows - 100.0).astype(np.float32)

    def look(self, whose, portraits):
        return self(portraits.images, portraits.landmarks)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Folders of queries and candidates, with landmarks and attributes."""
    folder, count = tmp_path_factory.mktemp("drawn"), QUERIES + CANDIDATES
    sources, targets = world.create_people(5, count)
    pictures = np.asarray(faces.render(sources.faces, targets.faces, size=SIZE, view=faces.CELEBA_HQ_VIEW))
    points = np.asarray(faces.landmarks(sources.faces, targets.faces, size=SIZE, view=faces.CELEBA_HQ_VIEW))
    names = [f"q{i}" if i < QUERIES else f"c{i}" for i in range(count)]
    for name, picture in zip(names, pictures, strict=True):
        (folder / name[0]).mkdir(exist_ok=True)
        Image.fromarray(picture).save(folder / name[0] / f"{name}.png")
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
    files = {"landmarks": {"": str(drawn / "landmarks.npz")}, "attributes": {"": str(drawn / "groups.csv")}}
    return Inputs(originals=str(drawn / "q"), candidates=str(drawn / "c"), **files)


@pytest.fixture
def eyes(monkeypatch):
    """People look at red, the machine at green."""
    seen = anonymizer.Eyes(Colours(0), {"green": Colours(1)})
    monkeypatch.setattr(anonymizer, "open_eyes", lambda *_: seen)


def test_faces_are_hidden_by_members_of_their_group_and_only_admitted_results_are_given(
    config, inputs, eyes, drawn, tmp_path
):
    said = anonymizer.anonymize(config, "a run", inputs, str(tmp_path))
    rows = said.sections[0].rows
    assert {row.query for row in rows} == {"q0", "q1", "q2", "q3"}
    assert [row.rank for row in rows if row.query == "q0"] == [1, 2]
    sexes = dict(csv.reader((drawn / "groups.csv").open()))
    assert all(sexes[row.source] == row.group for row in rows)
    given = {row.query for row in rows if row.given}
    assert given == {path.stem for path in tmp_path.glob("q*.png")}
    assert all(row.admitted for row in rows if row.given)
    written = json.loads((tmp_path / "results.json").read_text())
    assert len(written["sections"][0]["rows"]) == len(rows)
    assert (tmp_path / "sheet.png").stat().st_size > 10_000


def test_at_degree_0_both_axes_are_at_1(config, inputs, eyes, monkeypatch, tmp_path):
    seen = {}
    monkeypatch.setattr(anonymizer.sections, "offered", lambda rows, curves, *_: seen.update(curves))
    monkeypatch.setattr(anonymizer, "_write", lambda *_: None)
    anonymizer.anonymize(config, "a run", inputs, str(tmp_path))
    for degree, mean, _, _ in seen.values():
        np.testing.assert_array_equal(degree, [0, 1])
        np.testing.assert_allclose(mean[0], 1, atol=1e-6)
        assert mean[1] < 0.9999


def test_methods_are_judged_on_both_axes_beside_the_plain_ones(config, inputs, eyes, drawn, tmp_path):
    for i in range(QUERIES):  # a method that does nothing, and one that gives a grey square
        for method in ("same", "grey"):
            (tmp_path / method).mkdir(exist_ok=True)
        picture = Image.open(drawn / "q" / f"q{i}.png")
        picture.save(tmp_path / "same" / f"q{i}.png")
        Image.new("RGB", picture.size, (127, 127, 127)).save(tmp_path / "grey" / f"q{i}.png")
    config.anonymize.references = ("black_box", "chosen_swap")
    config.anonymize.false_accept_rate = 0.5  # of six impostor pairs
    inputs = inputs._replace(
        methods={"same": str(tmp_path / "same"), "grey": str(tmp_path / "grey")},
        landmarks=inputs.landmarks | {"same": inputs.landmarks[""]},
    )
    said = anonymizer.judge(config, "a run", inputs)
    both, kept, groups = said.sections
    machine = {row.method: row.machine for row in both.rows if hasattr(row, "machine") and row.machine.group == "all"}
    assert set(machine) == {"same", "grey", "black box", "chosen swap"}
    assert machine["same"].similarity.value == pytest.approx(1)
    assert machine["same"].re_identified.value == 1
    values = {(row.method, row.measure): row for row in kept.rows}
    assert values["same", "SSIM"].value.value == pytest.approx(1)
    assert values["same", "expression"].value.value == pytest.approx(0, abs=1e-5)
    assert values["grey", "expression"].note
    assert values["chosen swap", "L1"].value.value < values["black box", "L1"].value.value
    assert {line[3] for line in groups.table.lines} <= {"female", "male"}
    assert any("no landmarks" in warning for warning in said.warnings)


def test_vectors_from_files_are_judged_without_a_run(config, drawn, tmp_path):
    names = [f"q{i}" for i in range(QUERIES)]
    vectors = np.random.default_rng(0).normal(size=(QUERIES, 8)).astype(np.float32)
    write_vectors(tmp_path / "originals.npz", names, vectors)
    write_vectors(tmp_path / "copies.npz", names[:2], vectors[:2])
    eyes = anonymizer.open_eyes(config, None, Inputs(str(drawn / "q"), embedders={"theirs": str(tmp_path)}))
    assert eyes.perceive is None
    portraits = type("Faces", (), {"names": ("q1",)})
    np.testing.assert_array_equal(eyes.machines["theirs"].look("copies", portraits), vectors[1:2])
    with pytest.raises(ValueError, match=r"theirs has no vectors of 'blur', only of copies, originals"):
        eyes.machines["theirs"].look("blur", portraits)
    with pytest.raises(ValueError, match="want a model folder"):
        eyes.machines["theirs"](None, None)


def test_what_is_missing_is_said(config, inputs, eyes, tmp_path):
    config.anonymize.references = ()
    with pytest.raises(ValueError, match="nothing to judge: give --anonymised=DIR"):
        anonymizer.judge(config, "a run", inputs)
    config.anonymize.retouch = ("makeup",)
    with pytest.raises(ValueError, match="retouch has makeup; wanted skin, light"):
        anonymizer.judge(config, "a run", inputs)
    config.anonymize.false_accept_rate = 1e-3
    with pytest.raises(ValueError, match=r"the threshold of green, from the candidates: .*3,688"):
        anonymizer.anonymize(config, "a run", inputs, str(tmp_path))


def test_no_machine_at_all_is_refused(config, inputs):
    with pytest.raises(ValueError, match="no machine that could match faces"):
        anonymizer.open_eyes(config, None, inputs)


@pytest.mark.slow
def test_the_retouches_keep_names_and_places(config, inputs, eyes):
    config.anonymize.references = ("blur",)
    config.anonymize.retouch = ("skin", "light")
    config.anonymize.false_accept_rate = 0.5
    said = anonymizer.judge(config, "a run", inputs)
    assert {line[0] for line in said.sections[0].table.lines} == {"blur", "blur + skin + light"}
