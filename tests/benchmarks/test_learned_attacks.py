"""Attacks on drawn people run and fill their record; faces drawn from vectors are found where they should be."""

import jax
import numpy as np
import pytest

from benchmarks import inversion, learned_attacks
from perface_jax.network.model import iresnet
from perface_jax.network.model_folder import save_model
from tests.golden import formula


@pytest.fixture
def own_dtypes():
    """Adam's, as users have them: it multiplies integers and floats."""
    with jax.numpy_dtype_promotion("standard"):
        yield


@pytest.fixture(scope="module")
def galleries():
    """Two pictures of 40 people, whose vectors are near each other."""
    random = np.random.default_rng(0)
    people = random.normal(size=(40, 16))
    return {name: people + 0.1 * random.normal(size=people.shape) for name in ("the same pictures", "other pictures")}


def test_a_face_drawn_from_its_vector_is_found_and_is_not_taken_for_the_next_person(galleries):
    rows = learned_attacks.search(galleries["other pictures"], galleries, rate=0.05)
    rows = {row["name"]: row for row in rows}
    assert rows["generator, the same pictures"]["fixed Re-ID"]["value"] == 1
    assert rows["generator, the same pictures"]["fixed TAR"]["value"] == 1
    assert rows["wrong generator, other pictures"]["fixed TAR"]["value"] < 0.2
    assert "fixed Re-ID" not in rows["wrong generator, other pictures"]


def test_persons_without_a_result_stay_in_the_gallery(galleries):
    gallery = galleries["other pictures"]
    found = learned_attacks.attack(galleries["the same pictures"][::2], np.arange(0, 40, 2), gallery, 0.05)
    assert found["pictures"] == 20
    assert found["fixed Re-ID"]["value"] == 1
    assert found["gallery"] > 12  # of a fold: a third of 40, not of 20
    assert learned_attacks.attack(gallery[:2], np.arange(2), gallery, 0.05) == {"pictures": 2}


@pytest.mark.slow
def test_every_way_has_a_row_for_each_gallery(own_dtypes, tmp_path):
    model = iresnet("r18", width=4, image_size=32, embedding_size=16)
    save_model(tmp_path / "model", model, formula.variables(model))
    words = ["--perface", str(tmp_path / "model"), "--recognizer", str(tmp_path / "model")]
    words += ["--people", "16", "--candidates", "16", "--drawn", "32", "--steps", "2", "--false_accept_rate", "0.1"]
    rows = learned_attacks.measure(learned_attacks.parser().parse_args(words))["rows"]
    names = [row["name"] for row in rows]
    assert len(names) == len(set(names)) == 2 * 9 - 1
    shares = [row["fixed TAR"]["value"] for row in rows if "fixed TAR" in row]
    assert len(shares) >= 13  # all but those of the rule, which admits few, and of the vector
    assert all(0 <= share <= 1 for share in shares)


@pytest.mark.slow
def test_a_generator_learns_the_gray_of_a_picture_from_its_vector(own_dtypes):
    random = np.random.default_rng(0)
    gray = random.uniform(30, 220, 200)
    vectors = np.stack([np.cos(gray / 100), np.sin(gray / 100)], axis=1).astype(np.float32)
    pictures = np.broadcast_to(gray[:, None, None, None], (200, 16, 16, 3)).astype(np.uint8)
    generator = inversion.train(vectors[:160], pictures[:160], steps=200, seed=0)
    drawn = inversion.draw(generator, vectors[160:])
    assert np.abs(drawn.mean((1, 2, 3)) - gray[160:]).mean() < 15
