"""The synthetic world: people, triplets of similar sources, and the features that annotators perceive in every swap.

One seed is one world. Nothing is drawn here: `faces` renders these parameters, `write_world` writes the pictures.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Float32

from perface_jax.arrays import AnyArray
from perface_jax.synthetic import annotators, faces, population


class People(NamedTuple):
    """Faces, with the gender and the age that shift their distributions."""

    faces: faces.Source | faces.Target
    female: Float[AnyArray, " n"]  # 0 or 1
    age: Float[AnyArray, " n"]  # years


class World(NamedTuple):
    """Sources in triplets a, b, c of one gender that resemble each other, targets, and a seam for every swap."""

    sources: People  # leading axis 3 * S + role
    targets: People
    seams: faces.Seam  # leading axis 3 * (sources * T + S) + role


def create_world(seed: int, *, sources: int = 80, targets: int = 80, likeness: float = 0.5) -> World:
    """The people of the release: numbers of source triplets and of targets, half of both women.

    `likeness` is the share of the variance of the source latents that is common to a triplet.
    """
    together, apart, families, ages, target_ages, outer, seams = jax.random.split(jax.random.key(seed), 7)
    gender = jnp.repeat((jnp.arange(sources) % 2).astype(jnp.float32), 3)
    family = jnp.repeat(jax.random.uniform(families, (sources,), minval=22.0, maxval=62.0), 3)
    age = family + jax.random.uniform(ages, (3 * sources,), minval=-5.0, maxval=5.0)
    latent = math.sqrt(likeness) * jnp.repeat(population.source_latents(together, sources), 3, axis=0)
    latent += math.sqrt(1.0 - likeness) * population.source_latents(apart, 3 * sources)
    target_gender = (jnp.arange(targets) % 2).astype(jnp.float32)
    target_age = jax.random.uniform(target_ages, (targets,), minval=20.0, maxval=65.0)
    world = World(
        People(population.describe_sources(latent, gender, age), gender, age),
        People(population.sample_targets(outer, target_gender, target_age), target_gender, target_age),
        population.sample_seams(seams, 3 * sources * targets),
    )
    return jax.tree.map(np.asarray, world)


FEATURES = (
    ("eye_spacing", 1.0), ("eye_width", 0.8), ("eye_opening", 1.0), ("eye_tilt", 1.0), ("brow_height", 0.8),
    ("brow_thickness", 1.0), ("brow_arch", 0.8), ("brow_density", 0.8), ("nose_length", 0.8), ("nose_width", 1.0),
    ("nose_height", 0.5), ("mouth_height", 0.6), ("mouth_width", 1.0), ("upper_lip", 0.8), ("lower_lip", 0.8),
    ("fold_depth", 0.8), ("iris_color", 1.2), ("brow_color", 1.0), ("lip_color", 1.2),
)  # fmt: skip


def perceived_features(source: faces.Source, target: faces.Target) -> Float32[np.ndarray, "*shape 19"]:
    """The features of an inner face that a viewer perceives in a swap, each in spreads of the population.

    Colors enter by lightness. The target changes how visible a feature is: narrowed lids cover eyes and irises, a smile
    stretches the mouth, a fringe covers the brows, dim light removes color. Leading axes broadcast; the last axis has
    the order of `FEATURES`.
    """
    shows = {
        "eye": target.eye_open, "iris": target.eye_open * (0.7 + 0.5 * target.light_strength),
        "brow": 1.0 - 0.3 * target.fringe, "upper": 1.0 - 0.25 * target.smile, "lower": 1.0 - 0.2 * target.smile,
        "mouth": 1.0 - 0.15 * target.smile, "lip": 0.7 + 0.5 * target.light_strength, "fold": 1.0 + 0.2 * target.smile,
    }  # fmt: skip
    columns = []
    for name, weight in FEATURES:
        value = np.asarray(getattr(source, name), np.float32)
        if name.endswith("color"):
            value, center, spread = np.log(value.mean(-1)), -2.0, 0.6
        else:
            center, _, _, spread = population.SOURCE[name]
        columns.append(weight * (value - center) / spread * np.asarray(shows.get(name.split("_")[0], 1.0)))
    return np.stack(np.broadcast_arrays(*columns), -1)


def triplet_features(world: World) -> Float32[np.ndarray, "cells 3 19"]:
    """Perceived features of a, b, c in every cell of the grid, target-major."""
    sources = jax.tree.map(lambda leaf: leaf[None], world.sources.faces)
    targets = jax.tree.map(lambda leaf: leaf[:, None], world.targets.faces)
    features = perceived_features(sources, targets)
    return features.reshape(-1, 3, features.shape[-1])


class Survey(NamedTuple):
    """The annotators and their answers; cells in target-major order, cell = sources * T + S."""

    people: annotators.Annotators
    features: np.ndarray
    answers: annotators.Answers


def survey(seed: int, world: World) -> Survey:
    """The answers of 18 annotators, two of them careless, to the whole grid."""
    features = triplet_features(world)
    people = annotators.recruit([seed, 1], features.shape[-1])
    return Survey(people, features, annotators.answer([seed, 2], people, features))


def create_people(seed: int, people: int) -> tuple[People, People]:
    """Sources and targets of `people` persons, alternating between four groups: young or older, men or women."""
    inner, outer, ages = jax.random.split(jax.random.fold_in(jax.random.key(seed), 1), 3)
    female = (jnp.arange(people) % 2).astype(jnp.float32)
    young = jnp.arange(people) // 2 % 2 == 0
    age = jnp.where(young, 0.0, 27.0) + jax.random.uniform(ages, (people,), minval=20.0, maxval=38.0)
    both = population.sample_sources(inner, female, age), population.sample_targets(outer, female, age)
    return jax.tree.map(np.asarray, tuple(People(part, female, age) for part in both))
