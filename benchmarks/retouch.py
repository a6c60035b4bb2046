"""How much of skin and light `match_skin_color` and `relight` restore after an anonymizer, and what recognizers gain.

    python -m benchmarks.retouch --model MODEL_FOLDER [--write]

A check of the program on drawn faces, not evidence about people. Every face is anonymized in four ways: by the
renderer, with another inner face in a wrong skin and under a wrong lamp, pasted into the picture; by the classical
swap; by blur; and by pixelate. Errors and the model's similarity of original and result come from the same pictures,
before and after. Intervals resample the faces: a remaining error is a sum over a sum, a change is paired. `estimators`
measures, on more faces, how accurate the estimates of light, skin, pose and expression are.
"""

import argparse

import jax
import numpy as np

from benchmarks import estimators, record
from benchmarks.chosen_swaps import draw, embed, pick
from perface_jax import fidelity, swap
from perface_jax.anonymization import preservation
from perface_jax.anonymization.preservation import in_batches
from perface_jax.images import color
from perface_jax.network.model_folder import load_model
from perface_jax.similarity import similarity
from perface_jax.statistics.estimates import Estimate
from perface_jax.statistics.resampling import ratio, resample
from perface_jax.swap import Face
from perface_jax.synthetic import faces, world

RETOUCHES = {
    "skin": (preservation.match_skins,),
    "light": (preservation.match_lights,),
    "skin + light": (preservation.match_skins, preservation.match_lights),
}
RESAMPLES = 2000


def parser() -> argparse.ArgumentParser:
    """The options of this part."""
    made = record.parser(__doc__)
    made.add_argument("--model", required=True, help="folder of a recognizer")
    made.add_argument("--faces", type=int, default=100, help="that are hidden; a multiple of 4")
    made.add_argument("--estimated", type=int, default=200, help="on which the estimators are judged; a multiple of 4")
    made.add_argument("--seed", type=int, default=2001, help="of the faces; of the estimated ones, 1 more")
    return made


def measure(options: argparse.Namespace) -> dict:
    """A row for each method and retouch, and one for each estimator."""
    source, target = (people.faces for people in world.create_people(options.seed, options.faces))
    original = Face(draw(source, target, faces.natural(options.faces)), np.asarray(faces.landmarks(source, target)))
    model = load_model(options.model)
    vectors, wanted = embed(model, original.image), in_batches(seen, original)
    rows = []
    for method, hidden in hide(original, source, target, options.seed).items():
        before = errors(wanted, hidden, target.light) | {"machine": alike(model, vectors, hidden.image)}
        rows.append({"name": method, "medians": medians(before), "machine": described(mean(before["machine"]))})
        for retouch, steps in RETOUCHES.items():
            result = hidden
            for step in steps:
                result = Face(in_batches(step, original, result), hidden.landmarks)
            after = errors(wanted, result, target.light) | {"machine": alike(model, vectors, result.image)}
            rows.append({"name": f"{method} + {retouch}"} | compared(before, after))
    source, target = (people.faces for people in world.create_people(options.seed + 1, options.estimated))
    lamps = from_anywhere(options.estimated, options.seed + 1)
    return {
        "faces": options.faces,
        "rows": rows,
        "estimated": options.estimated,
        "estimators": estimators.rows(source, target, lamps=lamps, seed=options.seed),
    }


def hide(original: Face, source: faces.Source, target: faces.Target, seed: int) -> dict[str, Face]:
    """The faces anonymized in every way; the replacement is the next face of the same gender and age group."""
    count = len(original.image)
    following = np.roll(np.arange(count), -4)
    other, order = pick(source, following), np.random.default_rng(seed).permutation(count)
    wrong = target._replace(skin=np.asarray(target.skin)[order], light=from_anywhere(count, seed))
    points = np.asarray(faces.landmarks(other, target))
    pasted = in_batches(paste, original.image, draw(other, wrong, faces.natural(count)), points)
    swapped = in_batches(swap.swap_face, original, pick(original, following))
    plain = {name: in_batches(way, *original) for name, way in (("blur", swap.blur), ("pixelate", swap.pixelate))}
    hidden = {"wrong skin and lamp": Face(pasted, points), "classical swap": Face(*map(np.asarray, swapped))}
    return hidden | {name: Face(pictures, original.landmarks) for name, pictures in plain.items()}


def from_anywhere(count: int, seed: int) -> np.ndarray:
    """Unit vectors to lamps up to 60 degrees aside and from 40 below to 40 above, `[count, 3]`."""
    aside, up = np.deg2rad(np.random.default_rng(seed).uniform(-1, 1, (2, count)) * [[60], [40]])
    return np.float32(np.stack([np.sin(aside) * np.cos(up), -np.sin(up), np.cos(aside) * np.cos(up)], -1))


def paste(picture: jax.Array, other: jax.Array, points: jax.Array) -> jax.Array:
    """The picture with the face of another picture in place of its own."""
    share = fidelity.face_region(points, picture.shape[-3:-1])[..., None]
    before, after = picture.astype(share.dtype), other.astype(share.dtype)
    return (before + share * (after - before) + 0.5).astype(picture.dtype)


def errors(original: dict, result: Face, lamp: np.ndarray) -> dict[str, np.ndarray]:
    """For every face, the errors of light and skin against its original, and of light against the drawn lamp.

    Args:
      original: `seen` of the originals.
      result: the results.
      lamp: drawn, unit vectors `[n, 3]`.
    """
    found = in_batches(seen, result)
    true = found["light"]._replace(lamp=np.asarray(lamp))
    return {
        "light": np.asarray(fidelity.light_angle(original["light"], found["light"])),
        "light, true": np.asarray(fidelity.light_angle(true, found["light"])),
        "skin": np.asarray(color.difference(original["skin"], found["skin"])),
    }


def seen(face: Face) -> dict:
    """The light and the color of the skin."""
    mask = fidelity.landmark_regions(face.landmarks, face.image.shape[-3:-1]).skin
    return {"light": fidelity.fit_lighting(*face), "skin": fidelity.skin_color(face.image, mask)}


def alike(model: tuple, vectors: np.ndarray, pictures: np.ndarray) -> np.ndarray:
    """The model's similarity of every result to its original."""
    return np.asarray(similarity(vectors, embed(model, pictures)))


def compared(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> dict:
    """The share of the errors that a retouch leaves, and how much the similarity to the original changed."""
    errors = [name for name in after if name != "machine"]
    return {
        "medians": medians(after),
        "left": {name: described(over_faces(after[name], before[name])) for name in errors},
        "machine": described(mean(after["machine"])),
        "change": described(mean(after["machine"] - before["machine"])),
    }


def medians(values: dict[str, np.ndarray]) -> dict[str, float]:
    """The median of every error."""
    return {name: round(float(np.median(column)), 2) for name, column in values.items() if name != "machine"}


def mean(values: np.ndarray) -> Estimate:
    """The mean over the faces."""
    return over_faces(values, np.ones(len(values)))


def over_faces(above: np.ndarray, below: np.ndarray) -> Estimate:
    """sum(above) / sum(below), faces resampled."""
    count = len(above)
    return ratio(above, below).estimate(np.arange(count), resample(count, RESAMPLES))


def described(found: Estimate) -> dict:
    """The figures for the record."""
    value, *interval = (round(bound, 4) for bound in found)
    return {"value": value, "interval": interval}


if __name__ == "__main__":
    record.run("retouch", parser(), measure)
