"""What --part=anonymize writes: whole pictures that --part=privacy reads, and nothing of an earlier run."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from perface_jax.anonymization import folder
from perface_jax.anonymization.anonymize import Anonymized, Choice
from perface_jax.datasets import portrait_files, portraits
from perface_jax.report import Report

FIVE = np.array([[40, 50], [80, 50], [60, 70], [46, 90], [74, 90]], np.float32)
REPORT = {"report": Report("", [], {}, []), "sheet": Figure(figsize=(1, 1))}


@pytest.fixture
def originals(tmp_path):
    """Two smooth pictures of 220 x 200 pixels, and the faces in them; one is called as the sheet is."""
    (tmp_path / "in").mkdir()
    x, y = np.meshgrid(np.arange(220), np.arange(200))
    for name in ("sheet", "p.q"):
        Image.fromarray(np.stack([x, y, 0 * x], -1).astype(np.uint8)).save(tmp_path / "in" / f"{name}.png")
    points = dict.fromkeys(("sheet", "p.q"), FIVE + [50.4, 40.2])
    return portraits.read_portraits(tmp_path / "in", ["sheet.png", "p.q.png"], size=80, landmarks=points)


def found(originals, chosen):
    """Of the pipeline where every result is the original itself, at two places; landmarks one pixel to the right."""
    images, landmarks = (np.stack([part, part], 1) for part in (originals.images, originals.landmarks + [1, 0]))
    return Anonymized(None, images, landmarks, None, Choice(None, None, np.asarray(chosen)))


def test_an_unchanged_face_is_read_as_an_unchanged_face(originals, tmp_path):
    out = folder.open_folder(str(tmp_path / "new" / "out"))
    folder.write(out, str(tmp_path / "in"), originals, found(originals, [1, 0]), **REPORT)
    assert {path.name for path in out.iterdir()} == {"pictures", "landmarks.npz", "results.json", "sheet.png"}
    points = portrait_files.read_landmarks(str(out / "landmarks.npz"))
    read, places = portraits.read_results(out / "pictures", ["sheet.png", "p.q.png"], originals, landmarks=points)
    assert list(places) == [0, 1]
    assert abs(read.images.astype(int) - originals.images).max() <= 2
    np.testing.assert_allclose(read.landmarks, originals.landmarks + [1, 0], atol=1e-3)
    assert Image.open(out / "pictures" / "sheet.png").size == (220, 200)


def test_only_selected_results_are_written_and_only_landmarks_that_were_measured(originals, tmp_path):
    out = folder.open_folder(str(tmp_path / "one"))
    folder.write(out, str(tmp_path / "in"), originals, found(originals, [-1, 0]), **REPORT)
    assert [path.name for path in (out / "pictures").iterdir()] == ["p.q.png"]
    assert list(portrait_files.read_landmarks(str(out / "landmarks.npz"))) == ["p.q"]
    object.__setattr__(originals, "measured", False)
    for name, chosen in (("two", [-1, 0]), ("three", [-1, -1])):
        out = folder.open_folder(str(tmp_path / name))
        folder.write(out, str(tmp_path / "in"), originals, found(originals, chosen), **REPORT)
        assert not (out / "landmarks.npz").exists()


def test_a_file_and_a_folder_with_an_earlier_run_are_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="file is a file; wanted a folder"):
        folder.open_folder(str(tmp_path / "file"))
    (tmp_path / "old" / "pictures").mkdir(parents=True)
    with pytest.raises(ValueError, match="old holds pictures of an earlier run; remove them, or give another --out"):
        folder.open_folder(str(tmp_path / "old"))
