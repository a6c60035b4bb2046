"""Piecewise-affine warps: affine maps by hand, bent ones beside scikit-image."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import skimage.transform
from scipy.spatial import Delaunay

from perface_jax.swap import triangulate, warp
from tests.pictures import levels, noise

HEIGHT, WIDTH = 30, 36
GRID = np.stack(np.meshgrid(np.arange(float(WIDTH)), np.arange(float(HEIGHT))), -1)


def points(count=12, seed=0) -> np.ndarray:
    """The corners of the picture, then scattered points inside."""
    corners = [[0, 0], [WIDTH - 1, 0], [0, HEIGHT - 1], [WIDTH - 1, HEIGHT - 1]]
    inside = np.random.default_rng(seed).uniform([3, 3], [WIDTH - 4, HEIGHT - 4], (count, 2))
    return np.concatenate([corners, inside])


def places() -> np.ndarray:
    """A floating picture whose channels are x, y and 1."""
    return np.concatenate([GRID, np.ones((HEIGHT, WIDTH, 1))], -1).astype(np.float32)


def test_points_moved_by_an_affine_map_move_the_picture_by_it():
    target, matrix, shift = points(), np.array([[0.8, 0.15], [-0.1, 0.7]]), [2.0, 6.0]
    out = warp(places(), target @ matrix.T + shift, target, triangulate(target))
    np.testing.assert_allclose(out[..., :2], GRID @ matrix.T + shift, atol=1e-3)
    np.testing.assert_allclose(out[..., 2], 1, atol=1e-6)


def test_warped_pictures_agree_with_scikit_image():
    picture, source = noise(HEIGHT, WIDTH, 3), points()
    target = source + np.random.default_rng(1).uniform(-2, 2, source.shape)
    triangles = Delaunay(target).simplices
    there = skimage.transform.PiecewiseAffineTransform.from_estimate(target, source)
    wanted = skimage.transform.warp(picture.astype(float), there, order=1, mode="edge")
    inside = there(GRID.reshape(-1, 2))[:, 0].reshape(HEIGHT, WIDTH) != -1
    assert inside.mean() > 0.8
    out = warp(picture.astype(np.float32), source, target, triangles)
    np.testing.assert_allclose(out[inside], wanted[inside], atol=0.02)
    assert levels(jax.jit(warp)(picture, source, target, triangles)[inside], np.rint(wanted[inside])) <= 1


def test_pixels_outside_all_triangles_are_black_or_the_background_which_sets_the_size():
    picture, corners = noise(HEIGHT, WIDTH, 3), np.array([[4.0, 4.0], [10.0, 4.0], [4.0, 10.0]])
    triangle = np.array([[0, 1, 2]])
    covered = (GRID[..., 0] >= 4) & (GRID[..., 1] >= 4) & (GRID.sum(-1) <= 14)
    out = np.asarray(warp(picture, corners, corners, triangle))
    np.testing.assert_array_equal(out[covered], picture[covered])
    assert not out[~covered].any()
    background = noise(20, 50, 3, seed=1)
    out = np.asarray(warp(picture, corners, corners + [20, 0], triangle, background=background))
    np.testing.assert_array_equal(out[:, :24], background[:, :24])
    np.testing.assert_array_equal(out[4:20, 24:31][covered[4:20, 4:11]], picture[4:20, 4:11][covered[4:20, 4:11]])


def test_a_triangle_without_area_changes_nothing_and_has_finite_gradients():
    target = points()
    triangles = triangulate(target)
    flat = np.concatenate([[[0, 0, 5]], triangles])
    source, small = target * 0.9 + 1, target * 0.5 + 8  # beyond the small ones no triangle lies
    np.testing.assert_array_equal(warp(places(), source, small, flat), warp(places(), source, small, triangles))
    gradients = jax.grad(lambda *where: warp(places(), *where, flat).sum(), argnums=(0, 1))(source, small)
    assert all(jnp.isfinite(gradient).all() for gradient in gradients)


def test_a_flipped_triangle_is_not_drawn_whatever_the_orientation_of_the_others():
    source = np.array([[0.0, 0.0], [6.0, 0.0], [0.0, 6.0], [30.0, 20.0]])
    target = np.array([[0.0, 0.0], [12.0, 0.0], [0.0, 12.0], [3.0, 3.0]])  # the fourth has come inside the first three
    for mirror in ([1, 1], [-1, 1]):
        out = warp(places(), source, target * mirror + [15, 0], np.array([[1, 3, 2], [0, 2, 1]]))
        # (4, 4) is the middle of the second one; in the first one it has the weights 1/6, 2/3, 1/6
        np.testing.assert_allclose(out[4, 15 + 4 * mirror[0], :2], [2, 2], atol=1e-4)
        # (5, 5) lies in the first one with 1/3, 1/3, 1/3, and in the second with 1/6, 5/12, 5/12
        np.testing.assert_allclose(out[5, 15 + 5 * mirror[0], :2], [2.5, 2.5], atol=1e-4)


def test_of_overlapping_triangles_a_pixel_belongs_to_the_one_in_which_it_lies_deepest():
    target = np.array([[0.0, 0.0], [20.0, 0.0], [0.0, 20.0], [12.0, 0.0], [0.0, 12.0]])
    source = np.array([[0.0, 0.0], [20.0, 0.0], [0.0, 20.0], [24.0, 0.0], [0.0, 24.0]])
    out = warp(places(), source, target, np.array([[0, 1, 2], [0, 3, 4]]))
    # (4, 4) has the least weight 1/5 in the first one and 1/3 in the second, which comes from a larger one
    np.testing.assert_allclose(out[4, 4, :2], [8, 8], atol=1e-4)
    np.testing.assert_allclose(out[7, 8, :2], [8, 7], atol=1e-4)  # in the first one only


def test_leading_axes_broadcast_and_vmap_agrees():
    pictures, target = noise(2, 3, HEIGHT, WIDTH, 3), points()
    sources = np.stack([target + shift for shift in (0.0, 1.5, -2.0)])
    triangles = triangulate(target)
    out = warp(pictures, sources, target, triangles)
    np.testing.assert_array_equal(out[1, 2], warp(pictures[1, 2], sources[2], target, triangles))
    mapped = jax.vmap(functools.partial(warp, target_points=target, triangles=triangles))(pictures[0], sources)
    np.testing.assert_array_equal(mapped, out[0])


def test_the_gradient_of_the_points_agrees_with_differences():
    target = points()
    weight = np.random.default_rng(2).normal(size=(HEIGHT, WIDTH, 3)) / 100
    with jax.enable_x64(True):  # x and y are linear, so differences are exact but for rounding
        source, triangles = jnp.asarray(target * 0.8 + 3), triangulate(target)
        picture = jnp.asarray(places(), jnp.float64)
        value = jax.jit(lambda source: (weight * warp(picture, source, target, triangles)).sum())
        gradient = jax.grad(value)(source)
        for place in ((0, 0), (7, 1), (12, 0)):
            step = jnp.zeros_like(source).at[place].set(1e-3)
            np.testing.assert_allclose(gradient[place], (value(source + step) - value(source - step)) / 2e-3, rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"source_points": np.zeros((3, 2))}, ValueError, r"saw points \[3, 2\] and \[16, 2\]"),
        ({"triangles": np.array([[0, 1, 16]])}, ValueError, "triangles of points 0 to 16, wanted 0 to 15"),
        ({"triangles": np.array([0, 1, 2])}, ValueError, r"triangles of shape \[3\]"),
        ({"triangles": np.array([[0.0, 1.0, 2.0]])}, TypeError, "triangles of float64"),
        ({"image": np.zeros((8, 8, 3), np.int32)}, TypeError, "saw int32"),
        ({"background": np.zeros((8, 8, 3), np.float32)}, TypeError, "a background of float32"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(change, error, message):
    given = {"image": noise(8, 8, 3), "source_points": points(), "target_points": points()}
    with pytest.raises(error, match=message):
        warp(**{**given, "triangles": np.array([[0, 1, 2]]), **change})
