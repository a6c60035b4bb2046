"""Training the network on untouched faces against faulty ones; what it finds of faults that it has not seen."""

import functools
import itertools
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Shaped, UInt8

from perface_jax import extras, progress_bar
from perface_jax.naturalness.auc import auc_estimate
from perface_jax.naturalness.network import SIZE, HeldOut, NaturalnessModel, Network, floor, score

HALF = 16  # pictures in a batch of each of the two
LEFT_OUT = 4  # every fourth person is left out, for the scores of untouched faces
FEWEST = 8  # persons
STEPS = 1500
SHIFT = 3  # pixels: most that a face is moved by


class Faces(NamedTuple):
    """Crops, and who is on them: pictures of one person are trained on together, or left out together."""

    crops: UInt8[np.ndarray, "n 64 64 3"]
    persons: Shaped[np.ndarray, " n"]


def fit(
    natural: Faces,
    faulty: Mapping[str, Faces],
    *,
    steps: int = STEPS,
    seed: int = 0,
    held_out: Mapping[str, HeldOut] = {},
) -> NaturalnessModel:
    """A model from untouched faces and, by name of the fault or method, faulty ones; each name counts the same.

    Every fourth person is left out: the scores of their untouched faces are those of `floor`. A batch has faulty faces
    and the untouched ones of the same persons, where there are. All are flipped and moved at random, and their
    brightness, color and sharpness vary, so that these say nothing.

    Args:
      held_out: of `held_out_scores`, to store with the model.

    Raises:
      ValueError: fewer than 8 persons, nothing faulty, or only faults of people who are left out.
    """
    left_out = _left_out(natural, faulty)
    train = {name: _take(one, ~np.isin(one.persons, left_out)) for name, one in faulty.items()}
    if empty := [name for name, one in train.items() if not len(one.crops)]:
        raise ValueError(f"{', '.join(empty)}: no face of the people to train on; wanted more people")
    known = np.isin(natural.persons, left_out)
    variables = _train(_take(natural, ~known), train, steps=steps, seed=seed)
    model = NaturalnessModel(jax.device_get(variables), np.zeros(0, np.float32), dict(held_out))
    return model._replace(untouched=np.sort(score(model, natural.crops[known])))


def held_out_scores(
    natural: Faces, faulty: Mapping[str, Faces], *, steps: int = STEPS, seed: int = 0
) -> dict[str, HeldOut]:
    """For each kind of fault, what a model finds of it that was trained on all OTHER kinds; one training for each.

    Raises:
      ValueError: fewer than two kinds, or what `fit` refuses.
    """
    if len(faulty) < 2:
        raise ValueError(f"{len(faulty)} kinds of faults; wanted two or more, since each is held out in turn")
    left_out, found = _left_out(natural, faulty), {}
    tested = _take(natural, np.isin(natural.persons, left_out))
    for name, one in faulty.items():
        others = {other: faces for other, faces in faulty.items() if other != name}
        model, rest = fit(natural, others, steps=steps, seed=seed), _take(one, np.isin(one.persons, left_out))
        scores, wrong = score(model, tested.crops), score(model, rest.crops)
        auc = auc_estimate(scores, wrong, tested.persons, rest.persons)
        found[name] = HeldOut(auc, float(np.mean(wrong < floor(model, share=0.05))))
    return found


def _left_out(natural: Faces, faulty: Mapping[str, Faces]) -> Shaped[np.ndarray, " p"]:
    """Every fourth person of those with an untouched face."""
    people = np.unique(natural.persons)
    if len(people) < FEWEST or not faulty:
        raise ValueError(f"{len(people)} persons and {len(faulty)} kinds of faults; wanted {FEWEST} and 1, or more")
    return people[::LEFT_OUT]


def _take(faces: Faces, where) -> Faces:
    return Faces(faces.crops[where], faces.persons[where])


def _train(natural, faulty, *, steps, seed):
    start, key = jax.random.split(jax.random.key(seed))
    variables, (optimizer, step) = Network().init(start, natural.crops[:1]), _step(steps)
    state = optimizer.init(variables)
    batches = enumerate(_batches(natural, faulty, steps, seed))
    first, rest = itertools.islice(batches, 1), progress_bar.over(batches, "training", "steps", total=steps - 1)
    with jax.numpy_dtype_promotion("standard"):  # Optax multiplies floats and counters
        for place, faces in itertools.chain(
            first, rest
        ):  # not in `scan`: XLA for CPUs has no fast convolution inside loops
            variables, state = step(variables, state, faces, jax.random.fold_in(key, place))
    return variables


@functools.cache  # one program for all trainings of a length
def _step(steps):
    """The optimizer, and (variables, its state, faces, key) -> (variables, its state) one step on."""
    with extras.explained():
        import optax
    optimizer = optax.adamw(optax.cosine_decay_schedule(3e-3, steps), weight_decay=1e-3)

    def error(variables, faces):
        sign = jnp.where(jnp.arange(2 * HALF) < HALF, -1.0, 1.0)  # untouched ones first
        return jnp.mean(jax.nn.softplus(sign * jnp.asarray(Network().apply(variables, faces))))

    def step(variables, state, faces, key):
        change, state = optimizer.update(jax.grad(error)(variables, _vary(faces, key)), state, variables)
        return optax.apply_updates(variables, change), state

    return optimizer, jax.jit(step, donate_argnums=(0, 1))


def _batches(natural, faulty, steps, seed) -> Iterator[UInt8[np.ndarray, "b 64 64 3"]]:
    """Untouched faces, then as many faulty ones, each kind as often; where possible, of the same persons."""
    random, kinds = np.random.default_rng(seed), list(faulty.values())
    own = {person: np.flatnonzero(natural.persons == person) for person in np.unique(natural.persons)}
    every = np.arange(len(natural.crops))
    for _ in range(steps):
        drawn = [kinds[kind] for kind in random.integers(len(kinds), size=HALF)]
        rows = [random.integers(len(one.crops)) for one in drawn]
        bad = [one.crops[row] for one, row in zip(drawn, rows, strict=True)]
        persons = [one.persons[row] for one, row in zip(drawn, rows, strict=True)]
        good = [natural.crops[random.choice(own.get(person, every))] for person in persons]
        yield np.stack(good + bad)


def _vary(faces: UInt8[jax.Array, "b 64 64 3"], key: jax.Array) -> jax.Array:
    """Faces flipped, moved, softer, brighter or of another tint, at random."""
    keys, one = jax.random.split(key, 5), (len(faces), 1, 1, 1)
    faces = jax.vmap(_moved)(faces.astype(jnp.float32), jax.random.randint(keys[0], (len(faces), 2), 0, 2 * SHIFT + 1))
    faces = jnp.where(jax.random.bernoulli(keys[1], 0.5, one), faces[:, :, ::-1], faces)
    soft = (jnp.roll(faces, 1, 1) + jnp.roll(faces, -1, 1) + jnp.roll(faces, 1, 2) + jnp.roll(faces, -1, 2)) / 4
    faces += jax.random.uniform(keys[2], one, minval=0.0, maxval=0.7) * (soft - faces)
    gain = jax.random.uniform(keys[3], (len(faces), 1, 1, 3), minval=0.85, maxval=1.15)
    return jnp.clip(faces * gain + jax.random.normal(keys[4], one) * 10, 0, 255)


def _moved(face, place):
    padded = jnp.pad(face, [(SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)], mode="edge")
    return jax.lax.dynamic_slice(padded, (place[0], place[1], 0), (SIZE, SIZE, 3))
