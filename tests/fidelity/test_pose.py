"""Head pose: the generic face under known rotations, SciPy's rotations, and heads of the synthetic world."""

import csv

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from scipy.stats import spearmanr

from perface_jax import landmarks
from perface_jax.fidelity import pose
from perface_jax.fidelity.pose import Pose
from perface_jax.synthetic import face_shape, faces, population
from tests.generic_face import turned

ANGLES = [(0, 0, 0), (20, 0, 0), (0, 15, 0), (0, 0, -30), (-35, 12, 8), (60, -25, 170)]
HEAD_POSE = jax.jit(pose.head_pose)
POSE_ERROR = jax.jit(pose.pose_error)


@pytest.mark.parametrize("angles", ANGLES)
def test_the_angles_of_the_turned_generic_face_are_recovered(angles):
    np.testing.assert_allclose(HEAD_POSE(turned(*angles)), angles, atol=1e-3)
    np.testing.assert_allclose(HEAD_POSE(turned(*angles)[:5]), angles, atol=1e-3)


def test_signs_are_those_of_the_contract():
    nose, right = np.eye(3)[2], np.eye(3)[0]
    by = {name: pose.rotation_of(Pose(**dict.fromkeys(Pose._fields, 0.0) | {name: 90.0})) for name in Pose._fields}
    np.testing.assert_allclose(by["yaw"] @ nose, [1, 0, 0], atol=1e-6)  # to the right of the picture
    np.testing.assert_allclose(by["pitch"] @ nose, [0, 1, 0], atol=1e-6)  # down
    np.testing.assert_allclose(by["roll"] @ right, [0, 1, 0], atol=1e-6)  # clockwise: y points down


def test_rotations_are_those_of_scipy_and_go_back_to_angles(key):
    angles = jax.random.uniform(next(key), (3, 20), minval=-85.0, maxval=85.0)
    turns = Rotation.from_euler("ZXY", np.stack([angles[2], -angles[1], angles[0]], -1), degrees=True).as_matrix()
    found = pose.rotation_of(Pose(*angles))
    np.testing.assert_allclose(found, turns, atol=1e-6)
    np.testing.assert_allclose(pose.pose_of(found), angles, atol=1e-3)


def test_the_fitted_head_places_the_generic_face():
    points = turned(-35, 12, 8)
    rotation, scale, shift = map(np.asarray, jax.jit(pose.fit_head)(points))
    np.testing.assert_allclose([scale, *shift], [40, 70, 55], rtol=1e-5)
    np.testing.assert_allclose(scale * (landmarks.GENERIC @ rotation.T)[:, :2] + shift, points, atol=1e-3)


def test_pose_error_is_the_angle_of_one_rotation_and_three_differences():
    before, after = (-35, 12, 170), (20, -5, -175)
    error = POSE_ERROR(turned(*before), turned(*after))
    turns = [Rotation.from_euler("ZXY", [r, -p, y], degrees=True) for y, p, r in (before, after)]
    np.testing.assert_allclose(error.angle, np.rad2deg((turns[1] * turns[0].inv()).magnitude()), atol=1e-3)
    np.testing.assert_allclose(error[1:], [55, -17, 15], atol=2e-3)  # roll goes the short way, over 180


def test_gradients_are_finite_at_equal_pictures():
    points = jnp.asarray(turned(10, 5, 3))
    assert POSE_ERROR(points, points).angle == 0
    slope = jax.jit(jax.grad(lambda *faces: pose.pose_error(*faces).angle, 1))
    assert jnp.isfinite(slope(points, points)).all()
    bent = points + 1.5 * jnp.sin(jnp.arange(118.0)).reshape(59, 2)
    step = 0.05 * slope(points, bent)
    assert POSE_ERROR(points, bent - step).angle < POSE_ERROR(points, bent).angle


def test_the_jaw_shift_and_size_do_not_matter():
    points = turned(-20, 6, 12)
    slid = points.copy()
    slid[slice(*landmarks.PARTS["jaw"])] += 9
    np.testing.assert_array_equal(HEAD_POSE(slid), HEAD_POSE(points))
    np.testing.assert_allclose(HEAD_POSE(3 * points - 50), HEAD_POSE(points), atol=1e-3)


def test_leading_axes_are_free_and_every_layout_is_accepted(key):
    points = turned(-20, 6, 12)[None, None] + jax.random.normal(next(key), (2, 3, 59, 2))
    found = HEAD_POSE(points)
    assert found.yaw.shape == (2, 3)
    np.testing.assert_allclose(found.pitch[1, 2], HEAD_POSE(points[1, 2]).pitch, atol=1e-3)
    assert HEAD_POSE(jax.random.normal(next(key), (468, 2))).yaw.shape == ()
    with pytest.raises(ValueError, match=r"wanted \[..., P, 2\] with P one of 5"):
        pose.head_pose(points[..., :7, :])


@pytest.fixture(scope="module")
def world():
    """Landmarks of 100 heads that are turned widely, and their angles in degrees [3, 100]."""
    *keys, turns = jax.random.split(jax.random.key(5), 3)
    female, age = jnp.tile(jnp.array([0.0, 1.0]), 50), jnp.linspace(18.0, 70.0, 100)
    source, target = population.sample_sources(keys[0], female, age), population.sample_targets(keys[1], female, age)
    angles = jax.random.uniform(turns, (3, 100), minval=-1.0) * jnp.array([[30.0], [15.0], [15.0]])
    target = target._replace(**dict(zip(Pose._fields, jnp.deg2rad(angles), strict=True)))
    return faces.landmarks(source, target), angles, target


def test_signs_and_order_of_the_turns_are_those_of_the_synthetic_world(world):
    _, angles, target = world
    np.testing.assert_allclose(jax.vmap(face_shape.rotation_of)(target), pose.rotation_of(Pose(*angles)), atol=1e-5)


@pytest.mark.parametrize(("points", "limits"), [(59, (1.5, 3.5, 0.6)), (5, (1.8, 5.0, 2.2))])
def test_heads_of_the_synthetic_world_are_found_within_degrees(world, points, limits):
    found = np.stack(HEAD_POSE(world[0][:, :points]))
    assert (np.median(np.abs(found - world[1]), axis=1) < limits).all()
    ranks = [spearmanr(a, b)[0] for a, b in zip(found, world[1], strict=True)]
    assert min(ranks) > 0.8
    assert ranks[0] > 0.98


def test_yaw_agrees_with_that_of_a_dense_mesh_on_realistic_faces(facepack):
    points = np.load(facepack / "landmarks468.npz")["landmarks"][..., :2]
    with open(facepack / "landmarks.csv") as file:
        yaw = [float(row["yaw_deg"]) for row in csv.DictReader(file)]
    assert spearmanr(HEAD_POSE(points).yaw, yaw)[0] > 0.98
