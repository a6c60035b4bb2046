"""The classical swap on small faces of the synthetic world."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax import swap as room
from perface_jax.swap import Face, geometry, swap, swap_face, swap_points, swapping, triangulate, warp
from perface_jax.synthetic import faces, population
from tests import drawn_faces
from tests.conftest import ROOT
from tests.pictures import levels, noise

SIZE = 48


@pytest.fixture(scope="module")
def people():
    """Three faces of the synthetic world."""
    female = np.array([1, 0, 1], np.float32)
    sources = population.sample_sources(jax.random.key(5), female, 40 * female + 20)
    targets = population.sample_targets(jax.random.key(6), female, 40 * female + 20)
    images = drawn_faces.draw(sources, targets, size=SIZE)
    points = jax.jit(lambda *face: faces.landmarks(*face, size=SIZE))(sources, targets)
    return Face(images, np.asarray(points))


def pair(own, index):
    """A target and the source that comes next."""
    return Face(*(part[index] for part in own)), Face(*(part[(index + 1) % 3] for part in own))


@pytest.fixture(scope="module")
def swapped(people):
    """Each face with the next one's inner face."""
    return np.stack([swap(*pair(people, i)) for i in range(3)])


def inside(points) -> np.ndarray:
    """How far out each pixel lies, 1 at the edge of the mask."""
    places = geometry.pixels(jnp.zeros((SIZE, SIZE, 3)))
    return np.stack([geometry.radius(places, geometry.inner_ring(swap_points(face))) for face in points])


def test_a_face_swapped_with_itself_is_itself_within_one_gray_level(people):
    target, _ = pair(people, 1)
    out = swap(target, target)
    assert out.dtype == jnp.uint8
    assert levels(out, target.image) <= 1


def test_outside_the_mask_the_picture_is_the_targets_without_a_seam(people, swapped):
    own, out = people, inside(people.landmarks)
    np.testing.assert_array_equal(swapped[out > 1.001], own.image[out > 1.001])
    change = np.abs(swapped.astype(float) - own.image).mean(-1)
    assert change[(out > 0.96) & (out < 1)].mean() < 2
    assert change[out < 0.8].mean() > 8


def test_the_features_inside_the_mask_are_the_sources(people):
    for i in range(3):
        target, source = pair(people, i)
        face = np.asarray(swap(target, source, shape=0.0), np.float64)
        points = (swap_points(face.landmarks) for face in (source, target))
        bent = warp(source.image, *points, geometry.outline_triangles())
        inner = inside(target.landmarks[None])[0] < 0.8
        likeness = [np.corrcoef(picture[inner].ravel(), np.asarray(bent)[inner].ravel())[0, 1]
                    for picture in (face, target.image)]  # fmt: skip
        assert likeness[0] > max(0.95, likeness[1] + 0.05)


def test_a_darker_picture_of_the_same_face_gets_the_skin_color_and_half_of_the_change_in_eyes_and_mouth(people):
    target, _ = pair(people, 1)
    out = np.asarray(swap(target, Face(target.image // 2, target.landmarks)), np.float64)
    change = np.abs(out - target.image).mean(-1)
    eye_and_mouth = np.rint(target.landmarks[[0, 1, 33, 37]]).astype(int)
    cheeks = np.rint(target.landmarks[31:33] + [[-5, 0], [5, 0]]).astype(int)
    assert change[cheeks[:, 1], cheeks[:, 0]].max() < 6
    assert change[eye_and_mouth[:, 1], eye_and_mouth[:, 0]].min() > 10


def test_degree_0_is_the_target_bit_for_bit_and_more_of_it_moves_further(people, swapped):
    target, source = pair(people, 0)
    curve = np.stack([swap(target, source, degree=degree) for degree in (0.0, 0.01, 0.3, 0.6, 1.0)])
    np.testing.assert_array_equal(curve[0], target.image)
    assert levels(curve[1], target.image) <= 3
    moves = np.abs(curve.astype(float) - target.image).mean((1, 2, 3))
    assert (np.diff(moves) > 0.05).all()
    assert levels(curve[-1], swapped[0]) <= 1


def test_the_position_of_the_source_in_its_picture_does_not_matter(people, swapped):
    target, source = pair(people, 0)
    moved = Face(np.roll(source.image, (-2, 3), (0, 1)), source.landmarks + np.float32([3, -2]))
    assert levels(swap(target, moved), swapped[0]) <= 1


def test_the_points_move_by_a_share_of_the_shape_and_the_outline_not_at_all():
    target = np.asarray(swap_points(geometry.GENERIC[:, :2].astype(np.float32) * 20 + 24))
    source = target.copy()
    source[[2, 31]] += [[4, 0], [0, 3]]  # the tip of the nose and a wing
    turned = (1.5 * source @ np.array([[0.8, 0.6], [-0.6, 0.8]]) + 3).astype(np.float32)
    moved = np.asarray(jax.jit(swapping.move_points)(target, turned, 0.5)) - target
    # the fit to all 70 points gives way a little
    np.testing.assert_allclose(moved[[2, 31]], [[2, 0], [0, 1.5]], atol=0.1)
    np.testing.assert_allclose(moved[41:], 0, atol=1e-4)
    assert np.abs(jax.jit(swapping.move_points)(target, turned, 0.0) - target).max() == 0


def test_a_swapped_face_has_the_landmarks_of_its_features(people, swapped):
    target, source = pair(people, 0)
    face = swap_face(target, source)
    assert levels(face.image, swapped[0]) == 0
    wanted = jax.jit(swapping.move_points)(*(swap_points(one.landmarks) for one in (target, source)), 0.6)
    np.testing.assert_allclose(face.landmarks, wanted[:59], atol=1e-3)
    np.testing.assert_array_equal(swap_face(target, source, degree=0.0).landmarks, target.landmarks)


@pytest.mark.slow
def test_jit_vmap_and_leading_axes_agree_with_single_faces(people, swapped):
    own = people
    other, degrees = Face(*(np.roll(part, -1, 0) for part in own)), np.array([0.0, 1.0], np.float32)
    curves = jax.vmap(lambda degree: swap(own, other, degree=degree))
    mapped = jax.jit(curves)(degrees)
    assert mapped.shape == (2, 3, SIZE, SIZE, 3)
    np.testing.assert_array_equal(mapped[0], own.image)
    assert levels(mapped[1], swapped) <= 1


@pytest.mark.slow
def test_the_gradients_are_finite_and_reach_pictures_landmarks_and_degree(people):
    target, source = (Face(face.image.astype(np.float32), face.landmarks) for face in pair(people, 0))
    weight = np.random.default_rng(0).normal(size=(SIZE, SIZE, 3)).astype(np.float32)

    def loss(target, source, degree):
        return (weight * swap(target, source, degree=degree)).mean()

    gradients = jax.jit(jax.grad(loss, argnums=(0, 1, 2)))(target, source, 0.7)
    for gradient in jax.tree.leaves(gradients):
        assert jnp.isfinite(gradient).all()
        assert jnp.abs(gradient).max() > 0


@pytest.mark.slow
def test_a_mesh_is_triangulated_from_the_faces_given_but_not_under_jit():
    mesh = np.random.default_rng(0).uniform(2, SIZE - 3, (468, 2)).astype(np.float32)
    face = Face(noise(SIZE, SIZE, 3), mesh)
    out = swap(face, face)
    assert levels(out, face.image) <= 1
    np.testing.assert_array_equal(out, swap(face, face, triangles=np.concatenate([triangulate(mesh)] * 2)[:936]))
    with pytest.raises(ValueError, match="meshes under jit or vmap need their triangles"):
        jax.jit(swap)(face, face)


POINTS = geometry.GENERIC[:, :2].astype(np.float32) * 10 + 20
FACE = Face(noise(SIZE, SIZE, 3), POINTS)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"target": FACE.image}, TypeError, r"saw a ndarray as target, wanted swap.Face\(image, landmarks\)"),
        ({"source": Face(FACE.image.astype(int), POINTS)}, TypeError, "saw int64"),
        ({"source": Face(FACE.image, POINTS[:7])}, ValueError, r"saw landmarks of shape \[7, 2\]"),
        ({"source": Face(FACE.image, np.full((468, 2), [[1, 2]]) * POINTS[:1])}, ValueError, "within one pixel"),
        (
            {"source": Face(FACE.image, noise(468, 2))},
            ValueError,
            "saw 59 landmarks of the target and 468 of the source",
        ),
        ({"target": Face(FACE.image, POINTS * np.nan)}, ValueError, "NaN or infinity in the landmarks of the target"),
        ({"target": Face(FACE.image, POINTS / 112)}, ValueError, "fractions of the picture"),
        ({"degree": 1.5}, ValueError, "saw degree 1.5, wanted 0 to 1"),
        ({"triangles": np.array([[0, 1, 70]])}, ValueError, "wanted 0 to 69"),
    ],
)
def test_faces_that_cannot_be_swapped_are_refused(change, error, message):
    with pytest.raises(error, match=message):
        swap(**{"target": FACE, "source": FACE, **change})


def test_every_example_of_the_swappers_page_runs_and_a_model_gets_its_crops(people):
    target, source = pair(people, 0)
    names = dict(zip(("picture", "landmarks", "other", "other_landmarks"), (*target, *source), strict=True))
    for example in re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "swappers.md").read_text(), re.DOTALL):
        exec(example, names)
    assert names["result"].shape == target.image.shape
    seen = []

    def model(*crops):
        seen.extend(crops)
        return crops[0]

    swapper = names["with_model"](model, size=64)
    kept = np.asarray(swapper(target, source))
    assert [(crop.shape, crop.dtype) for crop in seen] == [((1, 3, 64, 64), np.float32)] * 2
    assert 0.5 < max(crop.max() for crop in seen) <= 1
    assert kept.dtype == np.uint8
    assert np.abs(kept.astype(float) - target.image).mean() < 4  # smoothed twice
    gray = np.asarray(names["with_model"](lambda own, other: 0 * own + 0.2, size=64)(target, source))
    x, y = np.rint(target.landmarks[2]).astype(int)
    np.testing.assert_array_equal(gray[y, x], [51, 51, 51])
    np.testing.assert_array_equal(gray[0], target.image[0])


def test_the_public_names_are_functions_or_types_with_a_docstring():
    assert all(getattr(room, name).__doc__ for name in room.__all__)


@pytest.mark.slow
def test_realistic_faces_with_meshes_change_inside_and_stay_themselves_outside(facepack):
    with np.load(facepack / "aligned112.npz") as aligned, np.load(facepack / "landmarks468.npz") as meshes:
        images, matrix, mesh = aligned["images"][:4], aligned["matrix"][:4], meshes["landmarks"][:4, :, :2]
    points = np.einsum("nij,npj->npi", matrix[..., :2], mesh) + matrix[:, None, :, 2]
    triangles = triangulate(points)
    other = Face(*(np.stack([part, np.roll(part, 1, 0)]) for part in (images, points)))
    own, changed = np.asarray(swap(Face(images, points), other, triangles=triangles))
    assert levels(own, images) <= 1
    for face, target, source in zip(changed, images, np.roll(images, 1, 0), strict=True):
        np.testing.assert_array_equal(face[:20], target[:20])
        middle = np.s_[45:100, 35:77]
        assert 3 < np.abs(face[middle].astype(float) - target[middle]).mean() < 60
        assert np.abs(face[middle].astype(float) - source[middle]).mean() > 1
