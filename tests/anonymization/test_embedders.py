"""The perceptual model and the recognizers: which of them have vectors of which pictures."""

import numpy as np
import pytest

from configs import synthetic
from perface_jax.anonymization.embedders import Embedders, FileEmbedder, open_embedders
from perface_jax.datasets.portraits import Portraits
from perface_jax.evaluation import Vectors, write_vectors

VECTORS = np.arange(1, 9, dtype=np.float32).reshape(2, 4)


class Mean:
    """Mean gray value and 1, of any picture."""

    embeds_new_pictures = True

    def embed(self, pictures, points, *, role=None, names=()):
        return np.stack([pictures.mean((1, 2, 3)), np.ones(len(pictures))], 1).astype(np.float32)


@pytest.fixture
def faces():
    pictures = np.array([3, 7], np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), np.uint8)
    return Portraits(("a", "b"), pictures, np.zeros((2, 5, 2)), True, np.zeros((2, 3)), np.full((2, 2), 4))


def test_files_have_no_vectors_of_pictures_made_here(faces):
    files = FileEmbedder({"originals": Vectors(("b", "a"), VECTORS)}, "theirs")
    embedders = Embedders(Mean(), {"theirs": files, "ours": Mean()})
    assert list(embedders.for_new_pictures()) == ["ours"]
    known, new = embedders.embed(faces, "originals"), embedders.embed(faces, None)
    np.testing.assert_array_equal(known.recognized["theirs"], VECTORS[::-1])  # by name
    np.testing.assert_array_equal(new.recognized["ours"], [[3, 1], [7, 1]])
    assert list(known.recognized) == ["theirs", "ours"]
    assert list(new.recognized) == ["ours"]
    np.testing.assert_array_equal(new.perceived, known.perceived)
    assert Embedders(None, {"ours": Mean()}).embed(faces, None).perceived is None


def test_vectors_from_files_are_opened_without_a_run(tmp_path):
    write_vectors(tmp_path / "originals.npz", ["a", "b"], VECTORS)
    write_vectors(tmp_path / "copies.npz", ["b"], VECTORS[1:])
    embedders = open_embedders(synthetic.get_config("demo"), None, {"theirs": str(tmp_path)})
    assert embedders.perceptual is None
    theirs = embedders.recognizers["theirs"]
    np.testing.assert_array_equal(theirs.embed(None, None, role="copies", names=("b",)), VECTORS[1:])
    with pytest.raises(ValueError, match=r"theirs has no vectors of 'blur', only of copies, originals"):
        theirs.embed(None, None, role="blur", names=("b",))
    with pytest.raises(ValueError, match="wanted a model folder"):
        theirs.embed(None, None)


def test_no_recognizer_at_all_is_refused():
    with pytest.raises(ValueError, match="no recognizer; wanted --workdir=RUN, or --recognizers=NAME=FOLDER"):
        open_embedders(synthetic.get_config("demo"), None, {})
