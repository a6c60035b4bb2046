"""Pictures to vectors: every picture once, bad ones listed, and the same numbers on one device and eight."""

import re
import warnings

import jax
import numpy as np
import pytest
from PIL import Image

from perface_jax import detection, evaluation, images
from perface_jax.network.model import iresnet
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
    return np.asarray(jax.jit(MODEL.apply)(variables, images.normalize(pictures)))


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


def test_a_folder_is_embedded_in_the_order_of_names_and_bad_pictures_are_listed(folder, variables, embeddings):
    names, vectors, skipped = evaluation.embed_folder(MODEL, variables, folder, crop="arcface", batch_size=2)
    assert names == ["0.png", "1.png", "3.png", "sub/4.png"]
    np.testing.assert_allclose(vectors, embeddings[[0, 1, 3, 4]], atol=1e-5)
    assert [name for name, _ in skipped] == ["1b.jpg", "2.png", "2b.jpg", "wide.png"]
    assert "40 x 20" in dict(skipped)["wide.png"]
    assert dict(skipped)["1b.jpg"] == "an empty file (0 bytes)"  # the name stands beside it


def test_a_crop_that_is_not_the_models_warns(folder, variables):
    with pytest.warns(UserWarning, match="trained on 'arcface' crops, these pictures are 'simswap' crops"):
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


def two_faces(picture):
    """A stand-in for a detector: none in a dark picture, otherwise a small face and a large one."""
    large = np.array([[10.0, 11], [21, 11], [16, 17], [11, 24], [20, 24]], np.float32)
    boxes = np.float32([[0, 0, 5, 5], [0, 0, 30, 30]])
    faces = [detection.Face(box, 1.0, points) for box, points in zip(boxes, (large / 2, large), strict=True)]
    return faces if picture.any() else []


@pytest.mark.parametrize("faces", ["largest", "all"])
def test_photographs_are_embedded_through_a_detector(folder, variables, pictures, faces):
    names, vectors, skipped = evaluation.embed_folder(
        MODEL, variables, folder, crop="arcface", detector=two_faces, faces=faces, batch_size=2
    )
    whole = ["0.png", "1.png", "3.png", "sub/4.png"]
    assert names == (whole if faces == "largest" else [f"{name}#{i}" for name in whole for i in (0, 1)])
    assert dict(skipped)["wide.png"] == "no face found in this picture"
    large = two_faces(pictures[1])[1].landmarks
    aligned = images.fit(pictures[1], crop="arcface", size=32, landmarks=large)
    np.testing.assert_allclose(
        vectors[1 if faces == "largest" else 2], evaluation.embed(MODEL, variables, aligned[None])[0], atol=1e-5
    )


def test_landmarks_of_many_points_and_by_stem_will_do(folder, variables):
    points = np.random.default_rng(0).uniform(5, 25, (68, 2))
    points[36:48] += [[-9, -5]] * 6 + [[9, -5]] * 6  # eyes above the mouth, left of and right of each other
    points[48:68, 1] += 20
    points[48], points[54] = (5, 30), (25, 30)
    names, _, skipped = evaluation.embed_folder(MODEL, variables, folder, crop="arcface", landmarks={"0": points})
    assert names == ["0.png"]
    wrong = {"0.png": points[:7]}
    _, _, skipped = evaluation.embed_folder(MODEL, variables, folder, crop="arcface", landmarks=wrong)
    assert "wanted [..., P, 2] with P one of" in dict(skipped)["0.png"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"crop": "arcface", "detector": two_faces, "landmarks": {}}, "wanted one of the two"),
        ({"crop": "celeba_hq", "detector": two_faces}, "wanted one of arcface, simswap"),
        ({"crop": "arcface", "detector": "retinaface"}, "saw detector 'retinaface', wanted 'mtcnn', or a function"),
        ({"crop": "arcface", "faces": "all"}, "wanted detector='mtcnn' or a function"),
        ({"crop": "arcface", "detector": two_faces, "faces": "some"}, "wanted 'largest' or 'all'"),
    ],
)
def test_ways_to_find_faces_that_contradict_each_other_are_refused(folder, variables, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        evaluation.embed_folder(MODEL, variables, folder, **options)


def test_what_is_no_detector_is_refused(folder, variables):
    with pytest.raises(TypeError, match="saw a detector of type int, wanted 'mtcnn' or a function"):
        evaluation.embed_folder(MODEL, variables, folder, crop="arcface", detector=3)


def test_a_folder_that_cannot_be_embedded_says_why(tmp_path, variables):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        evaluation.embed_folder(MODEL, variables, tmp_path / "nowhere", crop="arcface")
    with pytest.raises(ValueError, match="no picture in"):
        evaluation.embed_folder(MODEL, variables, tmp_path, crop="arcface")
    with pytest.raises(ValueError, match="unknown crop 'bgr'; wanted one of arcface, simswap"):
        evaluation.embed_folder(MODEL, variables, tmp_path, crop="bgr")


def test_eight_devices_and_one_give_the_same_embeddings(variables, pictures, monkeypatch):
    eight = evaluation.embed(MODEL, variables, pictures, batch_size=8)
    monkeypatch.setattr(jax, "local_devices", lambda: jax.devices()[:1])
    np.testing.assert_allclose(evaluation.embed(MODEL, variables, pictures, batch_size=8), eight, atol=1e-6)


def test_items_are_loaded_once_each_and_come_in_order(variables, pictures, embeddings):
    asked = []

    def load(i):
        asked.append(i)
        return pictures[2 * i : 2 * i + 2]

    network = evaluation.Network(MODEL, variables, batch_size=3)
    vectors = network.items([["", ""]] * 5, load)
    assert (sorted(asked), vectors.shape) == ([0, 1, 2, 3, 4], (5, 2, 16))
    np.testing.assert_allclose(vectors, embeddings[:10].reshape(5, 2, 16), atol=1e-5)


def test_a_network_that_gives_no_numbers_is_refused_with_the_pictures(variables, pictures):
    broken = jax.tree.map(lambda x: x * np.float32(np.nan), variables)
    network = evaluation.Network(MODEL, broken, batch_size=8)
    with pytest.raises(ValueError, match="the network: NaN or infinite numbers in the vectors of one, two; 2 in all"):
        network.items([["one", "two"]], lambda i: pictures[:2])


def test_several_processes_embed_their_share_and_all_get_everything(variables, pictures, embeddings, monkeypatch):
    # Two processes in turn: what the first one would send is kept and handed to the second.
    sent = []
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    monkeypatch.setattr(evaluation.embedding.parallel, "gather_objects", lambda part: [*sent, part])
    network = evaluation.Network(MODEL, variables, batch_size=8)
    monkeypatch.setattr(evaluation.embedding.parallel, "gather_objects", lambda part: sent.append(part) or [part] * 2)
    network.items([[""]] * 4, lambda i: pictures[i : i + 1])
    monkeypatch.setattr(evaluation.embedding.parallel, "gather_objects", lambda part: [sent[0], part])
    monkeypatch.setattr(jax, "process_index", lambda: 1)
    vectors = network.items([[""]] * 4, lambda i: pictures[i : i + 1])
    np.testing.assert_allclose(vectors[:, 0], embeddings[:4], atol=1e-5)
