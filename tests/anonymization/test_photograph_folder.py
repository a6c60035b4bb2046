"""A folder of photographs, with a detector and an anonymizer that need no weights."""

import numpy as np
from PIL import Image

from perface_jax import diffusion
from perface_jax.anonymization import photograph_folder
from perface_jax.detection import Face


def test_photographs_with_faces_are_written_and_others_named(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    for name, value in (("a", 10), ("b", 200)):
        Image.fromarray(np.full((20, 30, 3), value, np.uint8)).save(tmp_path / "in" / f"{name}.png")
    (tmp_path / "in" / "c.png").write_bytes(b"")
    face = Face(np.zeros(4, np.float32), 1.0, np.zeros((5, 2), np.float32))

    def detect(picture):
        return [face] if picture[0, 0, 0] < 100 else []

    def anonymize(photograph, detector, anonymizer, *, degree):
        found = detector(photograph)
        return photograph + np.uint8(degree) if found else photograph, len(found)

    monkeypatch.setattr(diffusion, "anonymize_photograph", anonymize)
    lines = list(photograph_folder.replace(tmp_path / "in", tmp_path / "out", detect, None, degree=5.0))
    assert lines[:2] == ["a.png: 1 face replaced", "b.png: no face found, not written"]
    assert lines[2].startswith("c.png: left out: ")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.png"]
    assert np.asarray(Image.open(tmp_path / "out" / "a.png"))[0, 0, 0] == 15
    again = list(photograph_folder.replace(tmp_path / "in", tmp_path / "out", detect, None, degree=5.0))
    assert again[0].endswith("exists, left as it is")
