"""The points of a swap, by hand on the generic face."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial import ConvexHull

from perface_jax.landmarks import GENERIC
from perface_jax.swap import geometry, swap_points, triangulate

FACE = GENERIC[:, :2].astype(np.float32)
RADIUS = jax.jit(geometry.radius)


def test_the_forehead_is_half_an_ellipse_between_the_ends_of_the_jaw():
    points = np.asarray(swap_points(FACE))
    np.testing.assert_array_equal(points[:59], FACE)
    # the jaw ends at (-1.1, .3) and (1.1, .3), the brows' mean height is -1.57 / 5, the chin lies at 1.8
    height = 0.64 * (1.8 + 1.57 / 5)
    turn = np.pi * np.arange(1, 12) / 12
    wanted = np.stack([1.1 * np.cos(turn), 0.3 - height * np.sin(turn)], -1)
    np.testing.assert_allclose(points[59:], wanted, atol=1e-5)


def test_points_of_a_moved_face_are_moved_points_from_five_landmarks_too(key):
    matrix = jnp.array([[30.0, 4.0], [-3.0, 33.0]])
    wanted = swap_points(FACE) @ matrix.T + 50
    np.testing.assert_allclose(swap_points(FACE @ matrix.T + 50), wanted, atol=1e-3)
    np.testing.assert_allclose(swap_points(jnp.stack([FACE[:5] @ matrix.T + 50] * 2))[1], wanted, atol=1e-3)


def test_a_mesh_is_used_as_it_is_without_its_irises():
    mesh = np.random.default_rng(0).normal(size=(2, 478, 2)).astype(np.float32)
    np.testing.assert_array_equal(swap_points(mesh), mesh[:, :468])
    ring = geometry.face_ring(swap_points(mesh))
    np.testing.assert_array_equal(ring[:, [0, 8, 18, 28]], mesh[:, [10, 454, 152, 234]])  # top, right, chin, left


@pytest.mark.parametrize("count", [4, 60, 469, 500])
def test_landmarks_of_an_unknown_layout_are_refused(count):
    with pytest.raises(ValueError, match=rf"saw landmarks of shape \[{count}, 2\], wanted \[..., P, 2\]"):
        swap_points(np.zeros((count, 2), np.float32))


def test_the_inner_ring_holds_every_feature_inside_the_face_and_ends_at_mid_forehead():
    points = swap_points(FACE)
    inner = jax.jit(geometry.inner_ring)(points)
    assert RADIUS(inner, geometry.face_ring(points)).max() < 0.96
    assert (RADIUS(points[:41], inner) < 1).all()  # eyes, brows, nose and mouth
    # the highest points of the brows lie at -.36 and are lifted by .14 * (1.8 + .314), before all is drawn in
    assert -0.66 < inner[:, 1].min() < -0.5


def test_the_radius_in_an_ellipse_is_1_on_it_and_linear_outwards():
    turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    ring = jnp.asarray(np.stack([3 + 4 * np.cos(turn), 5 + 2 * np.sin(turn)], -1), jnp.float32)
    places = jnp.array([[3.0, 5.0], [5.0, 5.0], [7.0, 5.0], [3.0, 8.0], [-5.0, 5.0]])
    np.testing.assert_allclose(RADIUS(places, ring), [0, 0.5, 1, 1.5, 2], atol=5e-3)
    gradient = jax.grad(lambda ring: RADIUS(places.at[0].set(ring.mean(0)), ring).sum())(ring)
    assert jnp.isfinite(gradient).all()


def test_four_corners_and_a_middle_make_four_triangles_under_any_similarity():
    points = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0], [1.0, 1.2]])
    turned = 40 - points  # the plain mean of both would be one point
    wanted = {(0, 1, 4), (1, 2, 4), (2, 3, 4), (0, 3, 4)}
    for given in (points, turned, np.stack([points, turned])):
        triangles = triangulate(given)
        assert triangles.dtype == np.int32
        assert {tuple(sorted(triangle)) for triangle in triangles.tolist()} == wanted


def test_the_triangles_cover_the_generic_face_without_duplicate_points():
    points, triangles = np.asarray(swap_points(FACE), np.float64), geometry.outline_triangles()
    a, b, c = (points[triangles[:, i]] for i in range(3))
    area = np.abs((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2
    np.testing.assert_allclose(area.sum(), ConvexHull(points).volume, rtol=1e-6)
    assert len(np.unique(triangles)) == 68  # both corners of the mouth occur twice


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.zeros((5, 3)), r"saw points of shape \[5, 3\]"),
        (np.zeros((2, 2)), "Q at least 3"),
        (np.full((5, 2), np.nan), "NaN"),
        (np.arange(10.0).reshape(5, 2), "one line"),
        (np.zeros((0, 5, 2)), "saw points of shape"),
    ],
)
def test_points_without_triangles_are_refused(points, message):
    with pytest.raises(ValueError, match=message):
        triangulate(points)
