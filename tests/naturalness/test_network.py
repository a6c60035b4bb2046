import jax
import numpy as np

from perface_jax import landmarks, naturalness
from perface_jax.naturalness.network import Network


def test_crops_have_the_face_in_its_place():
    points = landmarks.GENERIC[:, :2] * 20 + 50
    picture = np.zeros((100, 100, 3), np.uint8)
    x, y = np.rint(points[2]).astype(int)
    picture[y - 2 : y + 3, x - 2 : x + 3] = 255
    crop = naturalness.crops(picture[None], points[None])[0, ..., 0]
    place = np.argwhere(crop > 128).mean(0)
    np.testing.assert_allclose(place, np.array([68.5, 56.0]) * 64 / 112, atol=3)


def test_a_face_has_the_same_score_alone_and_among_others():
    random = np.random.default_rng(0)
    crops = random.integers(0, 256, (70, 64, 64, 3)).astype(np.uint8)
    shapes = jax.eval_shape(Network().init, jax.random.key(0), crops[:1])
    weights = jax.tree.map(lambda one: random.normal(0, 0.3, one.shape).astype(np.float32), shapes)
    model = naturalness.NaturalnessModel(weights, np.zeros(1, np.float32))
    scores = naturalness.score(model, crops)
    assert scores.shape == (70,)
    assert len(set(scores.tolist())) > 60
    np.testing.assert_allclose(naturalness.score(model, crops[66:67]), scores[66:67], rtol=1e-5)
    assert naturalness.score(model, crops[:0]).shape == (0,)
