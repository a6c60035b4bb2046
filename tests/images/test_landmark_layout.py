"""Wrong layouts of five points are refused by name, and right faces are not."""

import re

import numpy as np
import pytest

from benchmarks import landmark_layouts
from perface_jax import images
from perface_jax.images.landmark_layout import are_refused, layout_fault
from tests.generic_face import turned

FRONT = np.array([[120.0, 90], [180, 92], [149, 126], [126, 158], [172, 160]])
TINY = np.array([[4, 5], [8, 5], [6, 7], [5, 9], [8, 9]])  # whole pixels


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (FRONT.T.reshape(5, 2), r"x1 to x5 and then y1 to y5, .* read as pairs; take reshape\(2, 5\).T"),
        (FRONT.reshape(2, 5).T, r"pairs \(x, y\) read as x1 to x5 and then y1 to y5; take reshape\(5, 2\)"),
        (FRONT[:, ::-1], r"^\(y, x\) in place of \(x, y\); wanted \(x, y\) of left eye, right eye, nose tip"),
        (FRONT[[1, 0, 2, 4, 3]], "^left and right exchanged"),
        (FRONT[[0, 1, 3, 4, 2]], "^the nose last; wanted"),
        (FRONT[[2, 0, 1, 3, 4]], "^the nose first; wanted"),
        (FRONT[[3, 4, 2, 0, 1]], "^the mouth before the eyes"),
        (
            FRONT[[0, 3, 2, 1, 4]],
            "^they look like left eye, left mouth corner, nose tip, right eye, right mouth corner;",
        ),
        (np.where(np.arange(5)[:, None] == 3, 0, FRONT), r"a point at \(0, 0\), .* not found: leave this face out"),
        (np.where(np.arange(5)[:, None] == 0, -1, FRONT), r"a point at \(-1, -1\)"),
        (FRONT[[0, 1, 0, 1, 2]], "no face|they look like"),
        (np.stack([np.arange(5), np.zeros(5)], -1) * 20 + 40, "^all five on one line"),
        (FRONT * (1 / 300, 1), "^all five on one line; .* both in pixels"),
        (FRONT[[0, 2, 1, 3, 4]], "^they look like left eye, nose tip, right eye, left mouth corner, right"),
    ],
)
def test_a_wrong_layout_is_refused_by_its_name(points, message):
    points = np.asarray(points, float)
    assert are_refused(points[None]).all()
    assert re.search(message, layout_fault(points))


def test_points_of_other_sets_are_named_with_what_to_take():
    face = turned(10.0, 5.0, 0.0).astype(float)
    eyes = face[[13, 17, 5, 9]]
    dlib, jaw = np.concatenate([eyes, face[31:33].mean(0, keepdims=True)]), face[41:46]
    assert are_refused(np.stack([dlib, jaw])).all()
    assert "dlib's model of 5 points; take its model of 68 points" in layout_fault(dlib)
    assert "the first five of 68, 98 or 106" in layout_fault(jaw)


def test_each_face_of_many_has_its_own_answer_and_many_are_as_one():
    faces = np.stack([FRONT, FRONT[[2, 0, 1, 3, 4]], FRONT + 40])
    np.testing.assert_array_equal(are_refused(np.tile(faces, (1000, 1, 1))), [False, True, False] * 1000)
    assert are_refused(np.zeros((0, 5, 2))).shape == (0,)


@pytest.mark.parametrize("template", images.TEMPLATES)
def test_the_templates_are_faces_turned_any_way(template):
    points = images.TEMPLATES[template].points @ (1, 1j)
    turned_any_way = np.concatenate([points * np.exp(1j * angle) for angle in np.arange(0, 6.3, 0.3)])
    faces = np.stack([turned_any_way.real, turned_any_way.imag], -1) + 300
    assert not are_refused(faces).any()


def test_tiny_faces_in_whole_pixels_are_faces():
    assert not are_refused(TINY[None].astype(float)).any()


@pytest.mark.parametrize("kind", ["adult", "laughing", "baby"])
def test_right_faces_are_not_refused_and_wrong_layouts_are(kind):
    random = np.random.default_rng(0)
    right = np.concatenate(
        [landmark_layouts.faces(300, random, kind=kind, pose=pose) for pose in landmark_layouts.POSES]
    )
    assert not are_refused(right).any()
    front = landmark_layouts.faces(300, random, kind=kind, pose="front")
    for name in ("nose first", "eyes, mouth, nose", "(y, x)", "left and right exchanged", "pairs as x1..x5, y1..y5"):
        wrong = landmark_layouts.LAYOUTS[name](front, random)
        assert are_refused(wrong).mean() > 0.98, name


@pytest.mark.slow
def test_the_published_table_is_what_the_rules_do():
    """As docs/crops.md says: no right face but drawings, and nearly all frontal faces in a wrong layout."""
    rows = landmark_layouts.rows(20_000, seed=1)
    refused = {row["name"]: row for row in rows}
    for kind in ("adult", "laughing", "baby"):
        assert sum(refused[f"right: {kind}"][pose] for pose in landmark_layouts.POSES) <= 2 / 20_000
    for name in landmark_layouts.LAYOUTS:
        assert refused[name]["front"] > 0.985, name
