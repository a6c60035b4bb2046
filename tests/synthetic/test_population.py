import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax.synthetic import population

MANY = 2000


@functools.cache
def persons(female, age):
    facts = jnp.full((MANY,), female), jnp.full((MANY,), age)
    source, target = jax.device_get(_draw(*facts))
    return source._asdict() | target._asdict()


@jax.jit
def _draw(*facts):
    source = population.sample_sources(jax.random.key(0), *facts)
    return source, population.sample_targets(jax.random.key(1), *facts)


@pytest.mark.parametrize("name", ["jaw_width", "brow_thickness", "brow_ridge", "beard", "stubble", "nose_width"])
def test_men_have_more_of(name):
    assert persons(0.0, 30.0)[name].mean() > persons(1.0, 30.0)[name].mean() + 1e-3


@pytest.mark.parametrize("name", ["lash", "hair_length", "upper_lip", "eye_opening", "brow_arch"])
def test_women_have_more_of(name):
    assert persons(1.0, 30.0)[name].mean() > persons(0.0, 30.0)[name].mean() + 1e-3


@pytest.mark.parametrize("name", ["wrinkles", "gray", "fold_depth", "hairline", "nose_length"])
def test_age_brings_more_of(name):
    assert persons(0.0, 60.0)[name].mean() > persons(0.0, 25.0)[name].mean() + 1e-3


def test_a_latent_of_zero_is_the_mean_of_the_table():
    source = population.describe_sources(jnp.zeros((1, 29)), jnp.ones(1), jnp.full((1,), 25.0))
    assert source.eye_spacing[0] == pytest.approx(0.5)
    source = population.describe_sources(jnp.zeros((1, 29)), jnp.zeros(1), jnp.full((1,), 45.0))
    # mean .54, men + .025, two decades of .012
    assert source.nose_length[0] == pytest.approx(0.589)


def test_lamps_are_unit_vectors_in_front_of_the_face_and_colors_are_colors():
    person = persons(1.0, 40.0)
    np.testing.assert_allclose(np.linalg.norm(person["light"], axis=1), 1.0, atol=1e-5)
    assert (person["light"][:, 2] > 0.0).all()
    for name in ("skin", "hair_color", "iris_color", "brow_color", "cloth", "background"):
        assert person[name].min() >= 0.0
        assert person[name].max() <= 1.0
