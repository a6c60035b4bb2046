"""Crops: templates, alignment, the fixed box and the host's cropper. Beside Pillow, scikit-image and by hand."""

import csv
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import skimage.transform
from PIL import Image

from perface_jax import images
from tests.pictures import levels, noise

ARCFACE = images.TEMPLATES["arcface"].points[0]


def pose(angle=0.3, scale=0.8, shift=(60.0, 40.0), points=ARCFACE) -> np.ndarray:
    """Landmarks of a face that is turned, scaled and shifted against a template."""
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return points @ turn.T + shift


def where_am_i(height, width) -> np.ndarray:
    """A floating picture whose channels are x, y and 1: sampled bilinearly it tells the place it was sampled at."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.stack([x, y, np.ones_like(x)], axis=-1)


# Templates


def test_named_templates_are_multiplied_and_own_points_are_taken_as_they_are():
    np.testing.assert_allclose(images.template_points("arcface", 224)[0, 0], [76.5892, 103.3926])
    np.testing.assert_allclose(images.template_points("simswap_ffhq", 256)[0, 2], [128.31708, 157.009675])
    assert images.template_points("simswap", 112).shape == (5, 5, 2)
    np.testing.assert_array_equal(images.template_points(ARCFACE.tolist(), 224), ARCFACE[None])


def test_simswap_profiles_are_mirror_images_about_the_middle_of_112():
    _, left, left_profile, right, right_profile = images.TEMPLATES["simswap"].points
    mirrored = [1, 0, 2, 4, 3]
    for one, other in ((left, right), (left_profile, right_profile)):
        np.testing.assert_allclose(other[mirrored] * [-1, 1] + [112.413, 0], one, atol=2e-3)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("arcfase", "saw template 'arcfase', wanted arcface, simswap, simswap_ffhq or .*; did you mean 'arcface'"),
        ("celeba_hq", "saw template 'celeba_hq'"),
        (np.zeros((4, 2)), r"saw a template of shape \[4, 2\], wanted finite points \[5, 2\]"),
        (np.full((5, 2), np.nan), "finite"),
    ],
)
def test_templates_nobody_knows_are_refused(template, message):
    with pytest.raises(ValueError, match=message):
        images.template_points(template, 112)


# Align


def test_a_quarter_turn_by_hand():
    # (x, y) -> (-y, x) doubled, then shifted by (10, 20)
    source = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [3.0, 2.0], [2.0, 5.0]])
    destination = 2 * np.stack([-source[:, 1], source[:, 0]], -1) + [10, 20]
    np.testing.assert_allclose(images.similarity_transform(source, destination), [[0, -2, 10], [2, 0, 20]], atol=1e-5)


def test_the_transform_is_that_of_scikit_image_and_never_a_reflection():
    random = np.random.default_rng(0)
    sources = random.normal(size=(20, 5, 2)) * 30
    sources[0] = ARCFACE * [-1, 1]  # its best fit would be a reflection
    out = np.asarray(images.similarity_transform(sources, ARCFACE))
    assert out.shape == (20, 2, 3)
    for source, matrix in zip(sources, out, strict=True):
        expected = skimage.transform.SimilarityTransform.from_estimate(source, ARCFACE).params[:2]
        np.testing.assert_allclose(matrix, expected, rtol=1e-4, atol=1e-3)
        assert np.linalg.det(matrix[:, :2]) > 0


def test_points_of_unlike_shape_are_refused():
    with pytest.raises(ValueError, match=r"saw points \[4, 2\] and \[5, 2\], wanted \[..., K, 2\]"):
        images.similarity_transform(ARCFACE[:4], ARCFACE)


@pytest.mark.parametrize("landmarks", [pose(), pose(-1.2, 1.7, (20.0, 160.0)), pose(0.1, 0.6, (-15.0, 130.0))])
def test_align_is_the_warp_of_scikit_image_with_black_outside(landmarks):
    picture = noise(180, 200, 3)
    fit = skimage.transform.SimilarityTransform.from_estimate(landmarks, ARCFACE)
    expected = skimage.transform.warp(
        picture.astype(float), fit.inverse, output_shape=(112, 112), order=1, mode="constant", cval=0
    )
    out = jax.jit(images.align)(picture, landmarks)
    assert out.dtype == jnp.uint8
    assert levels(out, np.rint(expected)) <= 1
    np.testing.assert_allclose(images.align(picture.astype(np.float32), landmarks), expected, atol=0.05)


def test_landmarks_on_the_template_leave_the_picture_as_it_is():
    picture = noise(112, 112, 3)
    assert levels(images.align(picture, ARCFACE), picture) == 0
    own = ARCFACE + [3, 2]
    np.testing.assert_array_equal(images.align(picture, ARCFACE, template=own)[2:, 3:], picture[:-2, :-3])
    np.testing.assert_array_equal(images.align(picture, ARCFACE, template=own)[:2], np.zeros((2, 112, 3)))


@pytest.mark.parametrize("index", range(5))
def test_the_pose_that_fits_best_is_taken(index):
    points = images.TEMPLATES["simswap"].points[index]
    landmarks = pose(0.2, 0.7, (70.0, 60.0), points)
    out = np.asarray(images.align(where_am_i(200, 220), landmarks, template="simswap"))
    np.testing.assert_allclose(out[..., 2], 1, rtol=1e-6)
    # Every crop pixel must have come from where the true transform puts it.
    grid = np.stack(np.meshgrid(np.arange(112.0), np.arange(112.0)), -1).reshape(-1, 2)
    np.testing.assert_allclose(out[..., :2].reshape(-1, 2), pose(0.2, 0.7, (70.0, 60.0), grid), atol=1e-3)


def test_leading_axes_broadcast_and_vmap_agrees():
    pictures, landmarks = noise(2, 3, 60, 70, 3), np.stack([pose(a, 0.4, (20.0, 10.0)) for a in (0.0, 0.4, -0.3)])
    out = images.align(pictures, landmarks, size=56)
    assert out.shape == (2, 3, 56, 56, 3)
    np.testing.assert_array_equal(out[1, 2], images.align(pictures[1, 2], landmarks[2], size=56))
    np.testing.assert_array_equal(images.align(pictures[0, 0], landmarks, size=56)[0], out[0, 0])
    mapped = jax.vmap(functools.partial(images.align, size=56))(pictures[0], landmarks)
    np.testing.assert_array_equal(mapped, out[0])


def test_align_has_finite_and_right_gradients():
    picture, landmarks = where_am_i(160, 160), jnp.asarray(pose(0.2, 0.8, (30.0, 25.0)), jnp.float32)
    random = jax.random.normal(jax.random.key(1), (112, 112, 3)) / 100

    def loss(picture, landmarks):
        return (random * images.align(picture, landmarks)).sum()

    for_picture, for_landmarks = jax.jit(jax.grad(loss, argnums=(0, 1)))(picture, landmarks)
    assert jnp.isfinite(for_picture).all()
    assert jnp.abs(for_picture).sum() > 0
    with jax.enable_x64(True):  # the picture is linear, so differences are exact but for rounding
        random = jnp.asarray(random, jnp.float64)
        points, step = np.asarray(landmarks, np.float64), 1e-4
        value = jax.jit(functools.partial(loss, jnp.asarray(picture, jnp.float64)))
        for place in np.ndindex(5, 2):
            move = np.zeros((5, 2))
            move[place] = step
            slope = (value(points + move) - value(points - move)) / (2 * step)
            np.testing.assert_allclose(for_landmarks[place], slope, rtol=1e-3, atol=1e-3)


def test_gradients_are_finite_where_landmarks_lie_on_the_template_and_poses_compete():
    gradient = jax.jit(jax.grad(lambda points: images.align(where_am_i(112, 112), points, template="simswap").sum()))
    assert jnp.isfinite(gradient(jnp.asarray(images.TEMPLATES["simswap"].points[0], jnp.float32))).all()


def test_half_precision_pictures_are_sampled_at_exact_places():
    picture = noise(150, 150, 3)
    out = images.align(picture.astype(jnp.float16), pose(0.1, 1.0, (20.0, 20.0)))
    assert out.dtype == jnp.float16
    assert levels(np.rint(np.asarray(out, np.float32)), images.align(picture, pose(0.1, 1.0, (20.0, 20.0)))) <= 1


@pytest.mark.parametrize("angle", [0.0, 1.5, 3.1, -2.0])
def test_faces_may_be_turned_any_way_and_profiles_may_cross_their_eyes(angle):
    crossed = images.TEMPLATES["simswap"].points[2].copy()
    crossed[[0, 1], 0] = crossed[[1, 0], 0]
    for points in (ARCFACE, crossed):
        images.align(noise(300, 300, 3), pose(angle, 0.8, (150.0, 150.0), points))


@pytest.mark.parametrize(
    ("landmarks", "message"),
    [
        (ARCFACE[:4], r"saw landmarks of shape \[4, 2\], wanted \[..., 5, 2\]"),
        (ARCFACE.reshape(10), "saw landmarks of shape"),
        (np.full((5, 2), np.nan), "NaN or infinity"),
        (np.where(np.arange(10).reshape(5, 2) == 3, np.inf, ARCFACE), "NaN or infinity"),
        (np.full((5, 2), 50.0), "all five within one pixel"),
        (ARCFACE / 112, "fractions of the picture"),
        (ARCFACE * 4, "far outside a picture 112 wide and 112 high"),
        (ARCFACE - 200, "far outside"),
        (ARCFACE[[1, 0, 2, 4, 3]], "left and right exchanged"),
        (ARCFACE[[1, 0, 2, 3, 4]], "left and right eye exchanged"),
        (ARCFACE[:, ::-1], r"\(y, x\) in place of \(x, y\)"),
        (ARCFACE[[3, 4, 2, 0, 1]], "the mouth before the eyes"),
        (ARCFACE + 112, "all five outside of the picture, 112 wide and 112 high"),
        (ARCFACE[[2, 0, 1, 3, 4]], "the nose first; wanted"),
        (np.stack([ARCFACE, ARCFACE / 112]), "fractions of the picture"),
    ],
)
def test_landmarks_that_cannot_be_right_are_refused_by_align_and_fit(landmarks, message):
    picture = noise(112, 112, 3)
    with pytest.raises(images.PictureError, match=message):
        images.align(picture, landmarks)
    if landmarks.ndim < 3:
        with pytest.raises(images.PictureError, match=message):
            images.fit(picture, crop="arcface", landmarks=landmarks)


@pytest.mark.parametrize(
    "landmarks",
    [[[1, 2], [3]], {"left_eye": (1, 2)}, images.template_points("arcface", 112)[0].astype(str), [[None, 1]] * 5],
)
def test_what_is_no_array_of_numbers_is_refused_in_one_line(landmarks):
    for cut in (images.align, functools.partial(images.fit, crop="arcface")):
        with pytest.raises(images.PictureError, match="landmarks"):
            cut(noise(112, 112, 3), landmarks=landmarks)


# The fixed crop of CelebA-HQ


def hq_landmarks(template, side, size=112) -> np.ndarray:
    """Landmarks of a picture that obeys the rule exactly: the square is the picture."""
    points = images.template_points(template, size)[0]
    eyes, mouth = points[:2].mean(0), points[3:].mean(0)
    half = max(2 * np.linalg.norm(points[1] - points[0]), 1.8 * np.linalg.norm(mouth - eyes))
    return (points - (eyes + 0.1 * (mouth - eyes))) * side / (2 * half) + (side - 1) / 2


def blobs(points, side) -> np.ndarray:
    """Five pictures, each with one bright spot."""
    y, x = np.mgrid[:side, :side]
    spots = [255 * np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * (side / 80) ** 2)) for px, py in points]
    return np.repeat(np.rint(spots).astype(np.uint8)[..., None], 3, axis=-1)


def centroid(picture) -> np.ndarray:
    weight = np.asarray(picture, float)[..., 0]
    y, x = np.mgrid[: weight.shape[0], : weight.shape[1]]
    return np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()


@pytest.mark.parametrize(
    ("template", "size", "side"),
    [("arcface", 112, 160), ("arcface", 112, 512), ("arcface", 224, 160), ("simswap", 112, 160)],
)
def test_a_picture_that_obeys_the_rule_lands_on_the_template(template, size, side):
    pictures = blobs(hq_landmarks(template, side, size), side)
    wanted = images.template_points(template, size)[0]
    cropped = jax.jit(functools.partial(images.crop_celeba_hq, template=template, size=size))(pictures)
    for picture, crop, point in zip(pictures, cropped, wanted, strict=True):
        np.testing.assert_allclose(centroid(crop), point, atol=0.1)
        fitted = images.fit(picture, crop="celeba_hq", template=template, size=size)
        np.testing.assert_allclose(centroid(fitted), point, atol=0.1)


def test_the_box_by_hand():
    # Eyes 32 apart and level at (40, 50) and (72, 50), mouth 30 below: half side max(64, 54) = 64, center (56, 53).
    # The square runs from (-8, -11) over 128, the crop of 112 from -0.5 to 111.5.
    points = [(40, 50), (72, 50), (56, 65), (44, 80), (68, 80)]
    box = images.celeba_hq_box(template=points, size=112)
    np.testing.assert_allclose(box, [7.5 / 128, 10.5 / 128, 119.5 / 128, 122.5 / 128])
    # The mouth 40 below: half side 72, center (56, 54), square from (-16, -18) over 144.
    points = [(40, 50), (72, 50), (56, 65), (44, 90), (68, 90)]
    box = images.celeba_hq_box(template=points, size=112)
    np.testing.assert_allclose(box, [15.5 / 144, 17.5 / 144, 127.5 / 144, 129.5 / 144])


@pytest.mark.parametrize("template", images.TEMPLATES)
@pytest.mark.parametrize("side", [80, 300])
def test_host_and_jax_cut_the_same_crop(template, side):
    picture = noise(side, side, 3)
    out = jax.jit(images.crop_celeba_hq, static_argnames=("template", "size"))(picture, template=template, size=112)
    assert levels(out, images.fit(picture, crop="celeba_hq", template=template)) <= 1


def test_a_crop_wider_than_the_picture_is_black_at_the_rim():
    # simswap_ffhq reaches past the picture on every side, by at least one pixel in 512 at the top.
    crop = jax.jit(functools.partial(images.crop_celeba_hq, template="simswap_ffhq", size=512))
    out = np.asarray(crop(np.full((512, 512, 3), 255, np.uint8)))
    assert out[0].max() < 255
    assert out[:, 0].max() < 128
    assert out[10:-10, 10:-10].min() == 255


def test_the_fixed_crop_keeps_leading_axes_floats_and_gradients_and_wants_squares():
    batch = noise(2, 2, 64, 64, 3)
    crop = functools.partial(images.crop_celeba_hq, size=32)
    out = jax.jit(crop)(batch)
    np.testing.assert_array_equal(out[1, 0], jax.jit(crop)(batch[1, 0]))
    np.testing.assert_array_equal(jax.jit(jax.vmap(crop))(batch), out)
    gradient = jax.grad(lambda x: crop(x).sum())
    assert jnp.isfinite(jax.jit(gradient)(batch.astype(np.float32))).all()
    with pytest.raises(ValueError, match="saw 8 x 9 pixels, wanted a square"):
        images.crop_celeba_hq(noise(9, 8, 3))


# The host's cropper


@pytest.mark.parametrize("template", ["arcface", "simswap", ARCFACE + 3])
@pytest.mark.parametrize("landmarks", [pose(), pose(2.5, 1.3, (150.0, 150.0)), pose(0.0, 0.7, (-20.0, 140.0))])
def test_fit_is_align_within_one_gray_level_even_across_the_border(template, landmarks):
    picture = noise(180, 200, 3)
    out = images.fit(picture, crop=template, landmarks=landmarks)
    assert levels(out, images.align(picture, landmarks, template=template)) <= 1


def test_fit_with_landmarks_and_celeba_hq_aligns_to_the_template():
    picture, landmarks = noise(200, 180, 3), pose()
    for template in ("arcface", "simswap"):
        out = images.fit(picture, crop="celeba_hq", template=template, landmarks=landmarks, size=96)
        np.testing.assert_array_equal(out, images.fit(picture, crop=template, landmarks=landmarks, size=96))


def test_fit_resizes_what_is_in_the_crop_already():
    picture = noise(224, 224, 3)
    expected = np.array(Image.fromarray(picture).resize((112, 112), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(images.fit(picture, crop="simswap"), expected)
    np.testing.assert_array_equal(images.fit(expected, crop=ARCFACE), expected)


def test_fit_refuses_what_it_cannot_place():
    for crop in ("arcface", "celeba_hq"):
        with pytest.raises(
            images.PictureError, match=r"not square and without landmarks \(90 x 80 pixels\): give landmarks"
        ):
            images.fit(noise(80, 90, 3), crop=crop)
    with pytest.raises(ValueError, match="wanted a template with crop 'celeba_hq' only"):
        images.fit(noise(80, 80, 3), crop="arcface", template="simswap")
    with pytest.raises(ValueError, match="did you mean 'simswap'"):
        images.fit(noise(80, 80, 3), crop="simswp")
    with pytest.raises(ValueError, match="cannot reshape array of size 20"):
        images.fit(noise(112, 112, 3), crop="arcface", landmarks=np.stack([ARCFACE, ARCFACE]))
    with pytest.raises(ValueError, match=r"saw shape \[1, 8, 8, 3\], wanted uint8 RGB \[H, W, 3\]"):
        images.fit(noise(1, 8, 8, 3), crop="arcface")


# Realistic faces, where the folder is at hand


def test_realistic_faces_are_aligned_as_by_an_independent_program(facepack):
    faces = np.load(facepack / "faces.npz")["images"]
    expected = np.load(facepack / "aligned112.npz")
    rows = list(csv.DictReader((facepack / "landmarks.csv").read_text().splitlines()))
    points = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
    names = [f"{point}_{axis}" for point in points for axis in "xy"]
    landmarks = np.array([[float(row[name]) for name in names] for row in rows]).reshape(-1, 5, 2)

    np.testing.assert_allclose(images.similarity_transform(landmarks, ARCFACE), expected["matrix"], atol=1e-3)
    aligned = np.asarray(jax.jit(images.align)(faces, landmarks))
    assert levels(aligned, expected["images"]) <= 1
    mean = aligned.mean(0)
    assert levels(np.rint(mean), np.array(Image.open(facepack / "mean_aligned.png"))) <= 1

    def sharpness(pictures):
        return np.abs(np.diff(pictures.mean(0).mean(-1)[30:100, 20:92], axis=0)).mean()

    # Against faces aligned with landmarks that are wrong by some 5 pixels.
    wrong = landmarks + np.random.default_rng(0).normal(size=(len(landmarks), 1, 2)) * 5
    assert sharpness(aligned) > 1.2 * sharpness(np.asarray(jax.jit(images.align)(faces, wrong)))
