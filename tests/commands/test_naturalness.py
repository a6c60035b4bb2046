"""`perface naturalness`, without its training: what is read, drawn, named and refused."""

import numpy as np
import pytest
from PIL import Image

from perface_jax import landmarks, naturalness
from perface_jax.commands import naturalness as command
from perface_jax.naturalness import HeldOut
from perface_jax.naturalness.defects import DEFECTS
from perface_jax.statistics.estimates import Estimate

COUNT = 8


@pytest.fixture
def fitted(monkeypatch):
    """What would be trained on."""
    seen = {}

    def fit(natural, faulty, **options):
        seen.update({"natural": natural, **faulty, **options})

    monkeypatch.setattr(naturalness, "fit", fit)
    monkeypatch.setattr(naturalness, "save", lambda file, model: seen.update(file=file))
    monkeypatch.setattr(command, "_swapped", lambda people, seed: np.zeros((len(people.image), 64, 64, 3), np.uint8))
    return seen


@pytest.fixture
def folder(tmp_path):
    """Untouched pictures with landmarks, and two results of a method."""
    points, random = landmarks.GENERIC[:, :2] * 20 + 48, np.random.default_rng(0)
    for name in ("natural", "ours"):
        (tmp_path / name).mkdir()
        for i in range(COUNT if name == "natural" else 2):
            picture = random.integers(0, 256, (96, 96, 3)).astype(np.uint8)
            Image.fromarray(picture).save(tmp_path / name / f"f{i}.png")
    names = np.array([f"f{i}" for i in range(COUNT)])
    np.savez(tmp_path / "points.npz", names=names, landmarks=np.stack([points] * COUNT))
    lines = [f"f{i},p{i // 2}" for i in range(COUNT)]
    (tmp_path / "people.csv").write_text("\n".join(["name,person", *lines]))
    return tmp_path


def test_a_folder_is_trained_on_with_the_results_of_a_method(fitted, folder, capsys):
    flags = ["--natural", folder / "natural", "--swapped", f"ours={folder / 'ours'}"]
    flags += ["--landmarks", folder / "points.npz", "--attributes", folder / "people.csv"]
    command.main(list(map(str, ["--out", folder / "model.npz", *flags])))
    assert fitted["natural"].crops.shape == (COUNT, 64, 64, 3)
    assert fitted["natural"].persons.tolist() == ["p0", "p0", "p1", "p1", "p2", "p2", "p3", "p3"]
    assert fitted["ours"].persons.tolist() == ["p0", "p0"]
    assert {*DEFECTS, command.SWAP} < {*fitted}
    assert fitted["file"] == str(folder / "model.npz")
    assert "--config.anonymize.naturalness=" in capsys.readouterr().out


def test_what_is_found_of_each_kind_is_shown_and_stored(fitted, folder, monkeypatch, capsys):
    held_out = {"ghost": HeldOut(Estimate(0.9, 0.8, 0.95), 0.4)}
    monkeypatch.setattr(naturalness, "held_out_scores", lambda *_, **__: held_out)
    flags = ["--natural", folder / "natural", "--landmarks", folder / "points.npz", "--held_out", "--steps", 7]
    command.main(list(map(str, ["--out", folder / "model.npz", *flags])))
    assert fitted["held_out"] == held_out
    assert fitted["steps"] == 7
    assert fitted["natural"].persons.tolist() == [f"f{i}" for i in range(COUNT)]
    assert "ghost           0.900 [0.800, 0.950]    40%" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--out", "model.txt"], "wanted a file that ends in .npz"),
        (["--steps", "0"], "saw --steps 0, wanted 1 or more"),
        (["--swapped", "ours=natural"], "--attributes want --natural=DIR"),
        (["--natural", "natural", "--swapped", "ghost=ours"], "--swapped names ghost, which is made here"),
        (["--natural", "natural", "--landmarks", "theirs=points.npz"], "--landmarks names theirs; wanted natural"),
        (["--natural", "nothing"], "nothing"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(fitted, folder, monkeypatch, capsys, flags, said):
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as end:
        command.main(["--out", "model.npz", *flags])
    assert end.value.code == 2
    assert said in capsys.readouterr().err
