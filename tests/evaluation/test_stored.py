"""Stored similarities: runs are compared if they were trained and tested on the same triplets."""

import numpy as np
import pytest
from etils import epath

from perface_jax.evaluation import stored
from tests.fake_faces import Colors, data, run


class Release(Colors):
    """Five triplets, with what tells their data set from another."""

    metadata = {"answers_sha256": "a", "pictures_sha256": "p", "release": "release"}


def cells(**settings):
    return {"": [run(data(**settings), after=np.eye(5, 2, dtype=np.float32))]}


def test_validation_triplets_may_be_others_as_in_runs_of_version_0_1(tmp_path):
    file = epath.Path(tmp_path) / "old" / stored.FILE
    file.parent.mkdir()
    stored.save_similarities(file, Release(), cells(train=[0, 1], validation=[4], i=[2]))
    (found,) = stored.load_similarities(file, Release(), cells(train=[0, 1], validation=[3, 4], i=[2])).values()
    np.testing.assert_array_equal(found, [np.eye(5, 2)])
    for other in ({"train": [0], "i": [2]}, {"train": [0, 1], "i": [2, 3]}, {"train": [0, 1], "ii": [2]}):
        with pytest.raises(ValueError, match="old has another split"):
            stored.load_similarities(file, Release(), cells(**other))
