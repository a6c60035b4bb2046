"""The networks, the losses of both together, the folder and the anonymizer, with the smallest networks there are."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax import generator
from perface_jax.generator import model_folder, networks, objective
from perface_jax.generator.heat_maps import Points, face_mask
from perface_jax.landmarks import GENERIC

MADE = networks.Networks(16, 1, Points.FIVE)
FACES = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)
POINTS = np.stack([GENERIC[:, :2] * 4 + (8, 7), GENERIC[:, :2] * 3.5 + (7, 7)]).astype(np.float32)


@functools.cache
def params():
    return jax.jit(MADE.init)(jax.random.key(0))


@functools.cache
def slopes(adversarial):
    factors = objective.Factors(privacy=0, adversarial=adversarial, r1=1.0 if adversarial else 0.0)
    batch = {"images": FACES[:, None], "landmarks": POINTS}

    def loss(params):
        return objective.row_losses(params, {}, batch, networks=MADE, factors=factors)[0].sum()

    return jax.jit(jax.grad(loss))(params())


def test_results_are_the_originals_outside_of_the_face_and_do_not_depend_on_what_was_inside():
    paint = jax.jit(MADE.paint)
    results, _, mask = paint(params(), FACES, POINTS)
    outside = np.asarray(mask) == 0
    np.testing.assert_allclose(np.asarray(results)[outside], FACES[outside], atol=1e-4)
    other = np.where(np.asarray(mask)[..., None] == 1, 255 - FACES, FACES)
    inside = np.asarray(mask) == 1
    again = np.asarray(paint(params(), other, POINTS)[0])
    np.testing.assert_allclose(again[inside], np.asarray(results)[inside], atol=1e-3)


@pytest.mark.slow
def test_each_network_descends_on_its_own_loss():
    def size(tree):
        return max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(tree))

    both, alone = slopes(0.1), slopes(0.0)
    assert size(both["discriminator"]) > 0
    assert size(alone["discriminator"]) == 0
    more = slopes(0.2)
    jax.tree.map(
        functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5),
        both["discriminator"],
        more["discriminator"],
    )  # the factor is the generator's
    change = jax.tree.map(jnp.subtract, both["generator"], alone["generator"])
    twice = jax.tree.map(jnp.subtract, more["generator"], alone["generator"])
    for one, two in zip(jax.tree.leaves(change), jax.tree.leaves(twice), strict=True):
        np.testing.assert_allclose(2 * one, two, rtol=1e-2, atol=1e-4)


def test_a_size_that_the_levels_do_not_divide_is_refused():
    with pytest.raises(ValueError, match="saw pictures of 48 pixels, wanted one of 16, 32, 64"):
        networks.Networks(48)


def test_a_folder_gives_the_same_generator_back(tmp_path):
    model_folder.replace(tmp_path / "model", MADE, params(), source={"steps": 0})
    model_folder.replace(tmp_path / "model", MADE, params(), source={"steps": 1})
    made, found = generator.load(tmp_path / "model")
    assert made == MADE
    jax.tree.map(np.testing.assert_array_equal, found["generator"], params()["generator"])
    weights = tmp_path / "model" / "generator.npz"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ValueError, match="damaged or incomplete"):
        generator.load(tmp_path / "model")
    with pytest.raises(FileNotFoundError, match="wanted the model folder"):
        generator.load(tmp_path)


@pytest.mark.slow
def test_the_anonymizer_keeps_pixels_outside_of_the_face_at_any_size_and_any_number():
    anonymize = generator.FaceInpainter(MADE, params(), batch=2)
    large = np.repeat(np.repeat(FACES, 2, axis=1), 2, axis=2)[[0, 1, 0]]
    points = (2 * POINTS + 0.5)[[0, 1, 0]]
    results = anonymize(large, points)
    assert results.dtype == np.uint8
    assert results.shape == large.shape
    outside = np.asarray(face_mask(points, size=32)) == 0
    np.testing.assert_array_equal(results[outside], large[outside])
    np.testing.assert_array_equal(results[2], results[0])
    assert any((a != b).any() for a, b in itertools.pairwise(results))
    with pytest.raises(ValueError, match="NaN or infinity"):
        anonymize(large, np.full_like(points, np.nan))
