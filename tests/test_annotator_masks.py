"""The masks of annotators, their file, and the similarity that one person sees."""

import numpy as np
import pytest

from perface_jax import annotator_masks
from perface_jax.annotator_masks import AnnotatorMasks
from perface_jax.network.model import iresnet
from perface_jax.network.model_folder import save_model
from perface_jax.similarity import masked_similarity, similarity
from tests.golden import formula

MASKS = AnnotatorMasks(("ann", "bob", "cleo"), np.float32([[0, 0], [np.log(3), -40], [0, 0]]), np.array([4, 2, 0]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    model = iresnet(layers=(1, 0, 0, 0), width=2, image_size=16, embedding_size=2)
    path = tmp_path_factory.mktemp("models") / "one"
    save_model(path, model, formula.variables(model))
    return path


def test_a_mask_of_logits_is_between_0_and_2_and_of_zeros_is_the_model_that_all_share():
    np.testing.assert_allclose(annotator_masks.mask(np.float32([0, np.log(3), -40, 40])), [1, 1.5, 0, 2], atol=1e-6)
    np.testing.assert_allclose(MASKS.of("bob"), [1.5, 0], atol=1e-6)
    x, y = np.float32([3, 4]), np.float32([4, 3])
    np.testing.assert_allclose(masked_similarity(x, y, MASKS.of("ann")), similarity(x, y), rtol=1e-6)
    np.testing.assert_allclose(masked_similarity(x, y, MASKS.of("bob")), 1.5**2 * 0.6 * 0.8, rtol=1e-6)


def test_trained_weights_count_more_the_more_dimensions_there_are():
    np.testing.assert_allclose(annotator_masks.logits(np.full((2, 9), 0.5, np.float32)), np.full((2, 9), 1.5))


def test_nobody_is_taken_for_somebody_else():
    for name in ("dan", "cleo"):  # cleo gave no training vote
        with pytest.raises(KeyError, match="gave no training vote; 2 annotators did: ann, bob"):
            MASKS.of(name)


def test_annotators_of_another_file_are_found_by_name():
    annotator = np.array([[0, 2], [1, -1]])  # of dan, ann, bob
    np.testing.assert_array_equal(MASKS.numbers(("dan", "ann", "bob"))[annotator], [[-1, 1], [0, -1]])


def test_masks_come_back_from_the_folder_of_their_model_and_from_no_other(folder, tmp_path):
    assert annotator_masks.read(folder) is None
    file = annotator_masks.write(folder, MASKS)
    found = annotator_masks.read(folder)
    assert found.names == MASKS.names
    np.testing.assert_array_equal(found.logits, MASKS.logits)
    np.testing.assert_array_equal(found.votes, MASKS.votes)
    model = iresnet(layers=(1, 0, 0, 0), width=3, image_size=16, embedding_size=2)
    save_model(tmp_path / "other", model, formula.variables(model))
    (tmp_path / "other" / file.name).write_bytes(file.read_bytes())
    with pytest.raises(ValueError, match="belongs to another model than"):
        annotator_masks.read(tmp_path / "other")
    (tmp_path / "other" / file.name).write_bytes(file.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"annotators.npz is no .npz, or a damaged one"):
        annotator_masks.read(tmp_path / "other")
    file.unlink()
