"""The fit of five points to a face from any side, beside SciPy's Procrustes analysis and rotation."""

import numpy as np
import pytest
import scipy.spatial

from perface_jax.images import face_fit
from tests.generic_face import turned


def test_the_misfit_is_the_root_of_procrustes_disparity():
    random = np.random.default_rng(0)
    pose = np.stack([face_fit.generic_poses()[40].real, -face_fit.generic_poses()[40].imag], -1)
    points = 30 * (pose + 0.1 * random.normal(size=(5, 2)))[None]
    _, _, disparity = scipy.spatial.procrustes(pose, points[0])
    out, _ = face_fit.misfit(points, face_fit.generic_poses()[40:41])
    np.testing.assert_allclose(out, np.sqrt(disparity))


@pytest.mark.parametrize(("yaw", "pitch"), [(0, 0), (30, -20), (-60, 10), (90, 40), (-90, -40)])
def test_the_generic_face_fits_from_every_side_and_tells_how_it_is_turned(yaw, pitch):
    misfit, turn = face_fit.misfit(turned(yaw, pitch, 0.0)[None, :5].astype(float), face_fit.generic_poses())
    assert misfit < 1e-3
    assert abs(turn) < 1e-3


def test_a_face_lying_on_its_side_is_told_by_its_turn():
    upright = turned(10.0, 0.0, 0.0)[None, :5].astype(float)
    points = np.stack([-upright[..., 1], upright[..., 0]], -1)  # by 90 degrees
    misfit, turn = face_fit.misfit(points, face_fit.generic_poses())
    assert misfit < 1e-3
    assert abs(abs(turn[0]) - np.pi / 2) < 1e-3


def test_points_of_other_sets_fit_their_own_poses_only():
    face = turned(20.0, 0.0, 0.0)
    corners = face[[13, 17, 5, 9]]
    dlib = np.concatenate([corners, face[31:33].mean(0, keepdims=True)])[None].astype(float)
    assert face_fit.misfit(dlib, face_fit.eye_corner_poses())[0] < 1e-3
    assert face_fit.misfit(dlib, face_fit.all_poses())[0] > 0.3
    jaw = face[None, 41:46].astype(float)
    assert face_fit.misfit(jaw, face_fit.jaw_poses())[0] < 0.03
    assert face_fit.misfit(jaw, face_fit.generic_poses())[0] > 0.3
