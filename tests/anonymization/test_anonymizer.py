"""The whole pipeline on drawn faces, with embedders that a person can follow: the colors of a face."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from configs import synthetic
from perface_jax.anonymization import anonymize as pipeline
from perface_jax.anonymization import anonymizer
from perface_jax.anonymization.embedders import FileEmbedder
from perface_jax.anonymization.inputs import Embedders, Inputs
from perface_jax.datasets.portraits import Portraits
from perface_jax.evaluation import Vectors, write_vectors
from perface_jax.synthetic import faces, world
from tests import drawn_faces

SIZE = 48
QUERIES, CANDIDATES = 4, 16


class Colors:
    """Vectors that are the mean colors of the middle of a face, less gray."""

    def __init__(self, channel):
        self.channel = channel

    def __call__(self, pictures, points):
        middle = np.asarray(pictures, np.float32)[:, 16:32, 16:32]
        rows = middle.mean(2)[..., self.channel]
        return (rows - 100.0).astype(np.float32)

    def look(self, whose, portraits):
        return self(portraits.images, portraits.landmarks)


class Rows:
    """Vectors that are given."""

    def __init__(self, vectors):
        self.vectors = vectors

    def look(self, whose, portraits):
        return self.vectors


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Folders of queries and candidates, with landmarks and attributes."""
    folder, count = tmp_path_factory.mktemp("drawn"), QUERIES + CANDIDATES
    sources, targets = world.create_people(5, count)
    pictures = drawn_faces.draw(sources.faces, targets.faces, size=SIZE, view=faces.CELEBA_HQ_VIEW)
    points = np.asarray(faces.landmarks(sources.faces, targets.faces, size=SIZE, view=faces.CELEBA_HQ_VIEW))
    names = [f"q{i}" if i < QUERIES else f"c{i}" for i in range(count)]
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
    files = {"landmarks": {"": str(drawn / "landmarks.npz")}, "attributes": {"": str(drawn / "groups.csv")}}
    return Inputs(originals=str(drawn / "q"), candidates=str(drawn / "c"), **files)


@pytest.fixture
def eyes(monkeypatch):
    """People look at red, the machine at green."""
    seen = Embedders(Colors(0), {"green": Colors(1)})
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
    assert given == {path.stem for path in (tmp_path / "pictures").iterdir()}
    assert all(row.admitted for row in rows if row.given)
    written = json.loads((tmp_path / "results.json").read_text())
    assert len(written["sections"][0]["rows"]) == len(rows)
    assert (tmp_path / "sheet.png").stat().st_size > 10_000
    assert any(warning.startswith("candidates: 1 pictures were left out") for warning in said.warnings)
    assert written["facts"]["Pictures left out"]["candidates"][0].startswith("broken.png: ")


def test_at_degree_0_both_axes_are_at_1(config, inputs, eyes, monkeypatch, tmp_path):
    seen = {}
    monkeypatch.setattr(anonymizer.sections, "offered", lambda rows, curves, *_: seen.update(curves))
    monkeypatch.setattr(anonymizer.folder, "write", lambda *_: None)
    anonymizer.anonymize(config, "a run", inputs, str(tmp_path))
    for degree, mean, _, _ in seen.values():
        np.testing.assert_array_equal(degree, [0, 1])
        np.testing.assert_allclose(mean[0], 1, atol=1e-6)
        assert mean[1] < 0.9999


def test_methods_are_judged_on_both_axes_beside_the_plain_ones(config, inputs, monkeypatch, drawn, tmp_path):
    names = [f"q{i}" for i in range(QUERIES)]
    vectors = Vectors(names, np.random.default_rng(0).normal(size=(QUERIES, 8)))
    files = FileEmbedder({"originals": vectors, "same": vectors, "gray": vectors}, "files")
    seen = Embedders(Colors(0), {"files": files, "green": Colors(1)})
    monkeypatch.setattr(anonymizer, "open_eyes", lambda *_: seen)
    for i in range(QUERIES):  # a method that does nothing, and one that gives a gray square
        for method in ("same", "gray"):
            (tmp_path / method).mkdir(exist_ok=True)
        picture = Image.open(drawn / "q" / f"q{i}.png")
        picture.save(tmp_path / "same" / f"q{i}.png")
        Image.new("RGB", picture.size, (127, 127, 127)).save(tmp_path / "gray" / f"q{i}.png")
    config.anonymize.references = ("black_box", "chosen_swap")
    config.anonymize.false_accept_rate = 0.5  # of six impostor pairs
    inputs = inputs._replace(
        methods={"same": str(tmp_path / "same"), "gray": str(tmp_path / "gray")},
        landmarks=inputs.landmarks | {"same": inputs.landmarks[""]},
    )
    said = anonymizer.judge(config, "a run", inputs)
    both, _, kept, groups = said.sections
    rows = [(row.method, row.machine) for row in both.rows if hasattr(row, "machine") and row.machine.group == "all"]
    machine = {name: row for name, row in rows if row.embedder == "green"}
    assert set(machine) == {"same", "gray", "black box", "chosen swap"}
    assert machine["same"].similarity.value == pytest.approx(1)
    assert machine["same"].re_identified.value == 1
    assert machine["same"].protected.value == 0
    assert {name for name, row in rows if row.embedder == "files"} == {"same", "gray"}
    assert any(warning.startswith("files: n/a for black box, chosen swap: these") for warning in said.warnings)
    values = {(row.method, row.measure): row for row in kept.rows}
    assert values["same", "SSIM"].value.value == pytest.approx(1)
    assert values["same", "expression"].value.value == pytest.approx(0, abs=1e-5)
    assert values["gray", "expression"].note
    assert values["chosen swap", "L1"].value.value < values["black box", "L1"].value.value
    assert {line[3] for line in groups.table.lines} & {"female", "male"}
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
    with pytest.raises(ValueError, match="nothing to judge: give --anonymized=DIR"):
        anonymizer.judge(config, "a run", inputs)
    config.anonymize.retouch = ("makeup",)
    with pytest.raises(ValueError, match="retouch has 'makeup'; wanted some of skin, light"):
        anonymizer.judge(config, "a run", inputs)
    config.anonymize.retouch, config.anonymize.false_accept_rate = (), 1e-3
    with pytest.raises(ValueError, match=r"the threshold of green, from the candidates: .*3,688"):
        anonymizer.anonymize(config, "a run", inputs, str(tmp_path))


def test_thresholds_take_no_two_pictures_of_one_person_for_impostors(config, tmp_path):
    faces = np.random.default_rng(0).normal(size=(12, 8)).astype(np.float32)
    twice, names = np.repeat(faces, 2, axis=0), tuple(f"{i}{half}" for i in range(12) for half in "ab")
    rows = "".join(f"{name},{name[:-1]}\n" for name in names)
    (tmp_path / "persons.csv").write_text(f"name,person\n{rows}")
    gallery = type("Faces", (), {"names": names})
    eyes = Embedders(None, {"files": FileEmbedder({}, "files"), "network": Rows(twice)})  # files know no candidates
    config.anonymize.false_accept_rate = 0.04  # 12 of 276 pairs are copies
    given = Inputs("o", attributes={"candidates": str(tmp_path / "persons.csv")})
    limit = anonymizer._thresholds(config, eyes, gallery, given)["network"].value
    unit = faces / np.linalg.norm(faces, axis=1, keepdims=True)
    impostors = np.sort((unit @ unit.T)[np.triu_indices(12, 1)])
    assert limit == pytest.approx(impostors[-3], abs=1e-6)  # 2 of 66 pairs, .03, lie above
    with pytest.raises(ValueError, match="have the same embedding"):
        anonymizer._thresholds(config, eyes, gallery, Inputs("o"))


def test_what_is_left_out_of_the_references_is_said(config, monkeypatch):
    monkeypatch.setattr(anonymizer.methods, "plain", lambda *_: {})
    config.anonymize.references = ("blur", "chosen_swap")
    found = anonymizer._made(config, Inputs("o", candidates="c"), Embedders(None, {"green": Colors(1)}), None)
    assert found == ({}, {}, ["No --workdir was given: chosen swap left out, which need what people see."])
    files = Embedders(None, {"theirs": FileEmbedder({}, "theirs")})
    _, _, (warning,) = anonymizer._made(config, Inputs("o"), files, None)
    assert warning.startswith("theirs: n/a for blur, chosen swap: these are made here, and vectors from files are of")
    pictures, points = np.zeros((2, 4, 4, 3), np.uint8), np.zeros((2, 5, 2))
    faces = Portraits(("a", "b"), pictures, points, True, np.zeros((2, 3)), np.zeros((2, 2)))
    found = pipeline.Anonymized(None, pictures, points, None, pipeline.Choice(None, None, np.array([-1, -1])))
    monkeypatch.setattr(anonymizer, "read_faces", lambda *_: faces)
    monkeypatch.setattr(anonymizer, "read_members", lambda *_: ([], None))
    monkeypatch.setattr(anonymizer, "_thresholds", lambda *_: {})
    monkeypatch.setattr(anonymizer, "_pipeline", lambda *_: found)
    seen = Embedders(Colors(0), {"green": lambda *_: None})
    made, gallery, warnings = anonymizer._made(config, Inputs("o", candidates="c"), seen, faces)
    assert (made, gallery, warnings) == ({}, {"candidates": faces}, ["chosen swap is left out: no result is admitted."])


def test_every_picture_that_is_left_out_is_in_the_facts(config):
    skipped = tuple((f"{i}.png", "no result") for i in range(9))
    faces = {"ours": Portraits((), None, None, False, None, None, skipped)}
    assert list(anonymizer._of_pictures(faces, [])) == [
        "ours: 9 pictures were left out, among them 0.png: no result; 1.png: no result; 2.png: no result"
    ]
    facts = anonymizer._facts(config, None, Inputs("o"), faces)
    assert facts["Pictures left out"] == {"ours": [f"{i}.png: no result" for i in range(9)]}


def test_what_is_wrong_with_roles_names_and_folders_is_said_before_anything_is_read(config, tmp_path):
    nowhere = Inputs("nowhere", candidates="nowhere")
    with pytest.raises(ValueError, match="--landmarks names our;"):
        anonymizer.judge(config, None, nowhere._replace(landmarks={"our": "f"}))
    with pytest.raises(ValueError, match="--landmarks names ours;"):
        anonymizer.anonymize(config, "", nowhere._replace(landmarks={"ours": "f"}, methods={"ours": "d"}), "out")
    with pytest.raises(ValueError, match="--anonymized names blur, which"):
        anonymizer.judge(config, None, nowhere._replace(methods={"blur": "d"}))
    (tmp_path / "results.json").write_text("")
    with pytest.raises(ValueError, match="holds results.json of an earlier run"):
        anonymizer.anonymize(config, "", nowhere, str(tmp_path))
    config.anonymize.references = ("blurr",)
    with pytest.raises(ValueError, match="references has 'blurr'; wanted some of blur"):
        anonymizer.judge(config, None, nowhere)


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
