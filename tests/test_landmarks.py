import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax import landmarks
from perface_jax.synthetic import faces, world


@pytest.mark.parametrize("count", landmarks.COUNTS)
def test_the_weights_of_every_outline_add_up_to_one_so_a_shift_of_the_points_is_a_shift_of_the_outline(count):
    points = np.random.default_rng(0).uniform(0, 112, (3, count, 2)).astype(np.float32)
    moved = landmarks.outline(points + np.float32(7)) - landmarks.outline(points)
    np.testing.assert_allclose(moved, np.full((3, 59, 2), 7), atol=1e-3)


def test_an_outline_of_59_points_is_itself():
    points = np.random.default_rng(1).uniform(0, 112, (59, 2)).astype(np.float32)
    np.testing.assert_array_equal(landmarks.outline(points), points)


def test_five_points_of_the_generic_face_give_the_generic_face_under_any_affine_map():
    matrix, shift = np.array([[30.0, 4.0], [-3.0, 33.0]]), np.array([50.0, 40.0])
    generic = (landmarks.GENERIC[:, :2] @ matrix.T + shift).astype(np.float32)
    np.testing.assert_allclose(landmarks.outline(generic[:5]), generic, atol=1e-3)


def test_the_first_five_points_of_68_are_the_usual_five():
    points = np.random.default_rng(2).uniform(0, 112, (68, 2)).astype(np.float32)
    left, right, tip, corner, other = np.asarray(landmarks.outline(points))[:5]
    np.testing.assert_allclose(tip, points[30], atol=1e-4)
    np.testing.assert_allclose((corner, other), points[[48, 54]], atol=1e-4)
    # the eye of six points is sampled at 0, .75, 1.5, 2.25 of its upper and of its lower half
    top = np.interp([0, 0.75, 1.5, 2.25], range(4), points[36:40, 0])
    low = np.interp([0, 0.75, 1.5, 2.25], range(4), points[[39, 40, 41, 36], 0])
    np.testing.assert_allclose(left[0], np.mean([*top, *low]), atol=1e-4)
    assert right[0] != left[0]


def test_a_mesh_gives_eyes_and_jaw_by_picking_its_points():
    mesh = np.random.default_rng(3).uniform(0, 112, (468, 2)).astype(np.float32)
    outline = np.asarray(landmarks.outline(mesh))
    first = landmarks.PARTS["left_eye"][0]
    np.testing.assert_allclose(outline[first : first + 8], mesh[[33, 161, 159, 157, 133, 154, 145, 163]], atol=1e-4)
    first, end = landmarks.PARTS["jaw"]
    np.testing.assert_allclose(outline[[first, end - 1]], mesh[[234, 454]], atol=1e-4)
    np.testing.assert_allclose(landmarks.outline(np.pad(mesh, ((0, 10), (0, 0)))), outline, atol=1e-4)  # irises


CORNERS = {  # part and place in it -> the points of 68 and of the mesh whose middle it is
    ("left_eye", 0): (36, 33), ("left_eye", 4): (39, 133), ("right_eye", 0): (45, 263), ("right_eye", 4): (42, 362),
    ("left_brow", 0): (21, (107, 55)), ("left_brow", 4): (17, (70, 46)), ("right_brow", 0): (22, (336, 285)),
    ("right_brow", 4): (26, (300, 276)), ("nose_wings", 0): (31, (129, 98)), ("nose_wings", 1): (35, (358, 327)),
    ("mouth", 0): (54, 291), ("mouth", 4): (48, 61), ("jaw", 0): (0, 234), ("jaw", 17): (16, 454),
}  # fmt: skip


@pytest.mark.parametrize(("column", "count"), [(0, 68), (1, 468)])
def test_every_contour_begins_and_turns_at_its_corner(column, count):
    points = np.random.default_rng(4).uniform(0, 112, (count, 2)).astype(np.float32)
    outline = np.asarray(landmarks.outline(points))
    for (part, place), known in CORNERS.items():
        wanted = points[np.atleast_1d(known[column])].mean(0)
        np.testing.assert_allclose(
            outline[landmarks.PARTS[part][0] + place], wanted, atol=1e-4, err_msg=f"{part} {place}"
        )


def test_left_is_left_for_every_marking():
    ibug = np.zeros((68, 2), np.float32)
    ibug[[*range(8), *range(17, 22), 31, *range(36, 42), 48], 0] = -1
    ibug[[*range(9, 17), *range(22, 27), 35, *range(42, 48), 54], 0] = 1
    x = np.asarray(landmarks.outline(ibug))[:, 0]
    signs = {name: np.sign(x[first:end]) for name, (first, end) in landmarks.PARTS.items()}
    for name in ("left_eye", "left_brow"):
        assert (signs[name] == -1).all()
        assert (signs[name.replace("left", "right")] == 1).all()
    assert list(signs["nose_wings"]) == [-1, 1]
    assert (np.sign(landmarks.GENERIC[:, 0]) == np.sign(np.where(abs(x) < 0.2, landmarks.GENERIC[:, 0], x))).all()


def test_five_points_of_synthetic_faces_give_their_outline_to_a_tenth_of_the_distance_of_the_pupils():
    sources, targets = world.create_people(3, 20)
    truth = np.asarray(faces.landmarks(sources.faces, targets.faces))
    guess = np.asarray(landmarks.outline(truth[:, :5]))
    pupils = np.linalg.norm(truth[:, 1] - truth[:, 0], axis=-1)
    error = np.linalg.norm(guess - truth, axis=-1) / pupils[:, None]
    assert np.median(error) < 0.1


def test_the_generic_face_is_symmetric():
    mirrored = landmarks.GENERIC * [-1, 1, 1]
    nearest = abs(mirrored[:, None] - landmarks.GENERIC[None]).sum(-1).min(1)
    np.testing.assert_allclose(nearest, np.zeros(59), atol=1e-9)


def test_outlines_are_jitted_and_differentiated():
    points = jnp.ones((2, 68, 2))
    gradient = jax.jit(jax.grad(lambda points: landmarks.outline(points).sum()))(points)
    np.testing.assert_allclose(gradient.sum(), 2 * 59 * 2, rtol=1e-5)


@pytest.mark.parametrize("shape", [(4, 2), (59, 3), (2,), (70, 2)])
def test_another_number_of_points_is_refused(shape):
    with pytest.raises(ValueError, match="wanted .*5, 59, 68, 468, 478"):
        landmarks.outline(np.zeros(shape, np.float32))
