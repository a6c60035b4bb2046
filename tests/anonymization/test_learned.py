"""Results of a learned anonymizer."""

import numpy as np
import pytest

from perface_jax.anonymization import learned


def test_a_result_is_kept_as_painted_and_faded_for_the_curve(monkeypatch):
    seen = []
    monkeypatch.setattr(learned, "score_curves", lambda _, faces, degrees, **others: seen.extend(faces))
    originals = learned.Face(np.full((1, 4, 4, 3), 100, np.uint8), np.zeros((1, 59, 2), np.float32))
    results = learned.Face(np.full((1, 2, 4, 4, 3), 200, np.uint8), np.zeros((1, 2, 59, 2), np.float32))
    learned.degree_curves(originals, results, (0, 0.25, 1), perceive=None, recognizers={})
    assert [int(face.image[0, 0, 0, 0, 0]) for face in seen] == [100, 125, 200]


def test_a_folder_that_is_no_anonymizer_is_named(tmp_path):
    originals = learned.Face(np.zeros((1, 16, 16, 3), np.uint8), np.zeros((1, 59, 2), np.float32))
    with pytest.raises(FileNotFoundError, match="wanted the model folder of `perface train"):
        learned.make_results(originals, str(tmp_path))
