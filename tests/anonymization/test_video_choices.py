"""The replacement of a track, by a method and scores that can be checked by eye."""

import numpy as np
import pytest

from perface_jax.anonymization.anonymize import Axes, SelectionPolicy
from perface_jax.anonymization.video_choices import Judge, choose_replacement, over_frames
from perface_jax.swap import Face
from tests.anonymization.painted import Painter, score

KEYS = Face(np.full((2, 64, 64, 3), 128, np.uint8), np.random.default_rng(0).uniform(10, 50, (2, 5, 2)))


def choose(names=("green", "blue", "red"), *, threshold=0.5, band=(-1.0, 1.0), **options):
    judge = Judge(score, SelectionPolicy({"green": threshold}, band=band))
    return choose_replacement(Painter(names), KEYS, judge, **options)


def test_the_best_admitted_source_is_chosen_with_its_scores():
    found = choose()
    assert found.name == "red"  # green is matched, blue has the larger feature loss
    assert found.perceived == pytest.approx(250 / 255, abs=0.01)
    assert found.matched == {"green": pytest.approx(0, abs=0.01)}
    assert found.source.image[0, 0].tolist() == [250, 0, 0]


def test_none_is_chosen_where_none_is_admitted_or_proposed():
    assert choose(("green",)) is None
    assert choose(band=(-1.0, -0.5)) is None
    assert choose(()) is None


def test_a_face_of_the_same_frames_does_not_get_the_same_replacement_if_another_is_admitted():
    assert choose(taken={"red"}).name == "blue"
    assert choose(("green", "red"), taken={"red"}).name == "red"


def test_without_a_judge_it_is_the_first_that_is_free():
    assert choose_replacement(Painter(), KEYS, None).name == "red"
    assert choose_replacement(Painter(), KEYS, None, taken={"red"}).name == "green"


def test_a_source_counts_with_the_frame_in_which_it_is_matched_most():
    values = np.array([[0.1, 0.9], [0.5, 0.3]])
    axes = over_frames(Axes(values, {"a": values}, 2 * values, values))
    np.testing.assert_allclose(axes.perceived, [0.3, 0.6])
    np.testing.assert_allclose(axes.matched["a"], [0.5, 0.9])
    np.testing.assert_allclose(axes.feature_loss, [0.6, 1.2])
    np.testing.assert_allclose(axes.naturalness, [0.1, 0.3])
    assert over_frames(Axes(values, {}, values)).naturalness is None
