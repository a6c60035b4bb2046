"""What two papers claim of learned anonymizers, on drawn people: what an outline and what a loss by regions are worth.

    python -m benchmarks.learned_anonymizer --train DIR --faces DIR --runs dense=DIR five=DIR no_regions=DIR \
        --perface MODEL_FOLDER --recognizer MODEL_FOLDER [--write]

Celona et al.: an outline keeps the expression better than five landmarks. PerceptFace: the loss by regions keeps the
perceived similarity at equal protection. Every run makes one result for each person of `--faces`. The expression of a
result is that of landmarks which a small network finds; it is trained on the drawn faces of `--train`, and `expression`
is the distance from the original's true landmarks. Two rows are the ends of the scale: `originals`, what this network
gets wrong by itself, and `another person`, the original of somebody else.
Rows of two runs are differences between their results for the same people.
"""

import argparse
import pathlib
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks import record
from perface_jax import evaluation, fidelity, generator, images, landmarks
from perface_jax.anonymization.benchmark import mean
from perface_jax.datasets import portrait_files, portraits
from perface_jax.network.model import IResNet
from perface_jax.network.model_folder import load_model
from perface_jax.similarity import similarity

SIZE = 64  # pixels of the faces
PAIRS = (("five", "dense"), ("no_regions", "dense"))  # each is compared with the second
BATCH = 32


def parser() -> argparse.ArgumentParser:
    """The options of this part."""
    made = record.parser(__doc__)
    made.add_argument("--train", required=True, help="drawn faces that train the landmark network: a CelebA-HQ folder")
    made.add_argument("--faces", required=True, help="drawn faces of other people, to anonymize")
    made.add_argument("--runs", nargs="+", required=True, metavar="NAME=DIR", help="model folders of the anonymizers")
    made.add_argument("--perface", required=True, help="folder of a PerFace model")
    made.add_argument("--recognizer", required=True, help="folder of the recognizer of the training")
    made.add_argument("--steps", type=int, default=1500, help="of training the landmark network")
    return made


def measure(options: argparse.Namespace) -> dict:
    """A row for each run, and for each pair of runs."""
    faces, find = read(options.faces), train(read(options.train), steps=options.steps)
    models = {"perceived": load_model(options.perface), "cosine": load_model(options.recognizer)}
    known = {"originals": faces.images, "another person": np.roll(faces.images, 1, axis=0)}
    found = {name: judge(faces, pictures, find, models) for name, pictures in known.items()}
    for name, folder in (run.split("=", 1) for run in options.runs):
        results = generator.FaceInpainter(*generator.load(folder))(faces.images, faces.landmarks)
        found[name] = judge(faces, results, find, models)
    return {"people": len(faces), "rows": [row(name, one) for name, one in (found | differences(found)).items()]}


def differences(found: dict[str, dict[str, np.ndarray]]) -> dict[str, dict[str, np.ndarray]]:
    """Of `PAIRS`, for each person."""
    pairs = [(f"{one} - {other}", found[one], found[other]) for one, other in PAIRS if {one, other} <= found.keys()]
    return {name: {key: one[key] - other[key] for key in one} for name, one, other in pairs}


def read(folder: str) -> portraits.Portraits:
    """The faces of a folder that `perface synthetic` wrote, with their true landmarks."""
    place = pathlib.Path(folder) / "celeba_hq"
    names, _ = images.list_pictures(place / "CelebA-HQ-img")
    points = portrait_files.read_landmarks(str(place / "truth" / "truth.npz"))
    return portraits.read_portraits(str(place / "CelebA-HQ-img"), names, size=SIZE, landmarks=points)


def judge(faces: portraits.Portraits, results: np.ndarray, find, models: dict) -> dict[str, np.ndarray]:
    """One number for each result and measure."""
    truth = jnp.asarray(landmarks.outline(faces.landmarks))
    moved = fidelity.expression_distance(truth, find(results))
    unlike = fidelity.perceptual_loss(faces.images, results, fidelity.landmark_regions(truth, SIZE))
    measures = {"expression": moved.all, "mouth": moved.mouth, "eyes": moved.eyes, "loss by regions": unlike}
    five = np.asarray(truth[:, :5])
    for name, model in models.items():
        measures[name] = similarity(*(embed(model, pictures, five) for pictures in (faces.images, results)))
    return {name: np.asarray(values, np.float64) for name, values in measures.items()}


def embed(model: tuple[IResNet, dict], pictures: np.ndarray, five: np.ndarray) -> np.ndarray:
    """Embeddings of the faces, cropped as the model wants."""
    network, variables = model
    crops = images.align(jnp.asarray(pictures), five, template=network.crop or "simswap", size=network.image_size)
    return evaluation.embed(network, variables, np.asarray(jnp.clip(jnp.rint(crops), 0, 255)).astype(np.uint8))


class LandmarkNetwork(nn.Module):
    """Pictures `[n, 64, 64, 3]` from -1 to 1 -> outlines `[n, 59, 2]`, as shares of the side from the middle."""

    @nn.compact
    def __call__(self, pictures):
        x = pictures
        for width in (24, 48, 96, 96):
            x = nn.gelu(nn.GroupNorm(8)(nn.Conv(width, (3, 3), strides=2)(x)))
        x = nn.gelu(nn.Dense(256)(x.reshape(len(x), -1)))
        return nn.Dense(59 * 2)(x).reshape(-1, 59, 2)


def train(faces: portraits.Portraits, *, steps: int):
    """A function from pictures, uint8 `[n, 64, 64, 3]`, to outlines in their pixels."""
    random, network = np.random.default_rng(0), LandmarkNetwork()
    wanted = np.asarray(landmarks.outline(faces.landmarks), np.float32) / SIZE - np.float32(0.5)
    pictures = images.normalize(faces.images)
    variables = network.init(jax.random.key(0), pictures[:1])
    optimizer = optax.adamw(optax.cosine_decay_schedule(1e-3, steps), weight_decay=1e-3)
    state = optimizer.init(variables)

    def places(variables, pictures) -> jax.Array:
        found: Any = network.apply(variables, pictures)
        return found

    def error(variables, pictures, wanted):
        return jnp.abs(places(variables, pictures) - wanted).mean()

    @jax.jit
    def step(variables, state, pictures, wanted):
        change, state = optimizer.update(jax.grad(error)(variables, pictures, wanted), state, variables)
        return optax.apply_updates(variables, change), state

    for _ in range(steps):
        rows = random.integers(0, len(faces), BATCH)
        noise = random.normal(0, 0.05, pictures[rows].shape).astype(np.float32)  # results are less clean
        variables, state = step(variables, state, pictures[rows] + noise, wanted[rows])
    found = jax.jit(lambda pictures: (places(variables, pictures) + 0.5) * SIZE)
    return lambda pictures: found(images.normalize(pictures))


def row(name: str, values: dict[str, np.ndarray]) -> dict:
    """Means over people, with intervals."""
    people = np.arange(len(next(iter(values.values()))))
    return {"name": name} | {
        measure: [round(float(bound), 4) for bound in mean(one, people)] for measure, one in values.items()
    }


if __name__ == "__main__":
    record.run("learned_anonymizer", parser(), measure)
