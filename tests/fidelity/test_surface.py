"""The generic surface: heights by hand, slopes by differences, and the way to the picture and back."""

import jax
import jax.numpy as jnp
import numpy as np

from perface_jax import landmarks
from perface_jax.fidelity import surface
from perface_jax.fidelity.pose import fit_head
from tests.generic_face import turned

FIT, OVER_PIXELS, PROJECT = jax.jit(fit_head), jax.jit(surface.over_pixels, static_argnums=2), jax.jit(surface.project)
SIZE = (120, 140)


def places(count=9):
    x, y = jnp.meshgrid(jnp.linspace(-0.8, 0.8, count), jnp.linspace(-0.6, 1.4, count))
    return x, y


def test_far_from_all_hills_it_is_the_ellipsoid():
    # on the forehead, 1.48 over the ellipsoid's middle: sqrt(1 - (1.48 / 1.85)^2) = 0.6
    np.testing.assert_allclose(surface.height(jnp.zeros(1), jnp.full(1, -1.2)), 0.22 + 1.25 * (0.6 - 1), atol=1e-5)


def test_the_features_of_the_generic_face_lie_on_it():
    x, y, z = jnp.asarray(landmarks.GENERIC[: landmarks.PARTS["jaw"][0]], jnp.float32).T
    assert jnp.abs(surface.height(x, y) - z).max() < 0.15


def test_it_is_symmetric_and_the_tip_of_the_nose_is_nearest():
    x, y = places(21)
    z = surface.height(x, y)
    np.testing.assert_allclose(z, z[:, ::-1], atol=1e-6)
    row, column = divmod(int(z.argmax()), 21)
    assert abs(x[row, column]) < 1e-6
    assert 0.3 < y[row, column] < 0.65


def test_normals_are_orthogonal_to_the_slopes():
    x, y = places()
    height, normal = jax.jit(surface.height), jax.jit(surface.normals)(x, y)
    across = (height(x + 0.01, y) - height(x - 0.01, y)) / 0.02
    down = (height(x, y + 0.01) - height(x, y - 0.01)) / 0.02
    np.testing.assert_allclose(-normal[..., 0] / normal[..., 2], across, atol=0.02)
    np.testing.assert_allclose(-normal[..., 1] / normal[..., 2], down, atol=0.02)
    np.testing.assert_allclose(jnp.square(normal).sum(-1), 1, atol=1e-5)


def test_pixels_are_projected_to_the_surface_and_back():
    points = jnp.asarray(turned(15, -6, 10)) + 2 * jnp.sin(jnp.arange(118.0)).reshape(59, 2)
    head = FIT(points)
    x, y = OVER_PIXELS(head, points, SIZE)
    back = np.asarray(PROJECT(x, y, head, points))
    v, u = np.indices(SIZE)
    away = np.hypot(back[..., 0] - u, back[..., 1] - v)[np.hypot(x / 0.8, (y - 0.4) / 1.1) < 1]
    assert away.size > 2000
    assert np.median(away) < 0.02
    assert away.max() < 1.0  # behind the nose one pixel sees two places


def test_lines_of_sight_that_miss_the_surface_end_on_its_rim():
    points = jnp.asarray(turned(40, 0, 0))
    x, y = OVER_PIXELS(FIT(points), points, SIZE)
    reach = jnp.square(x / 1.14) + jnp.square((y - 0.28) / 1.85)
    assert jnp.isfinite(reach).all()
    np.testing.assert_allclose(reach[0, 0], 0.97**2, atol=1e-4)
    assert reach.max() < 0.942


def test_a_landmark_moves_the_surface_around_it():
    points = jnp.asarray(turned(0, 0, 0))
    head = FIT(points)
    moved = points.at[2].add(jnp.array([4.0, 0.0]))  # the tip of the nose
    at = jnp.array([0.0, 0.9]), jnp.array([0.57, -0.5])
    shift = PROJECT(*at, head, moved) - PROJECT(*at, head, points)
    assert 1.0 < shift[0, 0] < 4.0
    np.testing.assert_allclose(shift[1], 0, atol=1e-3)
