import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax.synthetic import face_shape
from perface_jax.synthetic.face_shape import (
    CENTER,
    DEPTH,
    PIVOT,
    SKULL,
    blob,
    edge,
    half_height,
    half_width,
    mouth_of,
    normal_of,
    step,
    unit,
)
from tests.synthetic.person import person

# Called whole, not operation by operation: each operation would be compiled.
cast, project, relief = jax.jit(face_shape.cast), jax.jit(face_shape.project), jax.jit(face_shape.relief)
rotation_of, slope = jax.jit(face_shape.rotation_of), jax.jit(face_shape.slope)


def grid(n=9):
    across, down = np.linspace(-1.0, 1.0, n, dtype=np.float32), np.linspace(-0.8, 1.5, n, dtype=np.float32)
    return (jnp.asarray(plane) for plane in np.meshgrid(across, down))


def test_step_and_edge_are_smooth_steps():
    # 3 x^2 - 2 x^3 at 0, 1/4, 1/2, 1
    np.testing.assert_allclose(step(jnp.array([-1.0, 0.0, 0.25, 0.5, 1.0, 2.0])), [0, 0, 0.15625, 0.5, 1, 1])
    np.testing.assert_allclose(edge(jnp.array([-0.1, 0.0, 0.1]), 0.2), [0.0, 0.5, 1.0], atol=1e-6)
    np.testing.assert_allclose(blob(jnp.array(0.3), jnp.array(0.4), 0.3, 0.2), np.exp(-1.0 - 4.0), rtol=1e-5)


def test_unit_vectors_have_length_one():
    np.testing.assert_allclose(unit(jnp.array(3.0), jnp.array(4.0), jnp.array(12.0)), (3 / 13, 4 / 13, 12 / 13), 1e-5)


def test_a_face_is_symmetric():
    source, target = person(smile=0.4, mouth_open=0.2)
    x, y = grid()
    np.testing.assert_array_equal(relief(x, y, source, target), relief(-x, y, source, target))


def test_the_nose_stands_out_and_the_sockets_lie_back():
    source, target = person()
    x = jnp.array([0.0, source.eye_spacing, 1.0])  # tip of the nose, inner side of the socket, cheek beside it
    y = jnp.array([source.eye_height + source.nose_length, source.eye_height + 0.2, 0.2])
    tip, socket, cheek = relief(x, y, source, target)
    assert tip > 0.25
    assert socket < cheek < tip


@pytest.mark.parametrize("direction", [(1.0, 0.0), (0.0, 1.0)])
def test_the_slope_is_the_change_of_the_relief(direction):
    source, target = person(smile=0.3)
    x, y = grid()
    step_x, step_y = (1e-2 * part for part in direction)
    change = relief(x + step_x, y + step_y, source, target) - relief(x - step_x, y - step_y, source, target)
    hit = cast(x, y, source, target, 0.03)._replace(x=x, y=y)
    found = slope(hit, source, target, direction)
    assert np.median(np.abs(found - change / 2e-2)) < 2e-3
    assert np.corrcoef(np.ravel(found), np.ravel(change))[0, 1] > 0.98  # folds are narrower than this step


def test_a_rotation_keeps_lengths_and_turns_the_way_it_is_said():
    _, target = person(yaw=0.2, pitch=-0.1, roll=0.3)
    rotation = np.asarray(rotation_of(target))
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-6)
    forward = np.array([0.0, 0.0, 1.0])
    for change, axis in (({"yaw": 0.2}, 0), ({"pitch": 0.2}, 1)):
        # the face turns to the right of the picture, or looks down (y is down)
        assert (np.asarray(rotation_of(person(**change)[1])) @ forward)[axis] == pytest.approx(np.sin(0.2), abs=1e-6)
    right = np.asarray(rotation_of(person(roll=0.2)[1])) @ np.array([1.0, 0.0, 0.0])
    np.testing.assert_allclose(right, [np.cos(0.2), np.sin(0.2), 0.0], atol=1e-6)  # clockwise in the picture


@pytest.mark.parametrize("pose", [{}, {"yaw": 0.2}, {"pitch": -0.12, "roll": 0.05}])
def test_project_is_the_way_back_from_cast(pose):
    source, target = person(**pose)
    points = jnp.array([[0.0, 0.0], [0.5, 0.0], [-0.5, 0.1], [0.3, 1.1], [0.0, 1.4]])
    u, v = project(points, source, target).T
    hit = cast(u, v, source, target, 0.03)
    np.testing.assert_allclose(np.stack([hit.x, hit.y], 1), points, atol=0.02)  # two corrections, pixel .03
    np.testing.assert_array_equal(hit.cover, np.ones(5))


def test_the_pivot_stays_where_it_is_under_any_pose_and_the_air_beside_the_head_is_not_covered():
    for pose in ({}, {"yaw": 0.2, "pitch": 0.1, "roll": -0.1}):
        source, target = person(**pose)
        hit = cast(jnp.array([PIVOT[0], 3.0]), jnp.array([PIVOT[1], 0.0]), source, target, 0.03)
        assert hit.cover.tolist() == [1.0, 0.0]


def test_the_middle_of_a_plain_head_is_an_ellipsoid():
    target = person()[1]
    top, chin = half_height(jnp.array([-1.0, 1.0]), target)
    assert top == pytest.approx(SKULL)
    assert chin == pytest.approx(target.chin_height - CENTER)
    plain = target._replace(jaw_width=1.0, chin_width=1.0, cheek=0.0)
    # far from temples: .12 exp(-((y + 1.15) / .5)^2) at y = .8 is 3e-8, .02 exp(-(1.15 / .35)^2) is 4e-7
    assert half_width(jnp.array(0.8), plain) == pytest.approx(float(target.face_width), rel=1e-5)


def test_normals_look_at_the_viewer_in_front_and_aside_at_the_sides():
    source, target = person()
    u, v = jnp.array([-0.9, 0.0, 0.9]), jnp.array([0.75, 0.75, 0.75])
    hit = cast(u, v, source, target, 0.03)
    flat = jnp.zeros(3)
    x, _, z = (np.asarray(part) for part in normal_of(hit, flat, flat, target))
    assert x[0] < -0.3
    assert x[1] == pytest.approx(0.0, abs=1e-6)
    assert x[2] == pytest.approx(-x[0], rel=1e-4)
    assert (z > 0).all()
    assert DEPTH > hit.z[1] > hit.z[0]


def test_a_smile_widens_and_lifts_the_mouth_and_an_open_one_has_a_gap():
    closed, smiling = mouth_of(*person()), mouth_of(*person(smile=1.0))
    assert smiling.corner_x == pytest.approx(1.22 * closed.corner_x)
    assert smiling.corner_y == pytest.approx(closed.corner_y - 0.1)
    # .004 closed; half open + .12 / 2
    assert mouth_of(*person(mouth_open=0.5)).gap == pytest.approx(0.064)
