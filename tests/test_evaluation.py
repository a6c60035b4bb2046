"""Pictures to vectors to rows: every picture once, bad ones listed, and one number a person can check."""

import types
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from perface_jax import evaluation, images
from perface_jax.model import iresnet
from tests.golden import formula

MODEL = iresnet(layers=(1, 1, 1, 1), width=4, image_size=32, embedding_size=16, crop="arcface")


@pytest.fixture(scope="module")
def variables():
    return formula.variables(MODEL)


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).integers(0, 256, (11, 32, 32, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def embeddings(variables, pictures):
    return np.asarray(jax.jit(MODEL.apply)(variables, images.normalise(pictures)))


@pytest.mark.parametrize("batch_size", [1, 4, 11, 64])
def test_every_batch_size_gives_the_same_embeddings(variables, pictures, embeddings, batch_size):
    result = evaluation.embed(MODEL, variables, pictures, batch_size=batch_size)
    assert (result.shape, result.dtype) == ((11, 16), np.float32)
    np.testing.assert_allclose(result, embeddings, atol=1e-5)


def test_no_pictures_give_no_rows(variables):
    assert evaluation.embed(MODEL, variables, np.zeros((0, 32, 32, 3), np.uint8)).shape == (0, 16)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((2, 32, 32, 3), np.float32), "uint8"),
        (np.zeros((2, 3, 32, 32), np.uint8), r"\[2, 3, 32, 32\].*channels come last"),
        (np.zeros((32, 32, 3), np.uint8), r"\[32, 32, 3\].*adds an axis"),
        (np.zeros((2, 30, 30, 3), np.uint8), "30"),
    ],
)
def test_pictures_that_break_the_contract_are_refused(variables, bad, message):
    with pytest.raises((TypeError, ValueError), match=message):
        evaluation.embed(MODEL, variables, bad)


@pytest.fixture
def folder(tmp_path, pictures):
    (tmp_path / "sub").mkdir()
    for i, picture in enumerate(pictures[:5]):
        Image.fromarray(picture).save(tmp_path / ("sub" if i == 4 else ".") / f"{i}.png")
    (tmp_path / "1b.jpg").touch()
    (tmp_path / "2b.jpg").write_text("<!DOCTYPE html>")
    Image.new("RGB", (40, 20)).save(tmp_path / "wide.png")
    (tmp_path / "2.png").write_bytes((tmp_path / "2.png").read_bytes()[:1500])
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def test_a_folder_is_embedded_in_the_order_of_names_and_bad_pictures_are_listed(folder, variables, embeddings, capsys):
    names, vectors, skipped = evaluation.embed_folder(MODEL, variables, folder, crop="arcface", batch_size=2)
    assert names == ["0.png", "1.png", "3.png", "sub/4.png"]
    np.testing.assert_allclose(vectors, embeddings[[0, 1, 3, 4]], atol=1e-5)
    assert [name for name, _ in skipped] == ["1b.jpg", "2.png", "2b.jpg", "wide.png"]
    assert "40 x 20" in dict(skipped)["wide.png"]
    progress = capsys.readouterr().err
    assert "8/8" in progress
    assert "pictures/s" in progress


def test_a_crop_that_is_not_the_models_warns(folder, variables):
    with pytest.warns(UserWarning, match="learned from 'arcface' crops, these pictures are 'simswap' crops"):
        evaluation.embed_folder(MODEL, variables, folder, crop="simswap")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evaluation.embed_folder(MODEL, variables, folder, crop="celeba_hq")


def test_landmarks_align_the_pictures(folder, variables, pictures):
    points = np.array([[10.0, 11], [21, 11], [16, 17], [11, 24], [20, 24]])
    names, vectors, skipped = evaluation.embed_folder(
        MODEL, variables, folder, crop="arcface", landmarks={"0.png": points}
    )
    assert names == ["0.png"]
    aligned = np.asarray(images.align(pictures[0], points, size=32))
    np.testing.assert_allclose(vectors, evaluation.embed(MODEL, variables, aligned[None]), atol=0.05)
    assert dict(skipped)["1.png"] == "no landmarks for this picture"


def test_a_folder_that_cannot_be_embedded_says_why(tmp_path, variables):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        evaluation.embed_folder(MODEL, variables, tmp_path / "nowhere", crop="arcface")
    with pytest.raises(ValueError, match="no picture in"):
        evaluation.embed_folder(MODEL, variables, tmp_path, crop="arcface")
    with pytest.raises(ValueError, match="unknown crop 'bgr'; wanted one of arcface, simswap"):
        evaluation.embed_folder(MODEL, variables, tmp_path, crop="bgr")


class MeanColour(types.SimpleNamespace):
    """A fake model whose embedding is the mean colour, so that scores can be checked by eye."""

    embedding_size = 3

    def apply(self, variables, images):
        return jnp.mean(images, axis=(1, 2)) + 1

    def __hash__(self):
        return 0


class Colours:
    """Plain pictures: a triplet is (a, b, reference), each of one colour."""

    votes = np.array([[0, 0, 0], [1, 1, 1], [0, 0, 0], [0, 0, 0], [1, 1, 1]])
    colours = np.array(
        [
            [[250, 0, 0], [0, 250, 0], [200, 0, 0]],  # a is red like the reference, people say a: right
            [[250, 0, 0], [0, 250, 0], [200, 0, 0]],  # people say b: wrong
            [[0, 0, 90], [0, 0, 90], [0, 0, 90]],  # a tie
            [[99, 99, 99], [0, 9, 250], [50, 50, 50]],  # right
            [[0, 9, 250], [99, 99, 99], [50, 50, 50]],  # right: people say b
        ]
    )

    def __len__(self):
        return 5

    def __getitem__(self, position):
        return np.ones((3, 4, 4, 3), np.uint8) * self.colours[position, :, None, None].astype(np.uint8)


def test_a_fake_model_through_the_whole_evaluation_scores_what_a_person_counts():
    source = Colours()
    embeddings = evaluation.embed_triplets(
        MeanColour(), {}, source, source.votes[:, 0], range(5), batch_size=3
    )
    row = evaluation.triplet_row("fake", "i", embeddings, np.array([0, 0, 1, 1, 2]))
    assert row[:2] == ("fake", "i")
    assert row.accuracy == pytest.approx(0.7)  # (1 + 0 + 1/2 + 1 + 1) / 5
    assert row.low <= 0.7 <= row.high
    assert (row.ties, row.triplets, row.sources) == (1, 5, 3)


def test_a_single_source_has_no_interval():
    row = evaluation.triplet_row("m", "i", np.ones((2, 3, 4), np.float32), np.zeros(2))
    assert np.isnan([row.low, row.high]).all()
    with pytest.raises(ValueError, match="setting i holds no triplet"):
        evaluation.triplet_row("m", "i", np.ones((0, 3, 4)), np.zeros(0))


def test_the_table_slices_each_setting_out_of_one_embedding_of_all():
    source = Colours()
    data = types.SimpleNamespace(
        triplets=source,
        labels=np.array([0, 1, -1, 0, 1]),
        settings={"i": np.array([3, 1]), "ii": np.array([], int), "iii": np.array([0, 4])},
    )
    source.source_id = np.array([0, 0, 1, 1, 2])
    rows = evaluation.triplet_rows({"fake": (MeanColour(), {})}, data, batch_size=8)
    assert [(row.setting, row.accuracy, row.triplets) for row in rows] == [("i", 0.5, 2), ("iii", 1.0, 2)]
