import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax.landmarks import PARTS
from perface_jax.synthetic import faces, population
from tests import drawn_faces

FACES = 8


def same(value):
    """One number for every face."""
    return np.full(FACES, value, np.float32)


def average(male=0.0):
    """The same average young person in every place."""
    women = same(1.0 - male)
    source = population.describe_sources(jnp.zeros((FACES, 29)), women, same(25.0))
    target = population.sample_targets(jax.random.key(3), women, same(25.0))
    target = jax.tree.map(lambda leaf: np.repeat(np.asarray(leaf)[:1], FACES, 0), target)
    plain = {name: same(0.0) for name in ("yaw", "pitch", "roll", "smile", "mouth_open", "brow_raise", "fringe")}
    plain |= {"eye_open": same(1.3), "drop": same(0.6), "gaze": np.zeros((FACES, 2), np.float32)}
    return source, target._replace(**plain)


def draw(source, target, seam=None):
    return drawn_faces.draw(source, target, seam).astype(np.float64)


def lights(*vectors):
    """One unit vector a face, the last one repeated."""
    vectors = np.array([*vectors, *[vectors[-1]] * (FACES - len(vectors))], np.float32)
    return jnp.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def test_the_pupils_are_where_the_landmarks_say_under_every_pose():
    source, target = average()
    target = target._replace(
        yaw=jnp.array([0.0, 0.2, -0.2, 0.0, 0.0, 0.15, -0.1, 0.1]),
        pitch=jnp.array([0.0, 0.0, 0.0, 0.12, -0.12, 0.1, 0.05, -0.05]),
        roll=jnp.array([0.0, 0.0, 0.0, 0.0, 0.05, -0.05, 0.05, 0.0]),
        light=lights((0.01, -0.3, 1.0)),
    )
    source = source._replace(iris_color=np.full((FACES, 3), 0.01, np.float32), lash=same(0.0), eye_opening=same(0.13))
    pictures, points = draw(source, target).mean(-1), np.asarray(faces.landmarks(source, target))
    for picture, eyes in zip(pictures, points[:, :2], strict=True):
        for x, y in eyes:
            left, top = round(float(x)) - 4, round(float(y)) - 2
            patch = picture[top : top + 7, left : left + 9]
            weight = np.clip(70.0 - patch, 0.0, None)
            rows, columns = np.mgrid[top : top + 7, left : left + 9]
            # the iris sits .018 units (.6 pixels) over the axis of the eye, and the lid hides its top
            assert abs((weight * columns).sum() / weight.sum() - x) < 0.8
            assert abs((weight * rows).sum() / weight.sum() - y) < 1.5


def test_an_average_face_has_its_five_points_where_a_simswap_crop_has_them():
    points = np.mean([np.asarray(faces.landmarks(*average(male)))[0, :5] for male in (0.0, 1.0)], axis=0)
    frontal = [(39.730, 51.138), (72.270, 51.138), (56.000, 68.493), (42.463, 87.010), (69.537, 87.010)]
    assert np.abs(points - frontal).max() < 1.5


def test_light_from_the_left_makes_the_left_side_brighter():
    source, target = average()
    left, right = draw(source, target._replace(light=lights((-1.0, -0.3, 0.8), (1.0, -0.3, 0.8))))[:2].mean(-1)
    cheeks = slice(56, 80), slice(30, 42), slice(70, 82)  # rows, left cheek, right cheek
    for picture, sign in ((left, 1.0), (right, -1.0)):
        assert sign * (picture[cheeks[0], cheeks[1]].mean() - picture[cheeks[0], cheeks[2]].mean()) > 20.0


def test_a_swap_keeps_the_targets_border_and_takes_the_sources_inner_face():
    one = jnp.ones(FACES)
    source = population.sample_sources(jax.random.key(1), one, 30.0 * one)
    target = average()[1]
    pictures = draw(source, target, population.sample_seams(jax.random.key(2), FACES))
    border = np.ones((112, 112), bool)
    border[8:-8, 8:-8] = False
    for picture in pictures[1:]:
        # one gray level: the compiler rounds differently at the ends of its vector loops
        np.testing.assert_allclose(picture[border], pictures[0][border], atol=1.0)
        assert np.abs(picture - pictures[0])[40:95, 35:77].mean() > 4.0


@pytest.mark.parametrize(
    ("field", "change", "rows", "columns"),
    [
        ("lip_color", 0.5, (78, 98), (36, 76)),
        ("iris_color", 4.0, (43, 59), (30, 82)),
        ("brow_density", 0.0, (30, 50), (24, 88)),
    ],
)
def test_a_feature_of_the_source_changes_only_its_own_part_of_the_picture(field, change, rows, columns):
    source, target = average()
    factor = jnp.ones(FACES).at[1].set(change)
    value = getattr(source, field)
    changed = draw(source._replace(**{field: value * factor.reshape(-1, *[1] * (value.ndim - 1))}), target)
    where = np.abs(changed[1] - changed[0]).max(-1) > 2.0
    assert where.any()
    where[slice(*rows), slice(*columns)] = False
    assert not where.any()


def test_turning_the_head_moves_the_nose_further_than_the_eyes():
    source, target = average()
    points = np.asarray(faces.landmarks(source, target._replace(yaw=jnp.array([0.0, 0.2, -0.2] + [0.0] * 5))))[..., 0]
    right, left = points[1, :5] - points[0, :5], points[2, :5] - points[0, :5]
    assert right[2] > right[:2].max() + 1.0
    assert left[2] < left[:2].min() - 1.0


def test_opening_the_mouth_and_smiling_move_the_landmarks_of_the_mouth():
    source, target = average()
    first, last = PARTS["mouth"]
    closed = np.asarray(faces.landmarks(source, target))[0]
    smiling = np.asarray(faces.landmarks(source, target._replace(smile=same(0.8))))[0]
    opened = np.asarray(faces.landmarks(source, target._replace(mouth_open=same(0.4))))[0]
    assert smiling[3, 0] < closed[3, 0] - 1.0
    assert smiling[3, 1] < closed[3, 1] - 1.0
    assert np.ptp(opened[first:last, 1]) > np.ptp(closed[first:last, 1]) + 2.0


def test_a_face_does_not_depend_on_its_neighbors_in_the_batch():
    women = jnp.arange(FACES, dtype=jnp.float32) % 2
    source = population.sample_sources(jax.random.key(5), women, same(40.0))
    target = population.sample_targets(jax.random.key(6), women, same(40.0))
    turned = jax.tree.map(lambda leaf: np.asarray(leaf)[::-1], (source, target))
    np.testing.assert_allclose(draw(*turned)[::-1], draw(source, target), atol=1.0)


def test_pictures_are_neither_flat_nor_clipped_and_have_no_holes():
    women = jnp.arange(FACES, dtype=jnp.float32) % 2
    source = population.sample_sources(jax.random.key(7), women, jnp.linspace(20.0, 65.0, FACES))
    target = population.sample_targets(jax.random.key(8), women, jnp.linspace(20.0, 65.0, FACES))
    pictures = draw(source, target)
    assert pictures.shape == (FACES, 112, 112, 3)
    assert (pictures.std((1, 2, 3)) > 15.0).all()
    assert (pictures == 255).mean() < 0.02
    assert (pictures == 0).mean() < 0.02
