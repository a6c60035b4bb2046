"""Results of a diffusion anonymizer, with one that paints a color for each seed."""

import numpy as np
import pytest

from perface_jax.anonymization import diffusing
from perface_jax.anonymization.anonymize import SelectionPolicy
from perface_jax.swap import Face

POINTS = np.array([[10, 10], [22, 10], [16, 16], [11, 22], [21, 22]], np.float32)


def paint(pictures, *, degree, seeds):
    colors = (degree * 40 * (1 + np.arange(seeds))).astype(np.uint8)
    return np.broadcast_to(colors[None, :, None, None, None], (len(pictures), seeds, 64, 64, 3))


@pytest.fixture
def originals():
    return Face(np.zeros((3, 32, 32, 3), np.uint8), np.stack([POINTS] * 3))


def middles(pictures, points):
    """Vectors that turn with the color of the middle."""
    angle = pictures[..., 16, 16, 0].astype(np.float32) / 100
    return np.stack([np.cos(angle), np.sin(angle)], -1)


def test_results_fade_into_the_original_at_the_edge(originals):
    found = diffusing.make_results(originals, paint, degree=1.0, seeds=2)
    assert found.image.shape == (3, 2, 32, 32, 3)
    assert found.image[0, :, 16, 16, 0].tolist() == [40, 80]
    assert found.image[0, 1, 0].max() <= 5
    assert found.landmarks.shape == (3, 2, 59, 2)


def test_the_seed_that_no_recognizer_matches_is_chosen(originals):
    results = diffusing.make_results(originals, paint, degree=1.0, seeds=3)
    policy = SelectionPolicy({"r": np.cos(0.6)})
    found = diffusing.anonymize(
        originals,
        results,
        perceive=middles,
        recognizers={"r": middles},
        policy=policy,
        feature_loss=lambda _, made: made.image[:, 16, 16, 0].astype(np.float32),
    )
    assert np.asarray(found.choice.admitted).tolist() == [[False, True, True]] * 3
    assert np.asarray(found.choice.chosen).tolist() == [1, 1, 1]
    assert found.selected()[1].tolist() == [0, 1, 2]


def test_the_curve_starts_at_the_original(originals):
    options = {"perceive": middles, "recognizers": {}}
    curves = diffusing.degree_curves(originals, paint, [0.0, 1.0], **options)
    (_, mean, _, _) = curves["perceived"]
    np.testing.assert_allclose(mean, [1, np.cos(0.4)], rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model": ""}, "--method=diffusion wants --diffusion=DIR"),
        ({"model": "untrained", "seeds": 0}, "saw 0 seeds"),
        ({"model": "untrained", "degree": -1.0}, "degree -1.0"),
        ({"model": "untrained", "degree": np.inf}, "degree inf"),
    ],
)
def test_impossible_options_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        diffusing.open_anonymizer(diffusing.Options(**options))
