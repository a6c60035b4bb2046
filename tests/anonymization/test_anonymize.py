import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax.anonymization.anonymize import Axes, Prefer, SelectionPolicy, anonymize, choose, propose, swap_all
from perface_jax.swap import Face


def faces(values):
    """Pictures of one gray value each, with five points."""
    values = np.asarray(values, np.uint8)
    points = np.zeros((len(values), 5, 2), np.float32) + np.arange(5, dtype=np.float32)[:, None]
    return Face(np.broadcast_to(values[:, None, None, None], (len(values), 4, 4, 3)), points)


def angle(images, landmarks):
    """A picture of gray value v is the direction of v degrees."""
    radians = np.deg2rad(np.asarray(images)[:, 0, 0, 0].astype(float))
    return np.stack([np.cos(radians), np.sin(radians)], 1).astype(np.float32)


def twice(images, landmarks):
    radians = 2 * np.deg2rad(np.asarray(images)[:, 0, 0, 0].astype(float))
    return np.stack([np.cos(radians), np.sin(radians)], 1).astype(np.float32)


def middle(target, source):
    """Half way between the two gray values."""
    return ((target.image.astype(int) + source.image.astype(int)) // 2).astype(np.uint8)


def feature_loss(originals, results):
    """How far the result's value is from 30."""
    return abs(np.asarray(results.image)[:, 0, 0, 0].astype(float) - 30)


ORIGINALS, CANDIDATES = faces([0, 10]), faces([4, 8, 60, 80, 100, 120])
MEMBERS = np.array([[1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]], bool)


def run(**options):
    options = {"policy": SelectionPolicy({"m": 0.6}), "k": 2, "swapper": middle, **options}
    embedders = {"perceive": angle, "recognizers": {"m": twice}, "feature_loss": feature_loss}
    return anonymize(ORIGINALS, CANDIDATES, members=MEMBERS, **embedders, **options)


def test_the_least_similar_members_of_the_nearest_group_are_proposed():
    # the first group (4, 8, 60 degrees) is nearest to both; its members farthest from 0 and 10 degrees: 60, then 8 or 4
    proposal = propose(angle(*ORIGINALS), angle(*CANDIDATES), members=MEMBERS, k=2)
    np.testing.assert_array_equal(proposal.group, [0, 0])
    np.testing.assert_array_equal(proposal.index, [[2, 1], [2, 0]])
    np.testing.assert_allclose(proposal.similarity[:, 0], np.cos(np.deg2rad([60, 50])), rtol=1e-5)


def test_with_one_group_there_is_nothing_to_choose():
    proposal = propose(angle(*ORIGINALS), angle(*CANDIDATES), members=np.ones((1, 6), bool), k=2)
    np.testing.assert_array_equal(proposal.group, [0, 0])
    np.testing.assert_array_equal(proposal.index, [[5, 4], [5, 4]])


def test_a_group_with_too_few_members_leaves_places_empty():
    proposal = propose(angle(*ORIGINALS), angle(*CANDIDATES), members=MEMBERS, k=5)
    np.testing.assert_array_equal(proposal.index[:, 3:], np.full((2, 2), -1))


def test_the_result_and_not_the_candidate_is_compared_with_the_original():
    found = run()
    # results of original 0: (0 + 60) / 2 = 30 and (0 + 8) / 2 = 4 degrees; of original 1: 35 and 7
    np.testing.assert_array_equal(found.images[:, :, 0, 0, 0], [[30, 4], [35, 7]])
    np.testing.assert_allclose(found.axes.perceived, np.cos(np.deg2rad([[30, 4], [25, 3]])), rtol=1e-5)
    np.testing.assert_allclose(found.axes.matched["m"], np.cos(np.deg2rad([[60, 8], [50, 6]])), rtol=1e-4)
    np.testing.assert_allclose(found.axes.feature_loss, [[0, 26], [5, 23]])


def test_a_result_that_a_recognizer_matches_is_never_selected():
    found = run()  # cos 60 = .5 is not matched at .6, cos 50 = .643 is
    np.testing.assert_array_equal(found.choice.admitted, [[True, False], [False, False]])
    np.testing.assert_array_equal(found.choice.chosen, [0, -1])
    np.testing.assert_array_equal(found.choice.order, [[0, 1], [0, 1]])


def test_missing_results_are_black_come_last_and_are_never_chosen():
    found = run(k=4, policy=SelectionPolicy({"m": 2.0}))
    assert not found.images[:, 3].any()
    np.testing.assert_array_equal(found.choice.order[:, -1], [3, 3])
    assert not found.choice.admitted[:, 3].any()


def test_candidates_that_are_not_compatible_are_not_proposed():
    everyone = run(k=4).proposal.index
    banned = everyone[:, :1]
    compatible = np.arange(len(CANDIDATES.image)) != banned
    index = run(k=4, compatible=compatible).proposal.index
    assert not (index == banned).any()
    np.testing.assert_array_equal(index[:, 0], everyone[:, 1])


AXES = Axes(
    jnp.array([0.5, 0.2, 0.4, -0.3]),
    {"a": jnp.array([0.1, 0.1, 0.3, 0.0]), "b": jnp.array([0.1, 0.2, 0.0, 0.0])},
    jnp.array([2.0, 1.0, 0.5, 0.1]),
)


@pytest.mark.parametrize(
    ("prefer", "order"),
    [(Prefer.FIDELITY, [1, 0, 3, 2]), (Prefer.LEAST_PERCEIVED, [1, 0, 3, 2]), (Prefer.LEAST_MATCHED, [0, 1, 3, 2])],
)
def test_the_preferred_result_comes_first_and_then_the_smallest_violation(prefer, order):
    # admitted: 0 and 1. Place 2 exceeds a by .1 + 0; place 3 misses the band 0..1 by .3, so 2 is nearer
    order = [*order[:2], 2, 3]
    choice = choose(AXES, SelectionPolicy({"a": 0.2, "b": 0.2}, band=(0.0, 1.0), prefer=prefer))
    np.testing.assert_array_equal(choice.admitted, [True, True, False, False])
    np.testing.assert_array_equal(choice.order, order)
    assert choice.chosen == order[0]


def test_a_similarity_that_equals_the_threshold_or_the_end_of_the_band_is_admitted():
    axes = Axes(jnp.array([0.25]), {"a": jnp.array([0.5])}, jnp.array([0.0]))
    assert choose(axes, SelectionPolicy({"a": 0.5}, band=(0.25, 1.0))).chosen == 0
    assert choose(axes, SelectionPolicy({"a": 0.5}, band=(0.0, 0.25))).chosen == 0
    assert choose(axes, SelectionPolicy({"a": 0.49})).chosen == -1


NATURAL = AXES._replace(naturalness=jnp.array([-1.0, 2.0, 5.0, 5.0]))


def test_what_is_below_the_floor_of_naturalness_is_not_admitted():
    policy = SelectionPolicy({"a": 0.2, "b": 0.2}, band=(0.0, 1.0), floor=-1.0)
    np.testing.assert_array_equal(choose(NATURAL, policy).admitted, [True, True, False, False])
    policy = policy._replace(floor=0.0)
    choice = choose(NATURAL, policy)
    np.testing.assert_array_equal(choice.admitted, [False, True, False, False])
    np.testing.assert_array_equal(choice.order, [1, 0, 2, 3])  # 0 is only unnatural
    assert choose(NATURAL, policy._replace(floor=9.0)).chosen == -1


def test_naturalness_may_be_preferred_and_has_to_be_measured():
    policy = SelectionPolicy({"a": 0.2, "b": 0.2}, prefer=Prefer.NATURAL)
    np.testing.assert_array_equal(choose(NATURAL, policy).order, [3, 1, 0, 2])
    for wrong in (policy, policy._replace(prefer=Prefer.FIDELITY, floor=0.0)):
        with pytest.raises(ValueError, match="wants axes.naturalness; it is None"):
            choose(AXES, wrong)


def test_every_recognizer_counts():
    assert choose(AXES, SelectionPolicy({"a": 1.0, "b": 0.15})).admitted.tolist() == [True, False, True, True]


def test_choosing_is_jitted_over_leading_axes():
    axes = jax.tree.map(lambda one: jnp.stack([one, one[::-1]]), AXES)
    policy = SelectionPolicy({"a": 0.2, "b": 0.2}, band=(0.0, 1.0))
    chosen = jax.jit(lambda axes: choose(axes, policy))(axes).chosen
    np.testing.assert_array_equal(chosen, [1, 2])


def test_thresholds_and_recognizers_have_the_same_names():
    with pytest.raises(ValueError, match=r"thresholds of \['a'\], similarities of \['a', 'b'\]"):
        choose(AXES, SelectionPolicy({"a": 0.2}))
    nothing = {"recognizers": {}, "policy": SelectionPolicy({}), "feature_loss": feature_loss}
    with pytest.raises(ValueError, match="no recognizer to protect from"):
        anonymize(ORIGINALS, CANDIDATES, members=MEMBERS, perceive=angle, **nothing)


def test_originals_without_an_admitted_result_are_not_among_the_selected_ones():
    results, places = run().selected()
    assert places.tolist() == [0]
    assert results.image[0, 0, 0, 0] == 30


def test_a_swapper_may_return_the_landmarks_of_its_result():
    moved = swap_all(ORIGINALS, CANDIDATES, np.array([[0], [-1]]), lambda t, s: Face(t.image, t.landmarks + 1))
    np.testing.assert_allclose(moved.landmarks[0, 0, :5], ORIGINALS.landmarks[0] + 1)
    np.testing.assert_allclose(moved.landmarks[1, 0, :5], ORIGINALS.landmarks[1])


def test_a_swapper_that_returns_another_size_or_dtype_is_refused():
    with pytest.raises(ValueError, match=r"returned float32 of shape \[4, 4, 3\]; wanted uint8 \[4, 4, 3\]"):
        swap_all(ORIGINALS, CANDIDATES, np.array([[0], [1]]), lambda t, s: t.image.astype(np.float32))
