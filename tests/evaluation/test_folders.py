"""A folder to vectors: every picture is embedded or listed, and the end says how many."""

import re
import warnings

import numpy as np
import pytest
from PIL import Image

from perface_jax import detection, evaluation, images
from perface_jax.network.model import iresnet
from tests.golden import formula

pytestmark = pytest.mark.filterwarnings("ignore:.* skipped")  # one test asks for it
MODEL = iresnet(layers=(1, 1, 1, 1), width=4, image_size=32, embedding_size=16, crop="arcface")


@pytest.fixture(scope="module")
def variables():
    return formula.variables(MODEL)


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def embeddings(variables, pictures):
    return evaluation.embed(MODEL, variables, pictures)


@pytest.fixture
def folder(tmp_path, pictures):
    (tmp_path / "sub").mkdir()
    for i, picture in enumerate(pictures):
        Image.fromarray(picture).save(tmp_path / ("sub" if i == 4 else ".") / f"{i}.png")
    (tmp_path / "1b.jpg").touch()
    (tmp_path / "2b.jpg").write_text("<!DOCTYPE html>")
    Image.new("RGB", (40, 20)).save(tmp_path / "wide.png")
    (tmp_path / "2.png").write_bytes((tmp_path / "2.png").read_bytes()[:1500])
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def test_a_folder_is_embedded_in_the_order_of_names_and_bad_pictures_are_listed(folder, variables, embeddings):
    with pytest.warns(UserWarning, match=r"embedded 4 of 8 pictures; 4 skipped: .*1 not square and without landm"):
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
        warnings.filterwarnings("ignore", ".*4 skipped")
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


def test_links_are_followed_and_what_cannot_be_opened_is_listed(folder, variables):
    (folder / "link").symlink_to(folder / "sub")
    (folder / "gone").symlink_to(folder / "nowhere")
    (folder / "photo.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    names, _, skipped = evaluation.embed_folder(MODEL, variables, folder, crop="arcface")
    assert names == ["0.png", "1.png", "3.png", "sub/4.png"]
    reasons = dict(skipped)
    assert reasons["photo.heic"] == "HEIC, which is not read: save it as JPEG or PNG"
    assert (reasons["gone"], reasons["link/"]) == ("a link to nothing", "a folder that is read already (as sub)")


def test_a_large_square_without_landmarks_is_warned_of_once(tmp_path, variables):
    for side in (511, 512, 600):
        Image.new("RGB", (side, side)).save(tmp_path / f"{side}.png")
    with pytest.warns(UserWarning, match="squares of 512 pixels or more") as told:
        evaluation.embed_folder(MODEL, variables, tmp_path, crop="arcface")
    assert len(told) == 1
    assert "without landmarks, 2 in all, such as 512.png (512 x 512), are taken for aligned" in str(told[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evaluation.embed_folder(MODEL, variables, tmp_path, crop="celeba_hq")
        evaluation.embed_folder(MODEL, variables, tmp_path, crop="arcface", detector=lambda x: two_faces(x + 1))


def test_landmarks_by_a_stem_that_two_pictures_have_are_not_used(folder, variables, pictures):
    Image.fromarray(pictures[0]).save(folder / "sub" / "0.png")
    points = np.array([[10.0, 11], [21, 11], [16, 17], [11, 24], [20, 24]])
    options = {"crop": "arcface", "batch_size": 2}
    names, _, skipped = evaluation.embed_folder(MODEL, variables, folder, landmarks={"0": points}, **options)
    assert names == []
    assert [name for name, why in skipped if "a name that several pictures have" in why] == ["0.png", "sub/0.png"]
    names, _, _ = evaluation.embed_folder(MODEL, variables, folder, landmarks={"0": points, "0.png": points}, **options)
    assert names == ["0.png"]


def test_the_summary_counts_pictures_not_faces():
    assert evaluation.folder_summary(["a.jpg", "a.jpg", "b.jpg"], []) == "embedded 2 of 2 pictures"
    said = evaluation.folder_summary([], [("c.jpg", "an empty file (0 bytes)")])
    assert said == "embedded 0 of 1 pictures; 1 skipped: 1 an empty file (c.jpg)"
