"""Expression: outlines changed by hand, and faces of the synthetic world whose expressions are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import spearmanr

from perface_jax import landmarks
from perface_jax.fidelity import expression
from perface_jax.synthetic import faces, population
from tests.generic_face import turned

MEASURE = jax.jit(expression.measure_expression)
DISTANCE = jax.jit(expression.expression_distance)
COUNT = 100


def test_the_generic_face_is_rotated_to_the_front_from_any_pose():
    for angles in ((0, 0, 0), (-30, 10, 20)):
        found = expression.frontal_outline(turned(*angles))
        np.testing.assert_allclose(found, landmarks.GENERIC[:, :2], atol=1e-4)


def test_measures_of_the_generic_face_by_hand():
    # eyes: corners at y -0.01 and 0.01, 0.43 apart; brows at -0.29 -0.33 -0.36 -0.34 -0.25, their mean -0.314;
    # lids: below at 0.05 0.07 0.04, above at -0.06 -0.10 -0.07; mouth: from 1.01 to 1.24, corners at +-0.40 and 1.09
    wanted = (0.314, (0.16 + 0.23) / 3 / 0.43, 0.23, 0.80, 1.125 - 1.09)
    np.testing.assert_allclose(MEASURE(turned(0, 0, 0)), wanted, atol=1e-5)
    np.testing.assert_allclose(MEASURE(turned(25, -10, 40)), wanted, atol=1e-4)


def test_the_distance_of_a_dropped_lip_by_hand():
    before, after = turned(0, 0, 0), turned(0, 0, 0)
    after[39] += [0, 0.08 * 40]  # the middle of the lower lip, not looked at for the pose; 40 pixels a unit
    # about its middle, which falls by 0.01: one point of the mouth moves by 0.07, seven by 0.01
    mouth = (0.07 + 7 * 0.01) / 8
    np.testing.assert_allclose(DISTANCE(before, after), [0, 0, mouth, 8 * mouth / 34], atol=1e-5)


def test_position_size_and_pose_do_not_count():
    before, after = turned(0, 0, 0), 2.5 * turned(-30, 12, 50) - 40
    np.testing.assert_allclose(DISTANCE(before, after), 0, atol=1e-5)


def test_gradients_are_finite_at_equal_faces(key):
    points = turned(10, 0, 0)
    slope = jax.jit(jax.grad(lambda *faces: expression.expression_distance(*faces).all, 1))
    assert jnp.isfinite(slope(points, points)).all()
    bent = points + jax.random.normal(next(key), (59, 2))
    assert DISTANCE(points, bent - 5 * slope(points, bent)).all < DISTANCE(points, bent).all


def test_leading_axes_are_free_and_layouts_may_differ(key):
    points = turned(10, 0, 0)[None, None] + jax.random.normal(next(key), (2, 3, 59, 2))
    found = DISTANCE(points, points[::-1])
    assert found.mouth.shape == (2, 3)
    np.testing.assert_allclose(found.all[1, 2], DISTANCE(points[1, 2], points[0, 2]).all, atol=1e-5)
    assert DISTANCE(jax.random.normal(next(key), (68, 2)), points[0, 0]).eyes.shape == ()


def test_five_points_are_refused():
    with pytest.raises(ValueError, match="five points carry no expression"):
        expression.measure_expression(turned(0, 0, 0)[:5])


class World:
    """Faces of one population, their targets changed by name, and what is seen of them."""

    def __init__(self, key):
        one, two, three = jax.random.split(key, 3)
        female, age = jnp.tile(jnp.array([0.0, 1.0]), COUNT // 2), jnp.linspace(18.0, 70.0, COUNT)
        self.source = population.sample_sources(one, female, age)
        self.target, self.other = (population.sample_targets(k, female, age) for k in (two, three))
        side = jnp.where(jnp.arange(COUNT) % 2 == 0, 1.0, -1.0)
        self.nod = {"yaw": self.target.yaw + 0.25 * side, "pitch": self.target.pitch + 0.12 * jnp.roll(side, 1)}
        self.points = self.marks()

    def marks(self, **changes):
        return faces.landmarks(self.source, self.target._replace(**changes))

    def median(self, **changes):
        return jax.tree.map(jnp.median, DISTANCE(self.points, self.marks(**changes)))


@pytest.fixture(scope="module")
def world():
    return World(jax.random.key(3))


def test_a_turned_face_is_nearer_than_one_with_another_expression(world):
    pose = world.median(**world.nod)  # 14 degrees aside, 7 up or down
    smile = world.median(smile=jnp.where(world.target.smile > 0.4, 0.0, 0.9))
    brows = world.median(brow_raise=-0.8 * jnp.sign(world.target.brow_raise))
    assert pose.all < 0.02
    assert smile.mouth > 4 * pose.mouth
    assert brows.brows > 1.2 * pose.brows


def test_expressions_are_measured_under_another_pose(world):
    names = ("smile", "mouth_open", "brow_raise", "eye_open")
    new = {name: getattr(world.other, name) for name in names}
    before, after = MEASURE(world.points), MEASURE(world.marks(**new, **world.nod))
    seen = {"smile": "smile", "mouth_width": "smile", "mouth_opening": "mouth_open"}
    seen |= {"brow_raise": "brow_raise", "eye_opening": "eye_open"}
    ranks = {
        name: spearmanr(getattr(after, name) - getattr(before, name), new[true] - getattr(world.target, true))[0]
        for name, true in seen.items()
    }
    # a broad smile of the synthetic world opens the mouth as well
    least = {"smile": 0.85, "mouth_width": 0.9, "mouth_opening": 0.5, "brow_raise": 0.65, "eye_opening": 0.9}
    assert all(ranks[name] > least[name] for name in least), ranks
