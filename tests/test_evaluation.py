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
    image_size = 4

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
    data = types.SimpleNamespace(triplets=source, labels=source.votes[:, 0])
    scores = evaluation.score_triplets(MeanColour(), {}, data, batch_size=3)
    np.testing.assert_array_equal(scores, [1, 0, 0.5, 1, 1])
    before = np.zeros(5, np.float32)
    runs = [evaluation.Scores((), before, scores, {"i": np.arange(5)})]
    then, now = evaluation.triplet_rows({"": runs}, np.array([0, 0, 1, 1, 2]))
    assert (then.model, then.accuracy, now.model, now.setting) == ("before", 0, "after", "i")
    assert now.accuracy == pytest.approx(0.7)  # (1 + 0 + 1/2 + 1 + 1) / 5
    assert now.gain == pytest.approx(0.7)
    assert now.low <= 0.7 <= now.high
    assert (now.ties, now.triplets, now.sources, now.seeds) == (1, 5, 3, 1)


def test_a_triplet_without_a_label_has_no_score():
    source = Colours()
    data = types.SimpleNamespace(triplets=source, labels=np.array([0, 1, -1, 0, 1]))
    scores = evaluation.score_triplets(MeanColour(), {}, data, batch_size=8)
    assert np.flatnonzero(np.isnan(scores)).tolist() == [2]


def test_folds_are_pooled_and_seeds_give_the_spread():
    before = np.zeros(4, np.float32)
    folds = {"i": np.array([0, 1]), "ii": np.array([], int)}, {"i": np.array([2, 3]), "ii": np.array([], int)}
    after = {0: np.float32([1, 1, 1, 0]), 1: np.float32([1, 0, 0, 0])}
    runs = [evaluation.Scores((seed,), before, after[seed], fold) for seed in after for fold in folds]
    rows = evaluation.triplet_rows({"labels=unanimous": runs}, np.array([0, 0, 1, 1]))
    assert [row.model for row in rows] == ["before", "after labels=unanimous"]  # nothing in ii
    assert rows[1].accuracy == pytest.approx(0.5)
    assert rows[1].deviation == pytest.approx(np.std([0.75, 0.25], ddof=1))
    assert (rows[1].triplets, rows[1].sources, rows[1].seeds) == (4, 2, 2)


def test_the_gain_is_paired_by_source():
    # Every source gains .5, whatever it had: the interval of the gain has no width, that of the accuracy has.
    before, after = np.float32([0, 0, 0.5, 0.5]), np.float32([0.5, 0.5, 1, 1])
    runs = [evaluation.Scores((), before, after, {"i": np.arange(4)})]
    row = evaluation.triplet_rows({"": runs}, np.array([0, 0, 1, 1]))[1]
    assert (row.gain_low, row.gain_high) == (0.5, 0.5)
    assert row.low < row.high


def test_a_single_source_has_no_interval():
    runs = [evaluation.Scores((), np.ones(2, np.float32), np.ones(2, np.float32), {"i": np.arange(2)})]
    row = evaluation.triplet_rows({"": runs}, np.zeros(2, int))[1]
    assert np.isnan([row.low, row.high, row.gain_low, row.gain_high]).all()


def test_verification_of_a_fake_model_is_what_a_person_counts():
    pictures = np.zeros((4, 4, 4, 3), np.uint8)
    pictures[:2, ..., 0], pictures[2:, ..., 1] = 200, 200  # two red ones, two green ones
    people = types.SimpleNamespace(pictures=pictures, identity=np.array([0, 0, 1, 1]))
    pairs = np.tile([[0, 1], [0, 2], [2, 3], [1, 3]], (5, 1))
    data = types.SimpleNamespace(people=people, pairs=pairs, same=np.tile([True, False], 10))
    row = evaluation.verification_row("fake", MeanColour(), {}, data, batch_size=3)
    assert row == ("fake", 1.0, 0.0, 20, 2)
