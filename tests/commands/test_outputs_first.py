"""Every command refuses a place that it cannot write to before it loads a model or computes anything."""

import pytest
from PIL import Image

from perface_jax.commands import benchmark, compare, convert, embed, face_files, plan, rank, scale
from perface_jax.detection import __main__ as detect
from perface_jax.detection import cascade


class Computes(AssertionError):
    """A command has gone further than it should."""


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Two pictures, a file that is no folder, a table of people, and a model folder in which scale.json is a folder."""

    def computes(*arguments, **options):
        raise Computes

    for owner, name in ((face_files, "open_model"), (cascade, "mtcnn"), (benchmark, "_model"), (plan, "power")):
        monkeypatch.setattr(owner, name, computes)
    monkeypatch.setattr(detect.detection, "mtcnn", computes)
    (tmp_path / "pictures").mkdir()
    for name in ("a", "b"):
        Image.new("RGB", (40, 40)).save(tmp_path / "pictures" / f"{name}.png")
    (tmp_path / "people.csv").write_text("picture,person\na,anna\nb,bob\n")
    (tmp_path / "file").write_text("kept")
    (tmp_path / "model" / "scale.json").mkdir(parents=True)
    return tmp_path


PICTURES, MODEL = "{0}/pictures", ("--model", "{0}/model")
COMMANDS = {
    "compare": (compare, "{0}/pictures/a.png", "{0}/pictures/b.png", *MODEL, "--html", "{0}/file/a.html"),
    "rank --html": (rank, "{0}/pictures/a.png", PICTURES, *MODEL, "--html", "{0}/file/a.html"),
    "rank --csv": (rank, "{0}/pictures/a.png", PICTURES, *MODEL, "--csv", "{0}/pictures"),
    "rank --sheet": (rank, "{0}/pictures/a.png", PICTURES, *MODEL, "--sheet", "{0}/file/new/a.png"),
    "embed": (embed, PICTURES, *MODEL, "--out", "{0}/file/a.npz"),
    "scale": (scale, "--pictures", PICTURES, "--people", "{0}/people.csv", *MODEL),
    "detect": (detect, PICTURES, "--out", "{0}/file/a.csv"),
    "benchmark": (benchmark, "--json", "{0}/file/a.json"),
    "plan": (plan, "--out", "{0}/file"),
    "convert": (convert, "{0}/people.pth", "--out", "{0}/file"),
    "convert below a file": (convert, "{0}/people.pth", "--out", "{0}/file/model"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_place_that_cannot_be_written_is_refused_in_one_line(command, study, capsys):
    module, *arguments = COMMANDS[command]
    with pytest.raises(SystemExit) as end:
        module.main([argument.format(study) for argument in arguments])
    said = capsys.readouterr()
    assert (end.value.code, said.out) == (2, "")
    assert len(said.err.splitlines()) == 1
    assert str(study) in said.err
    assert any(word in said.err for word in ("wanted a folder", "wanted a file", "exists"))
    assert (study / "file").read_text() == "kept"


def test_the_others_go_on(study):
    arguments = ["{0}/pictures/a.png", PICTURES, *MODEL, "--html", "{0}/new/a.html", "--csv", "{0}/a.csv"]
    with pytest.raises(Computes):
        rank.main([argument.format(study) for argument in arguments])
    assert not (study / "new").exists()
